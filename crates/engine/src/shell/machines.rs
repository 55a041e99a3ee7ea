//! One thread a machine: takes errands, asks after what is under way.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use forethought_machine::{Machine, NotStarted, Order};
use forethought_record::{Fate, RunKey};

use super::Message;
use super::gate::{Gate, Ticket};
use super::interlocks::{self, Closed, Interlock};
use crate::campaign::Input;

/// Shortest and longest time between two questions about one order.
const ASK_AFTER: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(200));
/// Questions in a row that a machine may leave open before its order counts as unknown.
const UNANSWERED_MOST: u32 = 600;

/// What a machine's thread is sent to do.
pub(super) enum Errand {
    /// Start an order, its interlocks being true.
    Start(Order, Vec<Interlock>, Ticket),
    /// Ask after an order, and go on asking.
    Inquire(Order, Ticket),
    /// An order was halted, or all, or why not: say so once what came of it before was said.
    Halted(Option<RunKey>, Result<(), String>),
}

/// An order that is asked after.
struct Open {
    order: Order,
    ticket: Ticket,
    /// How often in a row the machine could not be asked.
    unanswered: u32,
    /// Somebody wants to know even that it runs.
    is_asked_for: bool,
}

/// A machine with its orders under way.
pub(super) struct Server {
    pub(super) machine: Box<dyn Machine>,
    pub(super) gate: Gate,
    pub(super) out: Sender<Message>,
    open: BTreeMap<RunKey, Open>,
}

/// Whoever listened has gone.
struct Gone;

impl Server {
    pub(super) fn new(machine: Box<dyn Machine>, gate: Gate, out: Sender<Message>) -> Server {
        Server { machine, gate, out, open: BTreeMap::new() }
    }

    /// Serves until the shell goes.
    pub(super) fn serve(mut self, errands: &Receiver<Errand>) {
        let mut pause = ASK_AFTER.0;
        loop {
            let errand = if self.open.is_empty() {
                errands.recv().map(Some).map_err(|_| Gone)
            } else {
                match errands.recv_timeout(pause) {
                    Ok(errand) => Ok(Some(errand)),
                    Err(RecvTimeoutError::Timeout) => Ok(None),
                    Err(RecvTimeoutError::Disconnected) => Err(Gone),
                }
            };
            if matches!(errand, Ok(Some(Errand::Start(..)))) {
                pause = ASK_AFTER.0;
            }
            let asked = errand.and_then(|e| e.map_or(Ok(()), |e| self.run(e))).and_then(|()| self.ask_all());
            match asked {
                Ok(true) => pause = ASK_AFTER.0,
                Ok(false) => pause = (pause * 2).min(ASK_AFTER.1),
                Err(Gone) => return,
            }
        }
    }

    fn send(&self, message: Message) -> Result<(), Gone> {
        self.out.send(message).map_err(|_| Gone)
    }

    fn run(&mut self, errand: Errand) -> Result<(), Gone> {
        match errand {
            Errand::Start(order, interlocks, ticket) => self.start(order, &interlocks, ticket),
            Errand::Inquire(order, ticket) => {
                let key = order.key.clone();
                let open = Open { order, ticket, unanswered: 0, is_asked_for: true };
                self.open.entry(key).or_insert(open).is_asked_for = true;
                Ok(())
            }
            Errand::Halted(key, result) => {
                // What had ended by itself counts.
                self.ask_all()?;
                self.open.retain(|_, open| !self.gate.is_closed(&open.ticket));
                let name = self.machine.card().name.clone();
                self.send(Message::Input(Input::Halted(name, key, result)))
            }
        }
    }

    fn start(&mut self, order: Order, interlocks: &[Interlock], ticket: Ticket) -> Result<(), Gone> {
        match interlocks::read(interlocks, &|| self.gate.is_overtaken(&ticket)) {
            Ok(()) => {}
            Err(Closed::Overtaken) => return self.overtaken(&ticket, order.key),
            Err(Closed::Interlock(why)) => {
                return self.send(Message::Input(Input::Interlocked(order.key, why)));
            }
        }
        if !self.gate.begin(&ticket) {
            return self.overtaken(&ticket, order.key);
        }
        let started = self.machine.start(&order);
        self.gate.begun();
        let key = order.key.clone();
        let fate = match started {
            Ok(receipt) => {
                self.open.insert(key.clone(), Open { order, ticket, unanswered: 0, is_asked_for: false });
                Fate::Accepted { receipt: receipt.0 }
            }
            Err(NotStarted::Refused(message)) => {
                Fate::Faulted { message: format!("the machine refused the order: {message}") }
            }
            Err(NotStarted::NotSent(message)) => Fate::NotSent { message },
            Err(NotStarted::Unknown(message)) => Fate::Unknown { message },
        };
        self.send(Message::Input(Input::Answer(key, fate)))
    }

    /// An order did not begin: of one that was halted, the halt says what became of it.
    fn overtaken(&self, ticket: &Ticket, key: RunKey) -> Result<(), Gone> {
        match self.gate.is_closed(ticket) {
            true => Ok(()),
            false => self.send(Message::Input(Input::Recalled(key))),
        }
    }

    /// Asks after all that is open; says whether anything came to its end.
    fn ask_all(&mut self) -> Result<bool, Gone> {
        let mut ended = Vec::new();
        for (key, open) in &mut self.open {
            let message = match self.machine.poll(&open.order) {
                Ok(Fate::Running { progress }) => {
                    open.unanswered = 0;
                    if std::mem::take(&mut open.is_asked_for) {
                        let running = Fate::Running { progress };
                        self.out
                            .send(Message::Input(Input::Answer(key.clone(), running)))
                            .map_err(|_| Gone)?;
                    }
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
                    open.unanswered += 1;
                    if open.unanswered < UNANSWERED_MOST {
                        continue;
                    }
                    ended.push(key.clone());
                    let times = open.unanswered;
                    let message = format!("the machine could not be asked {times} times in a row: {fault}");
                    Message::Input(Input::Answer(key.clone(), Fate::Unknown { message }))
                }
            };
            self.out.send(message).map_err(|_| Gone)?;
        }
        for key in &ended {
            self.open.remove(key);
        }
        Ok(!ended.is_empty())
    }
}
