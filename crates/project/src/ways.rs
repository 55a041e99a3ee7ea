//! Where commands to a project that this process owns go, by the name of the campaign or world.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;

use crate::socket::{Answered, Request};

type Way = Arc<dyn Fn(Request<Box<RawValue>>) -> Answered + Send + Sync>;

/// Where commands go, by the name of the campaign or world: None while it is being opened or a command is carried out at rest.
#[derive(Default)]
pub(crate) struct Ways {
    by_name: Mutex<BTreeMap<String, Option<Way>>>,
    changed: Condvar,
}

/// A name that somebody works on; free again when this goes.
pub(crate) struct Turn {
    ways: Arc<Ways>,
    name: String,
}

impl Ways {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Way>>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nobody is busy with a name; None where commands to it have a way already.
    pub(crate) fn begin(ways: &Arc<Ways>, name: &str) -> Option<Turn> {
        let is_busy = |all: &mut BTreeMap<String, Option<Way>>| matches!(all.get(name), Some(None));
        let all = ways.lock();
        let mut all = ways.changed.wait_while(all, is_busy).unwrap_or_else(PoisonError::into_inner);
        if all.contains_key(name) {
            return None;
        }
        all.insert(name.to_owned(), None);
        drop(all);
        Some(Turn { ways: Arc::clone(ways), name: name.to_owned() })
    }

    /// Sends a request its way, or has it carried out while nobody else works on that name.
    pub(crate) fn answer(
        self: &Arc<Self>,
        request: Request<Box<RawValue>>,
        at_rest: &dyn Fn(Request<Box<RawValue>>) -> Answered,
    ) -> Answered {
        loop {
            let all = self.lock();
            let is_busy =
                |all: &mut BTreeMap<String, Option<Way>>| matches!(all.get(&request.campaign), Some(None));
            let all = self.changed.wait_while(all, is_busy).unwrap_or_else(PoisonError::into_inner);
            if let Some(Some(way)) = all.get(&request.campaign) {
                let way = Arc::clone(way);
                drop(all);
                return way(request);
            }
            drop(all);
            // Somebody may have opened it in between.
            let Some(_turn) = Ways::begin(self, &request.campaign) else { continue };
            return at_rest(request);
        }
    }
}

impl Turn {
    /// Commands go this way from now on.
    pub(crate) fn open(&self, way: impl Fn(Request<Box<RawValue>>) -> Answered + Send + Sync + 'static) {
        self.ways.lock().insert(self.name.clone(), Some(Arc::new(way)));
        self.ways.changed.notify_all();
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.ways.lock().remove(&self.name);
        self.ways.changed.notify_all();
    }
}
