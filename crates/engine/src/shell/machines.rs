//! One thread a machine: takes errands, asks after what is under way.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use forethought_machine::{Machine, NotStarted, Order};
use forethought_record::{Fate, RunKey};

use super::Message;
use crate::campaign::Input;

/// Shortest and longest time between two questions about one order.
const ASK_AFTER: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(200));
/// Questions in a row that a machine may leave open before its order counts as unknown.
const UNANSWERED_MOST: u32 = 600;

/// What a machine's thread is sent to do.
pub(super) enum Errand {
    Start(Order),
    Inquire(RunKey),
    Sense(String, RunKey),
    Forget(RunKey),
}

/// Serves until the shell goes.
pub(super) fn serve(mut machine: Box<dyn Machine>, errands: &Receiver<Errand>, out: &Sender<Message>) {
    let name = machine.card().name.clone();
    // Orders under way, with how often in a row the machine could not be asked.
    let mut open: BTreeMap<RunKey, u32> = BTreeMap::new();
    let mut pause = ASK_AFTER.0;
    loop {
        let errand = if open.is_empty() {
            match errands.recv() {
                Ok(errand) => Some(errand),
                Err(_) => return,
            }
        } else {
            match errands.recv_timeout(pause) {
                Ok(errand) => Some(errand),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        };
        let told = match errand {
            None => Ok(()),
            Some(Errand::Forget(key)) => {
                open.remove(&key);
                Ok(())
            }
            Some(Errand::Inquire(key)) => {
                open.insert(key, 0);
                Ok(())
            }
            Some(Errand::Sense(signal, key)) => {
                let state = machine.signal(&signal).map_err(|e| e.to_string());
                out.send(Message::Input(Input::Sensed(key, format!("{name}.{signal}"), state)))
            }
            Some(Errand::Start(order)) => {
                pause = ASK_AFTER.0;
                let fate = match machine.start(&order) {
                    Ok(receipt) => {
                        open.insert(order.key.clone(), 0);
                        Fate::Accepted { receipt: receipt.0 }
                    }
                    Err(NotStarted::Refused(message)) => {
                        Fate::Faulted { message: format!("the machine refused the order: {message}") }
                    }
                    Err(NotStarted::NotSent(message)) => Fate::NotSent { message },
                    Err(NotStarted::Unknown(message)) => Fate::Unknown { message },
                };
                out.send(Message::Input(Input::Answer(order.key, fate)))
            }
        };
        if told.is_err() {
            return;
        }
        match ask_all(machine.as_mut(), &mut open, out) {
            Ok(true) => pause = ASK_AFTER.0,
            Ok(false) => pause = (pause * 2).min(ASK_AFTER.1),
            Err(()) => return,
        }
    }
}

/// Asks after all that is open; says whether anything came to its end.
fn ask_all(
    machine: &mut dyn Machine,
    open: &mut BTreeMap<RunKey, u32>,
    out: &Sender<Message>,
) -> Result<bool, ()> {
    let mut ended = Vec::new();
    for (key, unanswered) in open.iter_mut() {
        let message = match machine.poll(key) {
            Ok(Fate::Running { progress }) => {
                *unanswered = 0;
                match progress {
                    Some(share) => Message::Progress(key.clone(), share),
                    None => continue,
                }
            }
            Ok(fate) => {
                ended.push(key.clone());
                Message::Input(Input::Answer(key.clone(), fate))
            }
            Err(fault) => {
                *unanswered += 1;
                if *unanswered < UNANSWERED_MOST {
                    continue;
                }
                ended.push(key.clone());
                let message = format!("the machine could not be asked {unanswered} times in a row: {fault}");
                Message::Input(Input::Answer(key.clone(), Fate::Unknown { message }))
            }
        };
        out.send(message).map_err(|_| ())?;
    }
    for key in &ended {
        open.remove(key);
    }
    Ok(!ended.is_empty())
}
