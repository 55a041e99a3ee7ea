//! Planners of trajectories, from outside.

mod keeps;
mod limits;
mod plants;
mod reaches;
