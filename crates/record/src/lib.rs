//! What can happen in a campaign, as events that are kept for ever, and the state that they fold to.
//!
//! An [`Entry`] is one [`Event`] with its time and its [`Actor`]. A [`Campaign`] is the fold of all
//! entries; nothing else holds state. A [`Trial`] is one recipe's way through the stages, an
//! [`Order`] one stage of it on one machine, named for ever by its [`RunKey`].

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
