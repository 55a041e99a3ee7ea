//! Any program as a machine: one line of JSON in, one object of JSON out.
//!
//! Each order has a [folder](Folder), named by its key and by the process that intended it. A shell runs the program: only one can
//! claim the folder, and its claim and its process are durable before the program starts. So whatever dies, the program starts
//! once, and a folder that nobody claimed, or that was claimed by a shell that noted no process, proves that it did not. The
//! program outlives the engine: after a crash the folder, and the system's list of processes, say what became of the order.

mod answer;
mod folder;
mod process;
mod signal;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use forethought_machine::{
    Build, BuildError, Card, Class, Driver, Fault, Halt, Machine, NotStarted, Order, Receipt, Signals,
};
use forethought_record::{CampaignId, Fate, RunKey};
use forethought_space::DriverSchema;
use schemars::JsonSchema;
use serde::Deserialize;

use folder::{Earlier, Folder, Left};

/// Bytes of standard output that an answer may have; a program that prints more is ended.
const OUTPUT_MOST: u64 = 1 << 20;
/// Time that what a program printed has to reach its file once the program has ended, where a child of it still holds its output;
/// and the longest such time, for an answer that is not whole yet.
const DRAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// Longest time that a shell has to claim its folder, and how often it is looked at.
const CLAIM_MOST: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(1);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The program and its arguments; it runs in the order's own folder, with the campaign's folder in FORETHOUGHT_DIR.
    #[schemars(length(min = 1))]
    command: Vec<String>,
    /// Programs that say by exit code 0 that a signal for an interlock is true; each within a second.
    #[serde(default)]
    signals: BTreeMap<String, Vec<String>>,
}

pub(crate) fn driver() -> Driver {
    let schema = schemars::schema_for!(Options).to_value();
    Driver { schema: DriverSchema { name: "command", schema }, build, pool: None }
}

fn build(b: &Build<'_>) -> Result<Box<dyn Machine>, BuildError> {
    let options: Options = b.options()?;
    let program = options.command.first().cloned().unwrap_or_default();
    if !found(&program, &b.dir) {
        return Err(b.error(format!(
            "the program `{program}` is not found (looked in {} and in PATH)",
            b.dir.display()
        )));
    }
    let absolute = |p: PathBuf| std::path::absolute(&p).unwrap_or(p);
    Ok(Box::new(Program {
        card: Card::new(b.name, Class::Askable, b.spec.parallel),
        command: options.command,
        signals: Arc::new(options.signals),
        dir: absolute(b.dir.clone()),
        runs: absolute(b.runs.clone()),
        children: BTreeMap::new(),
        drained: BTreeMap::new(),
        earlier: BTreeMap::new(),
    }))
}

