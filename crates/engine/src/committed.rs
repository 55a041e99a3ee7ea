//! What was committed, for whoever follows a campaign in this process.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use forethought_record::{Entry, Seq};

/// Commits that a follower may lie behind: one that reads more slowly is let go, and reads on from the journal.
const BEHIND_MOST: usize = 1024;

/// Entries that became durable together.
#[derive(Debug, Clone)]
pub struct Committed {
    /// The event before the first of them.
    pub after: Seq,
    /// In their order.
    pub entries: Arc<[Entry]>,
}

/// Tells followers what was committed, once it is durable. A clone tells the same followers.
#[derive(Debug, Clone, Default)]
pub struct Publisher(Arc<Mutex<Vec<SyncSender<Committed>>>>);

impl Publisher {
    /// What is committed from now on. The channel ends with the last publisher, and for a follower that lies too far behind:
    /// both read on from the journal, after the last event that they know of.
    pub fn follow(&self) -> Receiver<Committed> {
        let (sender, receiver) = sync_channel(BEHIND_MOST);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Tells every follower. Never waits.
    pub(crate) fn publish(&self, after: Seq, entries: &[Entry]) {
        let mut followers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if followers.is_empty() {
            return;
        }
        let committed = Committed { after, entries: entries.into() };
        followers.retain(|follower| match follower.try_send(committed.clone()) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        });
    }
}

#[cfg(test)]
mod tests {
    use forethought_record::{Actor, Event};
    use jiff::Timestamp;

    use super::*;

    fn entry() -> Entry {
        Entry::new(Timestamp::UNIX_EPOCH, Actor("a".into()), Event::Resumed)
    }

    #[test]
    fn followers_hear_what_is_committed_from_then_on() {
        let publisher = Publisher::default();
        publisher.publish(0, &[entry()]);
        let follower = publisher.follow();
        publisher.publish(1, &[entry(), entry()]);
        drop(publisher);
        let heard: Vec<(Seq, usize)> = follower.iter().map(|c| (c.after, c.entries.len())).collect();
        assert_eq!(heard, [(1, 2)]);
    }

    #[test]
    fn who_lies_too_far_behind_is_let_go_and_holds_nobody_up() {
        let publisher = Publisher::default();
        let (slow, quick) = (publisher.follow(), publisher.follow());
        let mut heard = 0;
        for after in 0..2 * BEHIND_MOST as Seq {
            publisher.publish(after, &[entry()]);
            heard += quick.try_iter().count();
        }
        assert_eq!((slow.iter().count(), heard), (BEHIND_MOST, 2 * BEHIND_MOST));
    }
}
