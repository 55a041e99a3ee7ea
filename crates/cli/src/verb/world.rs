//! `world …`: a plant that is explored, learnt, driven and looked at.

mod doubts;
mod drive;
mod imagine;
mod import;
mod keep;
mod look;
mod page;
mod replay;
mod stop;

use forethought_drive::Until;
use forethought_project::Failure;

use crate::args::{Arguments, World};
use crate::exit::Exit;

pub(crate) use keep::{log, verify};
pub(crate) use replay::replay;
pub(crate) use stop::stop;

/// One function a verb.
pub(crate) fn world(arguments: &Arguments, v: &World) -> Result<Exit, Failure> {
    match v {
        World::Drive(v) => drive::drive(arguments, v, Until::Driven),
        World::Explore(v) => drive::drive(arguments, v, Until::Explored),
        World::Train(v) => drive::drive(arguments, v, Until::Learnt),
        World::Imagine(v) => imagine::imagine(arguments, v),
        World::Surprise(v) => look::surprise(arguments, v),
        World::Maintain(v) => look::maintain(arguments, v),
        World::Status(v) => look::status(arguments, v),
        World::Check(v) => look::check(arguments, v),
        World::Report(v) => page::report(arguments, v),
        World::Export(v) => look::export(arguments, v),
        World::Import(v) => import::import(arguments, v),
        World::Schema => look::schema(),
    }
}
