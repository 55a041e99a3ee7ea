//! One function a verb; each resolves its arguments, then trusts them.

mod backtest;
mod init;
mod keep;
mod look;
mod pack;
mod people;
mod report;
mod run;
mod world;

pub(crate) use backtest::backtest;
pub(crate) use init::init;
pub(crate) use keep::{check, replay, schema, verify};
pub(crate) use look::{best, export, log, machines, predict, status, why};
pub(crate) use pack::pack;
pub(crate) use people::{Simple, Whole, amend, ask, import, next, resolve, simple, tell, whole};
pub(crate) use report::{report, write_report};
pub(crate) use run::run;
pub(crate) use world::world;
