//! The plant's own thread: what it is told, one thing at a time, and a period that is cut short by the next.

use std::sync::mpsc::{Receiver, Sender, TryRecvError};

use forethought_machine::{Environment, Fault, Reading};

use super::Message;
use crate::words::DriveInput;

/// What the plant is told.
#[derive(Debug)]
pub(super) enum Errand {
    Reset(u64),
    Step(Vec<f64>),
    MakeSafe,
}

/// Speaks to a plant.
pub(super) struct Speaker {
    environment: Box<dyn Environment>,
    out: Sender<Message>,
    /// The plant may do something other than hold its safe action.
    is_moved: bool,
}

impl Speaker {
    pub(super) fn new(environment: Box<dyn Environment>, out: Sender<Message>) -> Self {
        Speaker { environment, out, is_moved: false }
    }

    pub(super) fn serve(mut self, errands: &Receiver<Errand>) {
        let mut next = errands.recv().ok();
        while let Some(errand) = next {
            let cut_by = match errand {
                Errand::Reset(seed) => {
                    self.is_moved = true;
                    let read = self.environment.reset(seed);
                    self.tell(read);
                    None
                }
                Errand::Step(action) => {
                    self.is_moved = true;
                    self.hold(&action, errands)
                }
                Errand::MakeSafe => {
                    let done = self.environment.make_safe();
                    self.is_moved &= done.is_err();
                    let _ = self.out.send(Message::Input(DriveInput::Safe(done.map_err(|f| f.0))));
                    None
                }
            };
            next = cut_by.or_else(|| errands.recv().ok());
        }
    }

    /// Holds an action over its period, or until the next word, which it gives.
    fn hold(&mut self, action: &[f64], errands: &Receiver<Errand>) -> Option<Errand> {
        if let Err(fault) = self.environment.begin(action) {
            self.tell(Err(fault));
            return None;
        }
        loop {
            if let Some(read) = self.environment.poll().transpose() {
                self.tell(read);
                return None;
            }
            match errands.try_recv() {
                Ok(errand) => return Some(errand),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => {}
            }
        }
    }

    /// What was read, with what is to be drawn beside it.
    fn tell(&self, read: Result<Reading, Fault>) {
        let beside = self.environment.render().into_iter().map(|(_, value)| value).collect();
        let _ = self.out.send(Message::Read(read.map_err(|f| f.0), beside));
    }
}

impl Drop for Speaker {
    fn drop(&mut self) {
        // Whoever drove it is gone, or a driver failed: the plant must not go on as it was last set.
        if self.is_moved {
            let _ = self.environment.make_safe();
        }
    }
}
