//! Planners of trajectories, from outside.

mod costable;
mod keeps;
mod limits;
mod plants;
mod reaches;
