//! What lasts: journals of sealed events, episodes of plants, and the project folder that holds them.
//!
//! Three nouns: a [`Journal`] keeps the events of campaigns as bytes, each [`Sealed`] into a [`Chain`] by hash, and is durable
//! when [`Journal::append`] returns; a [`Store`] appends to one chain of it; an [`EpisodeStore`] keeps what was read from a plant
//! and set on it, sample by sample. [`SqliteJournal`] is the journal that people use, [`VolatileJournal`] the one that simulations
//! crash.
//!
//! ```
//! use forethought_memory::{Chain, Store, VolatileJournal};
//! use jiff::Timestamp;
//!
//! let (mut store, before) = Store::take(Box::new(VolatileJournal::default()), "oven", Timestamp::UNIX_EPOCH)?;
//! assert!(before.is_empty());
//! assert_eq!(store.append(&["heated", "measured"], vec![])?, 2);
//!
//! let mut sealed = Vec::new();
//! store.journal().read_after(Chain::new(store.campaign()), &mut |event| sealed.push(event))?;
//! assert_eq!(sealed[1].bytes, br#""measured""#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

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
