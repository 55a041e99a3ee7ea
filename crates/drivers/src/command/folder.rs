//! The folder of an order: what was ordered, who claimed it, what its program left.

use std::collections::BTreeSet;
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
        let opening = order.opening.as_ref().map(|o| format!("-{o}")).unwrap_or_default();
        Folder(runs.join(order.key.campaign.to_string()).join(name(order) + &opening))
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
            // A power cut or a kill may leave an order half written, or none: nobody had claimed it then.
            _ if !is_claimed => return Left::Unclaimed,
            // Whoever asked after it, or ended it, has claimed it since. A shell does so only with the whole order, and notes its process.
            Ok(text) if is_whole(&text) => return Left::Other,
            _ if self.process().is_some() || self.has_ended() => return Left::Other,
            _ => return Left::Claimed,
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

/// The order's name, but for the process that intended it.
fn name(order: &Order) -> String {
    let key = &order.key;
    format!("{}-{}-{}", key.trial, key.stage, key.attempt)
}

/// The names of a campaign's folders that were there when this process first sent something: a record that was put back knows
/// nothing of some. Only the owner of a record adds others, so they are listed once, and not at each start.
pub(super) struct Earlier {
    campaign: PathBuf,
    names: BTreeSet<String>,
}

impl Earlier {
    /// All that are there now.
    pub(super) fn list(runs: &Path, campaign: CampaignId) -> io::Result<Earlier> {
        let campaign = runs.join(campaign.to_string());
        let all = match fs::read_dir(&campaign) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(Earlier { campaign, names: BTreeSet::new() });
            }
            all => all?,
        };
        let names = all.map(|entry| Ok(entry?.file_name().into_string().unwrap_or_default()));
        let names = names.collect::<io::Result<_>>()?;
        Ok(Earlier { campaign, names })
    }

    /// A folder in which an order of the same name was begun that another process intended.
    pub(super) fn begun(&self, order: &Order) -> Option<PathBuf> {
        let (name, own) = (name(order), order.opening.as_deref());
        let same = self.names.range(name.clone()..).take_while(|other| other.starts_with(&name));
        let others = same.filter(|other| match other[name.len()..].strip_prefix('-') {
            Some(opening) => own != Some(opening) && !opening.contains('-'),
            None => own.is_some() && other.len() == name.len(),
        });
        others.map(|other| self.campaign.join(other)).find(|path| path.join("started").exists())
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

fn is_whole(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok()
}

fn is_order(text: &str, order: &Order) -> bool {
    serde_json::from_str::<serde_json::Value>(text).is_ok_and(|found| found == line(order))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use forethought_record::{Fate, RunKey};
    use forethought_space::{Recipe, Value};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::{answer, process};
    use super::*;

    fn order() -> Order {
        let campaign = CampaignId(serde_json::from_str("\"00000000-0000-0000-0000-000000000001\"").unwrap());
        let key = RunKey { campaign, trial: 1, stage: "main".into(), attempt: 1 };
        let recipe = Recipe::from([("x", Value::Number(0.5))]);
        Order { key, recipe, inputs: BTreeMap::new(), opening: Some("first".into()) }
    }

    /// A file, or none.
    fn file(texts: &[&str]) -> impl Strategy<Value = Option<Vec<u8>>> + use<> {
        let texts: Vec<Vec<u8>> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
        let any = prop::collection::vec(any::<u8>(), 0..12);
        prop::option::weighted(0.7, prop_oneof![6 => select(texts), 1 => any])
    }

    prop_compose! {
        /// What a kill, a power cut, a full disk, or somebody who tidies up may leave.
        fn files()(
            order in file(&[&line(&order()).to_string(), "{\"key\":\"", "", "{}", "[[[["]),
            exit in file(&["0\n", "0", "1\n", "141\n", "255\n", "-1\n", "\n", "99999999999\n"]),
            new in file(&["0\n", "1\n", "", "0"]),
            pid in file(&["", "4194304 -\n", "4194304 (sh) S 1 2 3\n", "0\n", "-1 -\n", "1\n", "\n", "4194304 () R 1"]),
            stdout in file(&["{\"outcomes\":{\"y\":1}}", "{\"outcomes\":{\"y\":", "", "{}\n{}", "{\"failed\":\"burnt\"}"]),
            stderr in file(&["{\"progress\":0.5}\n", "\u{1b}[2J", "\n\n\n"]),
        ) -> [(&'static str, Option<Vec<u8>>); 6] {
            [("order.json", order), ("exit", exit), ("exit.new", new), ("pid", pid), ("stdout", stdout), ("stderr", stderr)]
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

        #[test]
        fn whatever_a_folder_holds_it_tells_no_more_than_it_proves(files in files(), is_claimed in any::<bool>()) {
            let runs = tempfile::tempdir().unwrap();
            let folder = Folder::of(runs.path(), &order());
            folder.make().unwrap();
            for (name, bytes) in &files {
                if let Some(bytes) = bytes {
                    fs::write(folder.path().join(name), bytes).unwrap();
                }
            }
            if is_claimed {
                fs::create_dir(folder.path().join("started")).unwrap();
            }
            let held = |name: &str| folder.text(name);
            let is_ours = is_order(&fs::read_to_string(folder.path().join("order.json")).unwrap_or_default(), &order());
            match folder.left(&order()) {
                Left::Nothing => prop_assert!(false, "there is a folder"),
                Left::Unclaimed => prop_assert!(!is_claimed),
                Left::Other => prop_assert!(is_claimed && !is_ours),
                Left::Claimed => prop_assert!(is_claimed && held("pid").is_none() && !folder.has_ended()),
                Left::Process(line) => {
                    prop_assert!(is_ours);
                    let _ = process::alive(&line);
                }
                Left::Ended(code) | Left::Answered(code) => {
                    prop_assert!(is_ours);
                    let fate = answer::read(folder.path(), &code, 1 << 20);
                    let is_result = matches!(fate, Fate::Answered { .. } | Fate::Failed { .. });
                    let is_fault = matches!(fate, Fate::Faulted { .. });
                    prop_assert!(is_fault || is_result && code == "0", "{:?}", fate);
                }
            }
            let _ = answer::progress(folder.path());
        }
    }
}
