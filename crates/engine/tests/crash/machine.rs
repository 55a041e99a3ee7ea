//! A machine that keeps its own log, as a real one would, and survives crashes of the engine.

use std::collections::BTreeMap;

use forethought_machine::Class;
use forethought_record::{Fate, RunKey};

/// What a machine does with an order.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// When what it will say is there; never, where it hangs.
    pub(crate) ready: u64,
    pub(crate) fate: Fate,
}

/// A simulated machine.
pub(crate) struct Machine {
    pub(crate) class: Class,
    pub(crate) capacity: u32,
    /// It can prove that an order never began, as long as it remembers.
    pub(crate) proves: bool,
    /// Every start that reached it, in order.
    pub(crate) started: Vec<RunKey>,
    /// All that it ever began.
    pub(crate) jobs: BTreeMap<RunKey, Job>,
    /// What it still knows of.
    pub(crate) remembered: BTreeMap<RunKey, ()>,
    /// Since then it remembers what it was sent: orders of before are in doubt.
    pub(crate) forgot_at: Option<u64>,
    /// It is off until then.
    pub(crate) off_until: u64,
    /// What was set last by parameter, and since when that is over.
    pub(crate) set: BTreeMap<String, (f64, RunKey)>,
}

impl Machine {
    pub(crate) fn new(class: Class, capacity: u32, proves: bool) -> Machine {
        Machine {
            class,
            capacity,
            proves,
            started: Vec::new(),
            jobs: BTreeMap::new(),
            remembered: BTreeMap::new(),
            forgot_at: None,
            off_until: 0,
            set: BTreeMap::new(),
        }
    }

    /// What it says of an order that was intended at some time.
    pub(crate) fn says(&self, key: &RunKey, intended: u64, now: u64) -> Fate {
        if self.remembered.contains_key(key) {
            let job = &self.jobs[key];
            return if job.ready <= now { job.fate.clone() } else { Fate::Running { progress: None } };
        }
        let has_forgotten = self.forgot_at.is_some_and(|at| intended <= at);
        match self.class {
            Class::Deduplicating => Fate::NeverSeen,
            _ if has_forgotten && self.proves => Fate::Unknown { message: "its folder is gone".into() },
            _ if self.proves => Fate::NotSent { message: "it never began".into() },
            _ => Fate::NeverSeen,
        }
    }

    /// Its memory is lost, as a folder that was removed; what it does goes on. What sends twice harmlessly never forgets.
    pub(crate) fn forget(&mut self, now: u64) {
        if self.class != Class::Deduplicating {
            self.remembered.clear();
            self.forgot_at = Some(now);
        }
    }

    /// Its power is cut: what it did is over, and it knows no more than that.
    pub(crate) fn lose_power(&mut self, now: u64) {
        for job in self.jobs.values_mut().filter(|job| job.ready > now) {
            job.ready = now;
            job.fate = Fate::Unknown { message: "it was claimed, and no process works on it".into() };
        }
    }

    /// Ends what it does.
    pub(crate) fn halt(&mut self, key: Option<&RunKey>, now: u64) {
        for (_, job) in
            self.jobs.iter_mut().filter(|(k, job)| key.is_none_or(|key| key == *k) && job.ready > now)
        {
            job.ready = now;
            job.fate = Fate::Faulted { message: "it was ended by signal 15".into() };
        }
    }
}
