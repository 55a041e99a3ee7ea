//! What a program brings to the projects that it opens.

use forethought_machine::{Driver, EnvironmentDriver};
use forethought_space::DriverSchema;
use forethought_space::problem::{PackSchema, Schemas};
use jiff::Timestamp;

use crate::failure::Failure;

/// All kinds of machines and environments that there are.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Of machines, by the name in `driver = …`.
    pub drivers: Vec<Driver>,
    /// Of environments, by the name in `driver = …`.
    pub environments: Vec<EnvironmentDriver>,
    /// Tables of packs that a campaign file may have.
    pub packs: Vec<PackSchema>,
}

impl Registry {
    /// The drivers' and the packs' parts of a campaign file's schema.
    pub fn schemas(&self) -> Schemas {
        Schemas {
            drivers: self.drivers.iter().map(|d| d.schema.clone()).collect(),
            packs: self.packs.clone(),
        }
    }

    /// The drivers' parts of a world file's schema.
    pub fn environment_schemas(&self) -> Vec<DriverSchema> {
        let all = self.environments.iter();
        all.map(|d| DriverSchema { name: d.name, schema: d.schema.clone() }).collect()
    }
}

/// What is worth a line to whoever looks, and ends nothing.
#[derive(Debug, Clone)]
pub enum Notice {
    /// How something was understood.
    Note(String),
    /// What changed with the file, recorded as a revision.
    Revised(String),
    /// What is wrong, and what is shown all the same.
    Warning(Failure),
}

/// The program that opens projects.
#[derive(Debug)]
pub struct Host {
    /// As others are told who owns a project: `forethought run`.
    pub program: String,
    /// The machines and environments that it can build.
    pub registry: Registry,
    /// The only clock there is.
    pub clock: fn() -> Timestamp,
    /// Told whatever is worth a line.
    pub notice: fn(&Notice),
}

impl Host {
    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        (self.notice)(&Notice::Note(text.into()));
    }

    pub(crate) fn warn(&self, failure: Failure) {
        (self.notice)(&Notice::Warning(failure));
    }
}
