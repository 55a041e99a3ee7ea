//! What can happen in a campaign, as events that are kept for ever, and the state that they fold to.
//!
//! Three nouns: an [`Entry`] is one [`Event`] with its time and its [`Actor`]; a [`Campaign`] is the fold of all entries, and
//! nothing else holds state; a [`Trial`] is one recipe's way through the stages, by [`Order`]s to machines, each named for ever by
//! its [`RunKey`]. A plant's events fold to a [`Drive`].
//!
//! ```
//! use forethought_record::{Actor, Campaign, CampaignId, Entry, Event};
//! use forethought_space::{Recipe, Value};
//! use jiff::Timestamp;
//!
//! let text = "forethought = 1\nname = \"oven\"\n[parameter]\nheat = { range = [150, 260] }\n\
//!             [outcome]\ncrust = { goal = \"maximize\" }\n[machine.oven]\ndriver = \"manual\"\n";
//! let campaign = CampaignId(Default::default());
//! let entry = |event| Entry::new(Timestamp::UNIX_EPOCH, Actor("ada".into()), event);
//! let opened = Event::Opened {
//!     campaign,
//!     name: "oven".into(),
//!     text: text.into(),
//!     attachments: Default::default(),
//!     version: "0.3.0".into(),
//! };
//! let brought = Event::Brought { trial: 1, recipe: Recipe::from([("heat", Value::Number(200.0))]) };
//! let fold = Campaign::fold(&[entry(opened), entry(brought)], &|_| None)?;
//! assert_eq!((fold.problem.name.as_str(), fold.seq, fold.trials.len()), ("oven", 2, 1));
//! # Ok::<(), forethought_record::FoldError>(())
//! ```

mod actor;
mod campaign;
mod claim;
mod drive;
mod event;
mod id;
mod refusal;
mod trial;

pub use actor::Actor;
pub use campaign::{BeliefRef, Campaign, FoldError, Imported, Status};
pub use claim::{Claim, ClaimState, Says, Settlement, Verdict};
pub use drive::{
    AlarmKind, AlarmState, Drive, DriveEntry, DriveError, DriveEvent, EpisodeEnd, EpisodeState, Kept, Left,
    Maintained, ModelState, Purpose, Reach, Score,
};
pub use event::{Entry, Event, FORMAT, Fate, Proposed, REMARK, Reason, Resolution};
pub use id::{CampaignId, KeyError, RunKey, Seq};
pub use refusal::Refusal;
pub use trial::{Hold, Order, OrderState, Trial, TrialState, Why};
