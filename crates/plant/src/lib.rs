//! The words of a plant: what is read from it and set on it, how it moves, and what is wanted of it.
//!
//! An [`EnvironmentCard`] says which [`Channel`]s a plant has; an [`Episode`] is what was read and set, period by period. A
//! [`World`] is a world file that was checked against the plant's card: what each sensor should show, what must never be, how
//! it is explored and driven. [`Dynamics`] foretells what a plant will show, and [`Cost`] what that is worth; a planner sees
//! only the [`Score`]s of candidate plans, by [`Costable`].
//!
//! ```
//! use forethought_plant::ActionBounds;
//!
//! // A valve that may move by 0.1 a period is asked to jump.
//! let valve = ActionBounds { low: vec![0.0], high: vec![1.0], step: vec![0.1] };
//! let mut action = [0.9];
//! valve.clamp(&mut action, &[0.5]);
//! assert_eq!(action, [0.6]);
//! ```

mod channel;
mod dynamics;
mod episode;
mod score;
mod world;

pub use channel::{ActionBounds, ActionSpec, Channel, ChannelKind, EnvironmentCard};
pub use dynamics::{Cost, Dynamics, Imagined, Latent, Shape};
pub use episode::Episode;
pub use score::{Costable, Score};
pub use world::{
    Believing, CardOf, Episodes, OptionMistake, Planner, Track, World, WorldFile, parse_world, world_schema,
};