fn found(program: &str, dir: &Path) -> bool {
    if program.contains('/') {
        return dir.join(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|p| p.join(program).is_file())
}

struct Program {
    card: Card,
    command: Vec<String>,
    signals: Arc<BTreeMap<String, Vec<String>>>,
    dir: PathBuf,
    runs: PathBuf,
    /// Scripts that this process has spawned.
    children: BTreeMap<RunKey, Child>,
    /// Since when programs are seen to have ended whose output is still held by a child of theirs.
    drained: BTreeMap<RunKey, Instant>,
    /// By campaign: what had been sent before this process sent anything.
    earlier: BTreeMap<CampaignId, Earlier>,
}

/// Claims the folder, notes its process, both durably, runs the program with bounded output, and leaves its exit code: in `exit.new`
/// when the program has ended, under `exit` when all that it printed is in its files. What the program starts does not inherit the
/// script's own pipe. Output is written as it comes, in however many pieces, for a child that holds it open may put off its end for
/// ever; what goes on beyond the length of a file ends whoever writes it.
const SCRIPT: &str = r#"
trap '' HUP
mkdir started || exit
line="$$ -"
[ -r /proc/$$/stat ] && read -r line </proc/$$/stat
echo "$line" >>pid || exit
sync pid . || sync || exit
{ { "$@" <order.json 3>&-; echo $? >>exit.new; } 2>&3 |
  ( ulimit -c 0; ulimit -f "$FORETHOUGHT_BLOCKS"; exec cat >>stdout ) 2>/dev/null; } 3>&1 |
  { ( ulimit -c 0; ulimit -f "$FORETHOUGHT_BLOCKS"; exec cat >>stderr ) 2>/dev/null; cat >/dev/null; }
mv exit.new exit
"#;

/// Length of a file of output, in the blocks of `ulimit`: longer than an answer may be, so that one that was cut is seen.
const OUTPUT_BLOCKS: u64 = OUTPUT_MOST / 512 + 1;

impl Program {
    /// The program, or what stands beside the campaign file under that name.
    fn words(&self) -> impl Iterator<Item = String> {
        let program = &self.command[0];
        let program = match program.contains('/') {
            true => self.dir.join(program).display().to_string(),
            false => program.clone(),
        };
        // Arguments that name files beside the campaign file are meant as such.
        let arguments = self.command[1..].iter().map(|a| {
            let beside = self.dir.join(a);
            if beside.is_file() { beside.display().to_string() } else { a.clone() }
        });
        std::iter::once(program).chain(arguments)
    }

    fn spawn(&self, folder: &Folder, order: &Order) -> std::io::Result<Child> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "forethought"])
            .args(self.words())
            .current_dir(folder.path())
            .env("FORETHOUGHT_DIR", &self.dir)
            .env("FORETHOUGHT_KEY", order.key.to_string())
            .env(process::FOLDER, folder.path())
            .env("FORETHOUGHT_BLOCKS", OUTPUT_BLOCKS.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        process::own_group(&mut command).spawn()
    }

    fn earlier(&mut self, campaign: CampaignId) -> std::io::Result<&Earlier> {
        match self.earlier.entry(campaign) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(Earlier::list(&self.runs, campaign)?)),
        }
    }

    /// The script is still there, as far as this process knows; those that ended are reaped.
    fn has_child(&mut self, key: &RunKey) -> bool {
        self.children.retain(|_, child| matches!(child.try_wait(), Ok(None)));
        self.children.contains_key(key)
    }

    /// What a program that has ended answered, once its output has reached the files.
    fn ended(&mut self, key: &RunKey, folder: &Folder, code: &str, is_whole: bool) -> Option<Fate> {
        let since = *self.drained.entry(key.clone()).or_insert_with(Instant::now);
        let fate = answer::read(folder.path(), code, OUTPUT_MOST);
        let waited = since.elapsed();
        let is_answer = !matches!(fate, Fate::Faulted { .. });
        if is_whole || (waited >= DRAIN.0 && is_answer) || waited >= DRAIN.1 {
            self.drained.remove(key);
            return Some(fate);
        }
        None
    }
}

impl Machine for Program {
    fn card(&self) -> &Card {
        &self.card
    }

    fn open(&mut self, campaign: CampaignId, opening: &str) -> Result<(), Fault> {
        folder::open(&self.runs, campaign, opening)
            .map_err(|e| Fault(format!("{}: {e}", self.runs.display())))
    }

    fn start(&mut self, order: &Order) -> Result<Receipt, NotStarted> {
        let folder = Folder::of(&self.runs, order);
        let not_sent = |e: std::io::Error| NotStarted::NotSent(format!("{}: {e}", folder.path().display()));
        if let Some(opening) = &order.opening {
            folder::open(&self.runs, order.key.campaign, opening).map_err(not_sent)?;
        }
        folder.write(order).map_err(not_sent)?;
        if folder.is_claimed() {
            // It was sent before, or halted before it began: asking says which.
            return Ok(Receipt("claimed before".into()));
        }
        if let Some(other) = self.earlier(order.key.campaign).map_err(not_sent)?.begun(order) {
            return Err(NotStarted::Unknown(format!(
                "{}: an order of this name was begun before, of which the record knows nothing: was an older record put back?",
                other.display()
            )));
        }
        let program = &self.command[0];
        let mut child =
            self.spawn(&folder, order).map_err(|e| NotStarted::NotSent(format!("{program}: {e}")))?;
        let began = Instant::now();
        loop {
            if folder.process().is_some() {
                let receipt = Receipt(format!("process {}", child.id()));
                self.children.insert(order.key.clone(), child);
                return Ok(receipt);
            }
            match child.try_wait() {
                Ok(None) if began.elapsed() < CLAIM_MOST => std::thread::sleep(LOOK),
                // It may have noted its process and ended between the two looks.
                Ok(Some(_)) if folder.process().is_some() => {}
                // Without a note of its process it has not begun, and with this claim it never will.
                Ok(Some(_)) => {
                    let _ = folder.claim();
                    let message =
                        "its shell could not be run: is the disk full, or are there too many processes?";
                    return Err(NotStarted::NotSent(format!("{program}: {message}")));
                }
                _ => {
                    self.children.insert(order.key.clone(), child);
                    return Err(NotStarted::Unknown(format!("{program}: its shell does not begin")));
                }
            }
        }
    }

