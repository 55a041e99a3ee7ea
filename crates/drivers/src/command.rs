//! Any program as a machine: one line of JSON in, one object of JSON out.
//!
//! Each order has a folder. A small shell script around the program claims the folder by `mkdir
//! started`, which only one can win, so that starting twice with one key is harmless; it notes its
//! process, and writes `exit` by rename when the program has ended. The program outlives the
//! engine: after a crash the folder answers what became of the order.

mod answer;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use forethought_machine::{
    Build, BuildError, Card, Class, Driver, Fault, Halt, Machine, NotStarted, Order, Receipt,
};
use forethought_record::{Fate, RunKey};
use forethought_space::DriverSchema;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use schemars::JsonSchema;
use serde::Deserialize;

/// Bytes of standard output that an answer may have; a program that prints more is ended.
const OUTPUT_MOST: u64 = 1 << 20;
/// How long the program of a signal may take, and how often it is looked at.
const SIGNAL_MOST: Duration = Duration::from_secs(10);
const SIGNAL_EVERY: Duration = Duration::from_millis(5);
/// Time between the polite signal and the other one.
const GRACE: Duration = Duration::from_millis(1500);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Options {
    /// The program and its arguments; it runs in the order's own folder, with the campaign's folder in FORETHOUGHT_DIR.
    #[schemars(length(min = 1))]
    command: Vec<String>,
    /// Programs that say by exit code 0 that a signal for an interlock is true.
    #[serde(default)]
    signals: std::collections::BTreeMap<String, Vec<String>>,
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
    let card = Card { name: b.name.to_owned(), class: Class::Askable, capacity: b.spec.parallel };
    Ok(Box::new(Program {
        card,
        options,
        dir: absolute(b.dir.clone()),
        runs: absolute(b.runs.clone()),
        spawned: BTreeSet::new(),
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
    options: Options,
    dir: PathBuf,
    runs: PathBuf,
    /// Keys whose script this process has spawned and that may not have claimed their folder yet.
    spawned: BTreeSet<RunKey>,
}

/// The folder of an order; its name is the order's, so that it can be found after a crash.
fn folder(runs: &Path, key: &RunKey) -> PathBuf {
    runs.join(key.campaign.to_string()).join(format!("{}-{}-{}", key.trial, key.stage, key.attempt))
}

/// Claims the folder, notes the process and its start time, runs the program with bounded output, and
/// leaves its exit code.
const SCRIPT: &str = r#"
trap '' HUP
mkdir started 2>/dev/null || exit 0
born=-
[ -r /proc/$$/stat ] && born=$(cut -d' ' -f22 /proc/$$/stat)
echo "$$ $born" >pid.new && mv pid.new pid
{ { "$@" <order.json; echo $? >exit.new; } 2>&3 | head -c "$FORETHOUGHT_OUTPUT_MOST" >stdout; } 3>&1 |
  { head -c 1048576 >stderr; cat >/dev/null; }
mv exit.new exit
"#;

impl Machine for Program {
    fn card(&self) -> &Card {
        &self.card
    }

    fn start(&mut self, order: &Order) -> Result<Receipt, NotStarted> {
        let folder = folder(&self.runs, &order.key);
        write_order(&folder, order).map_err(|e| NotStarted::NotSent(format!("{}: {e}", folder.display())))?;
        let program = &self.options.command[0];
        let program = if program.contains('/') {
            self.dir.join(program).display().to_string()
        } else {
            program.clone()
        };
        // Arguments that name files beside the campaign file are meant as such.
        let arguments = self.options.command[1..].iter().map(|a| {
            let beside = self.dir.join(a);
            if beside.is_file() { beside.display().to_string() } else { a.clone() }
        });
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "forethought"])
            .arg(program)
            .args(arguments)
            .current_dir(&folder)
            .env("FORETHOUGHT_DIR", &self.dir)
            .env("FORETHOUGHT_KEY", order.key.to_string())
            .env("FORETHOUGHT_OUTPUT_MOST", (OUTPUT_MOST + 1).to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        match command.spawn() {
            Ok(mut child) => {
                self.spawned.insert(order.key.clone());
                let receipt = Receipt(format!("process {}", child.id()));
                // Reaps the script; what it leaves in the folder is the answer.
                std::thread::spawn(move || child.wait());
                Ok(receipt)
            }
            Err(e) => Err(NotStarted::NotSent(e.to_string())),
        }
    }

    fn poll(&mut self, key: &RunKey) -> Result<Fate, Fault> {
        let folder = folder(&self.runs, key);
        if let Ok(code) = fs::read_to_string(folder.join("exit")) {
            self.spawned.remove(key);
            return Ok(answer::read(&folder, code.trim(), OUTPUT_MOST));
        }
        match fs::read_to_string(folder.join("pid")) {
            Ok(line) => {
                self.spawned.remove(key);
                if alive(&line) {
                    return Ok(Fate::Running { progress: answer::progress(&folder) });
                }
                // It may have ended between the two looks.
                if let Ok(code) = fs::read_to_string(folder.join("exit")) {
                    return Ok(answer::read(&folder, code.trim(), OUTPUT_MOST));
                }
                Ok(Fate::Faulted { message: "the program was killed before it could answer".into() })
            }
            Err(_) if self.spawned.contains(key) || folder.join("started").exists() => {
                Ok(Fate::Running { progress: None })
            }
            Err(_) => Ok(Fate::NeverSeen),
        }
    }

    fn halter(&self) -> Box<dyn Halt> {
        Box::new(Killer { runs: self.runs.clone() })
    }

    fn signals(&self) -> Vec<String> {
        self.options.signals.keys().cloned().collect()
    }

    fn signal(&mut self, name: &str) -> Result<bool, Fault> {
        let Some(command) = self.options.signals.get(name).filter(|c| !c.is_empty()) else {
            return Err(Fault(format!(
                "machine `{}` has no signal `{name}`: add it to `signals`",
                self.card.name
            )));
        };
        let fault = |what: String| Fault(format!("signal `{name}`: {what}"));
        let mut child = Command::new(&command[0])
            .args(&command[1..])
            .current_dir(&self.dir)
            .env("FORETHOUGHT_DIR", &self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| fault(e.to_string()))?;
        let mut waited = Duration::ZERO;
        let status = loop {
            match child.try_wait().map_err(|e| fault(e.to_string()))? {
                Some(status) => break status,
                None if waited >= SIGNAL_MOST => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(fault(format!("its program gave no answer in {} s", SIGNAL_MOST.as_secs())));
                }
                None => std::thread::sleep(SIGNAL_EVERY),
            }
            waited += SIGNAL_EVERY;
        };
        Ok(status.success())
    }
}

/// Halts programs by their process group.
struct Killer {
    runs: PathBuf,
}

impl Halt for Killer {
    fn halt(&self, key: Option<&RunKey>) -> Result<(), Fault> {
        let folders = match key {
            Some(key) => vec![folder(&self.runs, key)],
            None => all_folders(&self.runs),
        };
        let groups: Vec<Pid> = folders
            .iter()
            // Who claims the folder first wins: after this, a script that is late finds it taken.
            .inspect(|f| {
                let _ = fs::create_dir(f.join("started"));
            })
            .filter(|f| !f.join("exit").exists())
            .filter_map(|f| fs::read_to_string(f.join("pid")).ok())
            .filter(|line| alive(line))
            .filter_map(|line| pid(&line))
            .collect();
        for group in &groups {
            let _ = kill_process_group(*group, Signal::TERM);
        }
        let mut waited = Duration::ZERO;
        while waited < GRACE && groups.iter().any(|g| test_kill_process_group(*g).is_ok()) {
            std::thread::sleep(Duration::from_millis(20));
            waited += Duration::from_millis(20);
        }
        for group in &groups {
            let _ = kill_process_group(*group, Signal::KILL);
        }
        Ok(())
    }
}

fn all_folders(runs: &Path) -> Vec<PathBuf> {
    let list = |p: &Path| -> Vec<PathBuf> {
        fs::read_dir(p).map(|d| d.flatten().map(|e| e.path()).collect()).unwrap_or_default()
    };
    list(runs).iter().flat_map(|c| list(c)).collect()
}

fn pid(line: &str) -> Option<Pid> {
    Pid::from_raw(line.split_whitespace().next()?.parse().ok()?)
}

/// The process lives and is the same one, by its start time where the system tells it.
fn alive(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (Some(id), Some(born)) = (words.next(), words.next()) else { return false };
    if born == "-" {
        return pid(line).is_some_and(|p| test_kill_process_group(p).is_ok());
    }
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The second field, the program's name, may hold spaces: count from its closing bracket.
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = after.split_whitespace();
    let zombie = fields.next() == Some("Z");
    !zombie && fields.nth(18) == Some(born)
}

fn write_order(folder: &Path, order: &Order) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let line = serde_json::json!({
        "key": order.key.to_string(),
        "trial": order.key.trial,
        "stage": order.key.stage,
        "recipe": order.recipe,
        "inputs": order.inputs,
    });
    let mut file = fs::File::create(folder.join("order.json"))?;
    writeln!(file, "{line}")?;
    file.sync_all()
}
