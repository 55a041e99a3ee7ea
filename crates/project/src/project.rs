//! A folder of campaigns and worlds.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forethought_drive::{DriveCommand, DriveReply};
use forethought_memory::{Folder, OwnError};
use forethought_record::{Actor, Refusal};

use crate::campaign::CampaignHandle;
use crate::failure::Failure;
use crate::host::Host;
use crate::kept;
use crate::owned::OwnedProject;
use crate::place::Place;
use crate::socket::send;
use crate::world::WorldHandle;

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
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The campaign of a file, whose record stands in this folder.
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn campaign(&self, file: &Path) -> Result<CampaignHandle, Failure> {
        let place = Place::of(file, Some(self.folder.dir().to_owned()))?;
        CampaignHandle::at(place, Arc::clone(&self.host))
    }

    /// The world of a file, whose record stands in this folder, to be looked at: see [`WorldHandle::open`].
    ///
    /// # Errors
    /// Every mistake in the file.
    pub fn world(&self, file: &Path) -> Result<WorldHandle, Failure> {
        WorldHandle::open(file, Some(self.folder.dir().to_owned()), &self.host)
    }

    /// Owns the project, as one process at a time may.
    ///
    /// # Errors
    /// [`OwnError::Taken`] where a living process owns it.
    pub fn own(&self, actor: &Actor) -> Result<OwnedProject, OwnError> {
        let who = format!("`{}` of {actor} (process {})", self.host.program, std::process::id());
        Ok(OwnedProject::new(self.clone(), self.folder.own(&who)?))
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
