//! The campaign core, which does no input or output, and the shell that runs it.
//!
//! [`Core`] takes [`Input`]s and gives [`Effect`]s: it never waits, decides or logs, so one seed can
//! drive it through every crash. [`Shell`] carries the effects out with threads, a journal and real
//! machines and holds no rule; [`Desk`] does the same for one command, without machines.
//! [`decide()`] is the pure function behind `Effect::Decide`, which `replay` asks again.

mod belief;
mod campaign;
mod committed;
mod decide;
mod desk;
mod open;
mod rehearsal;
mod replay;
mod revise;
mod shell;

pub use belief::{BeliefError, last_belief};
pub use campaign::{
    Answer, Ask, Changing, Command, Core, Decided, Effect, Input, OUTSIDE, Refusal, Reply, Rest, Taken,
    Undecided,
};
pub use committed::{Committed, Publisher};
pub use decide::{decide, question};
pub use desk::{Desk, DeskError};
pub use open::{Opened, StoreError};
pub use rehearsal::{Rehearsal, Trace};
pub use replay::{Difference, Replayed, replay};
pub use revise::Change;
pub use shell::{Door, Patience, Shell, ShellError, Update};
