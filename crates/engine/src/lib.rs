//! The campaign core, which does no input or output, and the shell that runs it.
//!
//! Three nouns: a [`Core`] takes [`Input`]s and gives [`Effect`]s, and never waits, decides or logs, so that one seed can drive it
//! through every crash; a [`Shell`] carries the effects out with threads, a journal and real machines, and holds no rule; a
//! [`Desk`] does the same for one command, without machines. [`decide()`] is the pure function behind [`Effect::Decide`], which
//! [`replay()`] asks again.
//!
//! ```
//! use forethought_engine::{Answer, Command, Desk, Opened, Reply};
//! use forethought_memory::VolatileJournal;
//! use forethought_record::Actor;
//! use forethought_space::{Measurement, parse};
//! use jiff::Timestamp;
//!
//! let text = "forethought = 1\nname = \"oven\"\n[parameter]\nheat = { range = [150, 260] }\n\
//!             [outcome]\ncrust = { goal = \"maximize\" }\n[machine.oven]\ndriver = \"manual\"\n";
//! let problem = parse(text, &|_| None, None).expect("a sound file");
//! let (now, ada) = (Timestamp::UNIX_EPOCH, Actor("ada".into()));
//! let opened = Opened::open(Box::new(VolatileJournal::default()), &problem, text, &ada, now)?;
//! let mut desk = Desk::new(opened)?;
//!
//! let Reply::Trials(asked) = desk.execute(Command::Ask { count: 1 }, &ada, now)? else { unreachable!("ask gives trials") };
//! let crust = [("crust".to_owned(), Some(Measurement::Number(7.5)))].into();
//! let answer = Answer { trial: asked.first().copied(), outcomes: crust, ..Answer::default() };
//! desk.execute(Command::Tell { answers: vec![answer] }, &ada, now)?;
//! assert_eq!(desk.campaign().history().observed.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
