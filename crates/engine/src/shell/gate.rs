//! What a machine's thread may begin: whatever was halted before it began doesn't begin any more.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use forethought_record::RunKey;

/// Longest time that a start under way is waited for.
const START_MOST: Duration = Duration::from_secs(30);

/// Between those who halt and the thread that starts.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<(Mutex<State>, Condvar)>);

#[derive(Default)]
struct State {
    /// Times that everything was halted: what was sent before the last time is over.
    halts: u64,
    halted: BTreeSet<RunKey>,
    /// Called back before they began, as far as anybody knows.
    recalled: BTreeSet<RunKey>,
    /// The order that is being started.
    starting: Option<RunKey>,
}

/// An order to start, as it stood when it was sent.
#[derive(Debug, Clone)]
pub(super) struct Ticket {
    halts: u64,
    key: RunKey,
}

impl State {
    fn is_closed(&self, ticket: &Ticket) -> bool {
        self.halts > ticket.halts || self.halted.contains(&ticket.key)
    }
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, State> {
        // No state is left half written where a thread panics.
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// For an order that is sent now.
    pub(super) fn ticket(&self, key: &RunKey) -> Ticket {
        let mut state = self.state();
        state.recalled.remove(key);
        Ticket { halts: state.halts, key: key.clone() }
    }

    /// This order does not begin if it has not begun yet.
    pub(super) fn recall(&self, key: &RunKey) {
        self.state().recalled.insert(key.clone());
    }

    /// It was called back, or halted, meanwhile.
    pub(super) fn is_overtaken(&self, ticket: &Ticket) -> bool {
        let state = self.state();
        state.is_closed(ticket) || state.recalled.contains(&ticket.key)
    }

    /// From now on this order does not begin, or none that was sent before.
    pub(super) fn close(&self, key: Option<&RunKey>) {
        let mut state = self.state();
        match key {
            Some(key) => drop(state.halted.insert(key.clone())),
            None => state.halts += 1,
        }
    }

    /// It was halted meanwhile.
    pub(super) fn is_closed(&self, ticket: &Ticket) -> bool {
        self.state().is_closed(ticket)
    }

    /// Begins to start an order, unless it was halted or called back meanwhile.
    pub(super) fn begin(&self, ticket: &Ticket) -> bool {
        let mut state = self.state();
        if state.is_closed(ticket) || state.recalled.contains(&ticket.key) {
            return false;
        }
        state.starting = Some(ticket.key.clone());
        true
    }

    /// The start has come to its end, one way or the other.
    pub(super) fn begun(&self) {
        self.state().starting = None;
        self.0.1.notify_all();
    }

    /// Waits until a start under way of this order, or of any, has come to its end; says whether there was one.
    pub(super) fn wait(&self, key: Option<&RunKey>) -> bool {
        let concerns = |state: &State| match (&state.starting, key) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(starting), Some(key)) => starting == key,
        };
        let mut state = self.state();
        let was_starting = concerns(&state);
        let began = Instant::now();
        while concerns(&state) && began.elapsed() < START_MOST {
            let left = START_MOST.saturating_sub(began.elapsed());
            state = match self.0.1.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        was_starting
    }
}
