//! The folder of an order: what was ordered, who claimed it, what its program left.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use forethought_machine::Order;
use forethought_record::CampaignId;

/// Bytes that are set aside for each file that must still be written where the disk fills up meanwhile.
const SET_ASIDE: [(&str, u64); 3] = [("stdout", 1 << 16), ("exit.new", 1 << 12), ("pid", 1 << 12)];

/// The folder of an order; its name is the order's, so that it can be found after a crash.
pub(super) struct Folder(PathBuf);

/// What a folder tells of its order.
pub(super) enum Left {
    /// There is no folder.
    Nothing,
    /// It holds what was not ordered.
    Other,
    /// Nobody has begun.
    Unclaimed,
    /// Somebody has begun, or was about to.
    Claimed,
    /// The script's process, as `/proc/PID/stat` has it.
    Process(String),
    /// The program's exit code; its output may still be on its way.
    Ended(String),
    /// The program's exit code, and all that it printed is there.
    Answered(String),
}

impl Folder {
    /// The folder of this order, there or not. Orders of records before 0.3 have no opening in its name.
    pub(super) fn of(runs: &Path, order: &Order) -> Folder {
        let key = &order.key;
        let opening = order.opening.as_ref().map(|o| format!("-{o}")).unwrap_or_default();
        let name = format!("{}-{}-{}{opening}", key.trial, key.stage, key.attempt);
        Folder(runs.join(key.campaign.to_string()).join(name))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it, durably.
    pub(super) fn make(&self) -> io::Result<()> {
        match fs::create_dir(&self.0) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs::create_dir_all(&self.0)?,
            made => made?,
        }
        self.0.parent().map_or(Ok(()), sync)
    }

    /// Makes it, with the order and room for what is to come, durably.
    pub(super) fn write(&self, order: &Order) -> io::Result<()> {
        self.make()?;
        let mut file = File::create(self.0.join("order.json"))?;
        writeln!(file, "{}", line(order))?;
        file.sync_data()?;
        for (name, bytes) in SET_ASIDE {
            let file = OpenOptions::new().create(true).append(true).open(self.0.join(name))?;
            set_aside(&file, bytes)?;
        }
        sync(&self.0)
    }

    /// A folder in which an order of the same name was begun that another process intended: the record that this one comes from knows
    /// nothing of it.
    pub(super) fn other_begun(runs: &Path, order: &Order) -> Option<PathBuf> {
        let own = Folder::of(runs, order).0;
        let key = &order.key;
        let name = format!("{}-{}-{}", key.trial, key.stage, key.attempt);
        let is_same = |path: &PathBuf| {
            let rest = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_prefix(&name));
            rest.is_some_and(|rest| rest.is_empty() || (rest.starts_with('-') && !rest[1..].contains('-')))
        };
        let all = fs::read_dir(own.parent()?).ok()?.flatten().map(|e| e.path());
        all.filter(|path| *path != own && is_same(path)).find(|path| path.join("started").exists())
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.0.join("started").exists()
    }

    /// Claims it, durably, so that nobody begins any more; false where it was claimed before.
    pub(super) fn claim(&self) -> io::Result<bool> {
        if !self.is_claimed() {
            // Whoever reads it later sees that no process was noted, and not that the note was taken away.
            OpenOptions::new().create(true).append(true).open(self.0.join("pid"))?;
        }
        match fs::create_dir(self.0.join("started")) {
            Ok(()) => sync(&self.0).map(|()| true),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// What it tells of this order.
    pub(super) fn left(&self, order: &Order) -> Left {
        if !self.0.is_dir() {
            return Left::Nothing;
        }
        let is_claimed = self.is_claimed();
        let holds = fs::read_to_string(self.0.join("order.json"));
        match holds {
            Ok(text) if is_order(&text, order) => {}
            // A power cut may leave an order half written, or none: nobody had claimed it then.
            _ if !is_claimed => return Left::Unclaimed,
            _ => return Left::Other,
        }
        if let Some(code) = self.text("exit") {
            return Left::Answered(code);
        }
        if let Some(code) = self.text("exit.new") {
            return Left::Ended(code);
        }
        match self.process() {
            Some(line) => Left::Process(line),
            None if is_claimed => Left::Claimed,
            None => Left::Unclaimed,
        }
    }

    /// The program has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.text("exit").or_else(|| self.text("exit.new")).is_some()
    }

    /// The script's process, where it noted one.
    pub(super) fn process(&self) -> Option<String> {
        self.text("pid")
    }

    /// The file in which the script notes its process is there, as the engine has made it: nobody has taken it away.
    pub(super) fn has_room_for_process(&self) -> bool {
        self.0.join("pid").exists()
    }

    /// A line that was written to its end.
    fn text(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.0.join(name)).ok()?;
        text.ends_with('\n').then(|| text.trim().to_owned())
    }
}

/// Begins an opening in `runs`: while its mark is there, an order of it that has no folder was never started.
pub(super) fn open(runs: &Path, campaign: CampaignId, opening: &str) -> io::Result<()> {
    let folder = runs.join(campaign.to_string());
    let mark = folder.join(format!("opening-{opening}"));
    if mark.exists() {
        return Ok(());
    }
    fs::create_dir_all(&folder)?;
    File::create(&mark)?.sync_all()?;
    sync(&folder)?;
    sync(runs)?;
    runs.parent().map_or(Ok(()), sync)
}

/// Whether `runs` has the mark of the opening that intended this order.
pub(super) fn is_open(runs: &Path, order: &Order) -> bool {
    order
        .opening
        .as_ref()
        .is_some_and(|o| runs.join(order.key.campaign.to_string()).join(format!("opening-{o}")).exists())
}

/// Folders of orders that have not come to their end.
pub(super) fn all(runs: &Path) -> Vec<Folder> {
    let list = |p: &Path| -> Vec<PathBuf> {
        fs::read_dir(p)
            .map(|d| d.flatten().map(|e| e.path()).filter(|p| p.is_dir()).collect())
            .unwrap_or_default()
    };
    let orders = list(runs).into_iter().flat_map(|c| list(&c));
    orders.filter(|p| !p.join("exit").exists()).map(Folder).collect()
}

/// Takes room on the disk without making the file longer. Where a file system cannot, a full disk is found when it is written.
#[cfg(target_os = "linux")]
fn set_aside(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    match fallocate(file, FallocateFlags::KEEP_SIZE, 0, bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
        set => Ok(set?),
    }
}

#[cfg(not(target_os = "linux"))]
fn set_aside(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}

fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// What the program reads.
fn line(order: &Order) -> serde_json::Value {
    serde_json::json!({
        "key": order.key.to_string(),
        "trial": order.key.trial,
        "stage": order.key.stage,
        "recipe": order.recipe,
        "inputs": order.inputs,
    })
}

fn is_order(text: &str, order: &Order) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|found| found == line(order))
}
