//! Threads that think: the planner, and the learner. Neither is waited for by a stop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Instant;

use forethought_plan::Method;
use forethought_plant::{Dynamics, Episode, Planner};

use super::Message;
use crate::error::DriveShellError;
use crate::model::{LearnAsk, learn};
use crate::policy::{PlanAsk, plan_action};
use crate::words::DriveInput;

/// Plans, until nobody asks; a plan that takes longer than its deadline, or that is `unwanted`, is the best so far.
pub(super) fn plan(asks: &Receiver<Box<PlanAsk>>, unwanted: &AtomicBool, out: &Sender<Message>) {
    while let Ok(ask) = asks.recv() {
        let begun = Instant::now();
        let is_late = |deadline_s| begun.elapsed().as_secs_f64() > deadline_s;
        let mut stop = |_| unwanted.load(Ordering::Relaxed) || ask.world.deadline_s.is_some_and(is_late);
        let planned = plan_action(&ask, &method(ask.world.planner), &mut stop);
        if out.send(Message::Input(DriveInput::Planned(Box::new(planned)))).is_err() {
            return;
        }
    }
}

/// How a world's plans are looked for.
pub(crate) fn method(planner: Planner) -> Method {
    match planner {
        Planner::Icem => Method::Icem(Default::default()),
        Planner::Cem => Method::Cem(Default::default()),
        Planner::Mppi => Method::Mppi(Default::default()),
    }
}

/// Learns on a thread of its own, which ends with the process where nobody waits for it: what is not finished is learnt at the next start.
pub(super) fn learn_beside(
    ask: Box<LearnAsk>,
    episodes: Vec<Episode>,
    physics: Option<Arc<dyn Dynamics>>,
    out: Sender<Message>,
) -> Result<(), DriveShellError> {
    let work = move || {
        let learnt = catch_unwind(AssertUnwindSafe(|| learn(&ask, &episodes, physics.as_deref())));
        let learnt = match learnt {
            Ok(learnt) => learnt.map_err(|e| e.to_string()),
            Err(_) => Err("the learner failed".to_owned()),
        };
        let _ = out.send(Message::Input(DriveInput::Learnt(Box::new(learnt))));
    };
    let thread = std::thread::Builder::new().name("learner".to_owned()).spawn(work);
    thread.map(drop).map_err(DriveShellError::Threads)
}
