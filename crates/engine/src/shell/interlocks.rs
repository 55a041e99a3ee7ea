//! Interlocks: read right before an order is started, each on a thread of its own, so that one that is slow makes none of the others old.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use forethought_machine::{Fault, Signals};

/// Oldest reading with which an order may be started.
const AGE_MOST: Duration = Duration::from_secs(1);
/// Times that they are read anew where the reading was too old when all were there.
const READINGS_MOST: u32 = 3;
/// Longest wait for a signal.
const READ_MOST: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(20);

/// A signal by its name for people, `machine.signal`, and how it is read.
pub(super) type Interlock = (String, String, Signals);

/// Why an order is not started.
pub(super) enum Closed {
    /// It was halted, or called back, meanwhile.
    Overtaken,
    /// An interlock is not true, or cannot be read, in words.
    Interlock(String),
}

/// Reads all until all are seen to be true within one second.
pub(super) fn read(interlocks: &[Interlock], is_overtaken: &dyn Fn() -> bool) -> Result<(), Closed> {
    if interlocks.is_empty() {
        return Ok(());
    }
    let mut slowest = String::new();
    for _ in 0..READINGS_MOST {
        let began = Instant::now();
        slowest = read_once(interlocks, is_overtaken)?;
        if began.elapsed() <= AGE_MOST {
            return Ok(());
        }
    }
    Err(Closed::Interlock(format!(
        "the interlock {slowest} takes longer than {} s to read, so nobody knows what it is when the order starts",
        AGE_MOST.as_secs()
    )))
}

/// Reads each once; gives the name of the one that came last.
fn read_once(interlocks: &[Interlock], is_overtaken: &dyn Fn() -> bool) -> Result<String, Closed> {
    let (out, states) = mpsc::channel::<(usize, Result<bool, Fault>)>();
    for (i, (name, signal, reader)) in interlocks.iter().enumerate() {
        let (out, signal, reader) = (out.clone(), signal.clone(), reader.clone());
        let thread = std::thread::Builder::new().name(format!("signal {signal}"));
        // Whoever waited for it may have gone.
        let spawned = thread.spawn(move || drop(out.send((i, reader(&signal)))));
        if let Err(e) = spawned {
            return Err(Closed::Interlock(format!("the interlock {name} cannot be read: {e}")));
        }
    }
    drop(out);
    let began = Instant::now();
    let mut last = String::new();
    let mut left = interlocks.len();
    while left > 0 {
        if is_overtaken() {
            return Err(Closed::Overtaken);
        }
        let (name, state) = match states.recv_timeout(LOOK) {
            Ok((i, state)) => (&interlocks[i].0, state),
            Err(mpsc::RecvTimeoutError::Timeout) if began.elapsed() < READ_MOST => continue,
            Err(_) => return Err(Closed::Interlock("an interlock gives no answer".into())),
        };
        match state {
            Ok(true) => last.clone_from(name),
            Ok(false) => return Err(Closed::Interlock(format!("the interlock {name} is not true"))),
            Err(e) => return Err(Closed::Interlock(format!("the interlock {name} cannot be read: {e}"))),
        }
        left -= 1;
    }
    Ok(last)
}