    fn poll(&mut self, order: &Order) -> Result<Fate, Fault> {
        let (folder, key) = (Folder::of(&self.runs, order), &order.key);
        let has_child = self.has_child(key);
        let unknown =
            |message: &str| Ok(Fate::Unknown { message: format!("{}: {message}", folder.path().display()) });
        Ok(match folder.left(order) {
            Left::Answered(code) => {
                self.drained.remove(key);
                answer::read(folder.path(), &code, OUTPUT_MOST)
            }
            Left::Ended(code) => {
                // Where nobody holds the pipes any more, all that was printed is in the files.
                let is_whole = !has_child && !process::at_work(folder.path());
                match self.ended(key, &folder, &code, is_whole) {
                    Some(fate) => fate,
                    None => Fate::Running { progress: None },
                }
            }
            Left::Process(line) if process::alive(&line) => {
                Fate::Running { progress: answer::progress(folder.path()) }
            }
            // Its shell may have been killed alone: the program goes on.
            Left::Process(_) | Left::Claimed if has_child || process::at_work(folder.path()) => {
                Fate::Running { progress: None }
            }
            // It may have ended between the two looks.
            Left::Process(_) | Left::Claimed if folder.has_ended() => Fate::Running { progress: None },
            Left::Process(_) => {
                Fate::Faulted { message: "the program was killed before it could answer".into() }
            }
            Left::Claimed if folder.has_room_for_process() => {
                Fate::NotSent { message: "its shell ended before it began".into() }
            }
            Left::Claimed => return unknown("it was claimed, and nothing says by which process"),
            Left::Unclaimed if has_child => Fate::Running { progress: None },
            // Who claims it first wins: a shell that is late finds it taken.
            Left::Unclaimed => match folder.claim() {
                Ok(true) => Fate::NotSent { message: "its program was not started".into() },
                Ok(false) => Fate::Running { progress: None },
                Err(e) => return Err(Fault(format!("{}: {e}", folder.path().display()))),
            },
            Left::Other => return unknown("it holds another order than the record"),
            Left::Nothing if has_child => return unknown("it is gone, and its program is at work"),
            Left::Nothing if folder::is_open(&self.runs, order) => {
                Fate::NotSent { message: "its program was not started".into() }
            }
            Left::Nothing => {
                return unknown("it is gone, and `runs` is not the folder that the record speaks of");
            }
        })
    }

    fn halter(&self) -> Box<dyn Halt> {
        Box::new(Killer { runs: self.runs.clone() })
    }

    fn signals(&self) -> Vec<String> {
        self.signals.keys().cloned().collect()
    }

    fn reader(&self) -> Signals {
        let (machine, signals, dir) = (self.card.name.clone(), Arc::clone(&self.signals), self.dir.clone());
        Arc::new(move |name| match signals.get(name).filter(|c| !c.is_empty()) {
            Some(command) => signal::read(name, command, &dir),
            None => Err(Fault(format!("machine `{machine}` has no signal `{name}`: add it to `signals`"))),
        })
    }
}

/// Halts programs by their process group, and whatever they have started by its environment.
struct Killer {
    runs: PathBuf,
}

impl Halt for Killer {
    fn halt(&self, order: Option<&Order>) -> Result<(), Fault> {
        let folders = match order {
            Some(order) => vec![Folder::of(&self.runs, order)],
            None => folder::all(&self.runs),
        };
        let mut groups = Vec::new();
        for folder in &folders {
            // Who claims the folder first wins: after this, a start that is late finds it taken.
            let claimed = folder.make().and_then(|()| folder.claim());
            if claimed.is_err() && order.is_some() && folder.process().is_none() {
                return Err(Fault(format!("{}: the folder cannot be claimed", folder.path().display())));
            }
            groups.extend(folder.process().filter(|line| process::alive(line)));
        }
        let under: &Path = order.map_or(self.runs.as_path(), |_| folders[0].path());
        match process::end(&groups, under) {
            0 => Ok(()),
            n => Err(Fault(format!("{n} of its processes did not end"))),
        }
    }
}
