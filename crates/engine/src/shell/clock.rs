//! Time within a process: it never goes back and never jumps, whatever is done to the system's clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A deviation of the system's clock that is worth telling.
const DEVIATION: SignedDuration = SignedDuration::from_secs(5);

/// Counts from the system's clock as it was, or from the last event of the record where that is later.
pub(super) struct Clock {
    system: fn() -> Timestamp,
    base: Timestamp,
    began: Duration,
}

impl Clock {
    pub(super) fn new(system: fn() -> Timestamp, last: Timestamp) -> Clock {
        Clock { system, base: system().max(last), began: since_boot() }
    }

    pub(super) fn now(&self) -> Timestamp {
        let gone = SignedDuration::try_from(since_boot().saturating_sub(self.began));
        gone.ok().and_then(|g| self.base.checked_add(g).ok()).unwrap_or(Timestamp::MAX)
    }

    /// How far the system's clock is ahead of the time that is counted, where it is worth telling.
    pub(super) fn deviation(&self) -> Option<SignedDuration> {
        let ahead = (self.system)().duration_since(self.now());
        (ahead.abs() >= DEVIATION).then_some(ahead)
    }
}

/// Time that the computer has run, the time that it slept included.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static BEGAN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGAN.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    const DAY: i64 = 86_400;

    static SYSTEM: AtomicI64 = AtomicI64::new(1_700_000_000);

    fn system() -> Timestamp {
        Timestamp::from_second(SYSTEM.load(Ordering::Relaxed)).unwrap()
    }

    #[test]
    fn a_clock_that_is_set_moves_no_time_and_is_told() {
        let began = system();
        let clock = Clock::new(system, began);
        assert_eq!(clock.deviation(), None);
        for days in [1, -1, 30] {
            SYSTEM.store(began.as_second() + days * DAY, Ordering::Relaxed);
            assert!(clock.now().duration_since(began) < SignedDuration::from_secs(60));
            let ahead = clock.deviation().unwrap().as_secs();
            assert!((ahead - days * DAY).abs() <= 60, "{ahead}");
        }
        // A process that begins after the clock was put back goes on from what is recorded.
        let last = began + SignedDuration::from_hours(24);
        SYSTEM.store(began.as_second(), Ordering::Relaxed);
        let clock = Clock::new(system, last);
        assert!(clock.now() >= last && clock.deviation().unwrap().is_negative());
    }
}
