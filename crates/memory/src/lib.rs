//! What lasts: journals of sealed events, episodes of plants, and the project folder that holds them.
//!
//! A [`Journal`] keeps the events of campaigns as bytes, each [`Sealed`] into a [`Chain`] by hash. It
//! is durable when [`Journal::append`] returns. [`SqliteJournal`] is the one that people use;
//! [`VolatileJournal`] is the one that simulations crash; a [`Store`] appends to one chain of it. An [`EpisodeStore`] keeps what was read from a
//! plant and set on it, sample by sample.

mod chain;
mod connect;
mod episodes;
mod folder;
mod head;
mod holder;
mod journal;
mod kept;
mod place;
mod reserve;
mod shared;
mod sqlite;
mod store;
mod volatile;

pub use chain::{Chain, Sealed, hex};
pub use episodes::{
    BadCell, Block, EpisodeCard, EpisodeChannel, EpisodeError, EpisodeId, EpisodeState, EpisodeStore,
    EpisodeTable, FrameShape, Frames, Sampling, StoredEpisode, TableError, Verified, Window,
};
pub use folder::{Folder, OwnError, Owner};
pub use head::Head;
pub use journal::{AppendError, Batch, Journal, ReadError, Stored, entries, hash_hex};
pub use kept::{Kept, Loss};
pub use shared::SharedJournal;
pub use sqlite::SqliteJournal;
pub use store::{Store, TakeError};
pub use volatile::{Damage, VolatileJournal};
