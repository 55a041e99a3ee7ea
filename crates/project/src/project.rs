//! A folder of campaigns and worlds.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use forethought_drive::{DriveCommand, DriveReply};
use forethought_memory::Folder;
use forethought_record::{Actor, Refusal};

use crate::failure::Failure;
use crate::host::Host;
use crate::kept;
use crate::socket::send;

/// How long a command waits for another one that owns the project.
pub(crate) const QUEUE_PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
pub(crate) const QUEUE_STEP: Duration = Duration::from_millis(20);

/// A folder of campaigns and worlds with its record, as a program sees it. Cheap to clone; holds nothing open.
#[derive(Debug, Clone)]
pub struct Project {
    folder: Folder,
    host: Arc<Host>,
}

impl Project {
    /// The project in a folder, which is made where it is missing.
    ///
    /// # Errors
    /// Where the folder can't be made, or its record is damaged as a whole.
    pub fn open(dir: impl Into<PathBuf>, host: Arc<Host>) -> Result<Self, Failure> {
        let project = Project::at(Folder::new(dir), host);
        project.make_folder()?;
        kept::check(&project.folder)?;
        Ok(project)
    }

    /// The project in a folder, which is not looked into.
    pub fn at(folder: Folder, host: Arc<Host>) -> Self {
        Project { folder, host }
    }

    /// Where its files stand.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The program that opened it.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Tells the process that drives the plant of a world.
    ///
    /// # Errors
    /// Where nobody does; of a stop, also where no answer comes in time.
    pub fn tell_driver(
        &self,
        world: &str,
        command: &DriveCommand,
        actor: &Actor,
    ) -> io::Result<Result<DriveReply, Refusal>> {
        let stops = matches!(command, DriveCommand::Stop { .. });
        send(&self.folder.socket(), world, (command, stops), None, actor)
    }

    pub(crate) fn make_folder(&self) -> Result<(), Failure> {
        let dir = self.folder.dir();
        std::fs::create_dir_all(dir)
            .map_err(|e| Failure::yours("unreadable", format!("{}: {e}", dir.display())))
    }
}
