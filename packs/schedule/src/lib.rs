//! Plans for a shop: which order on which machine when, with set-ups, due dates and alternative machines.
//!
//! A [`Shop`] is what people have: machines, orders and their routings. A [`Plan`] says where and when each operation is
//! done; [`check`] compares it with the shop, apart from whatever made it.

mod bound;
mod check;
mod dispatch;
mod formats;
mod graph;
mod moves;
mod objective;
mod plan;
mod random;
mod replan;
#[cfg(test)]
mod sample;
mod search;
mod sheet;
mod shop;
mod tables;
mod tabu;
mod verb;

pub use bound::bound;
pub use check::{Fault, check};
pub use dispatch::{Rule, dispatch};
pub use formats::{flexible, job_shop};
pub use objective::{LEVELS_MOST, Measure, Objective, Value};
pub use plan::{Figures, Plan, Step, deviation};
pub use replan::{Event, Running, as_of, instability, right_shifted};
pub use search::{Found, Progress, search};
pub use shop::{Choice, Job, Machine, Operation, Pin, Shop};
pub use tables::tables;

use forethought_pack::Pack;

/// The pack of the program: its verb is `forethought schedule`.
pub fn pack() -> Pack {
    let mut pack = Pack::new(
        "schedule",
        serde_json::json!({ "type": "object", "properties": {}, "additionalProperties": false }),
    );
    pack.verb = Some(verb::verb());
    pack
}
