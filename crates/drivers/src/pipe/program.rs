//! A program that is asked and answers, line by line, and cannot hold us up.
//!
//! Its three pipes have a thread each, so that neither a full pipe nor a silent program blocks the one who asks. After a
//! question that was not answered as it should be, the two would talk at cross purposes: the program is ended.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use forethought_machine::{Fault, Halt, Order, POLL};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

use super::message::{Answer, shorten};

/// Bytes of an answer: a thousand environments of 4096 sensors.
const LINE_BYTES_MOST: u64 = 64 << 20;
/// Bytes of standard error that are kept, the last ones.
const STDERR_BYTES_MOST: usize = 8 << 10;
/// Time to end by itself once its standard input has ended.
const GRACE: Duration = Duration::from_millis(500);
/// From one look at a program that ends to the next.
const LOOK: Duration = Duration::from_millis(5);

/// A program that is asked and answers.
#[derive(Debug)]
pub(super) struct Program {
    command: Vec<String>,
    dir: PathBuf,
    timeout: Duration,
    state: State,
    /// Somebody wants the question that is waited for to end.
    halted: Arc<AtomicBool>,
}

/// Ends the question that is waited for, from another thread.
#[derive(Debug)]
pub(super) struct Halter(Arc<AtomicBool>);

impl Halt for Halter {
    fn halt(&self, _order: Option<&Order>) -> Result<(), Fault> {
        self.0.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// A question that is not answered yet.
#[derive(Debug)]
struct Asked {
    question: String,
    begun: Instant,
    longest: Duration,
}

#[derive(Debug)]
enum State {
    NotStarted,
    Running(Running),
    /// Why it was ended.
    Ended(Fault),
}

#[derive(Debug)]
struct Running {
    child: Child,
    questions: Option<SyncSender<Vec<u8>>>,
    asked: Option<Asked>,
    answers: Receiver<Line>,
    stderr: Arc<Mutex<Vec<u8>>>,
    /// Closed when standard error ends.
    stderr_ends: Receiver<()>,
}

#[derive(Debug)]
enum Line {
    Text(Vec<u8>),
    TooLong,
    Broken(String),
}

impl Program {
    /// Starts nothing yet.
    pub(super) fn new(command: Vec<String>, dir: PathBuf, timeout: Duration) -> Self {
        Program { command, dir, timeout, state: State::NotStarted, halted: Arc::default() }
    }

    /// The program's own name.
    pub(super) fn name(&self) -> &str {
        self.command.first().map_or("", |c| c.as_str())
    }

    /// It was started and has not been given up.
    pub(super) fn is_running(&self) -> bool {
        matches!(self.state, State::Running(_))
    }

    /// Starts it afresh where it has ended.
    pub(super) fn revive(&mut self) -> Result<(), Fault> {
        if let State::Ended(_) = self.state {
            self.state = State::NotStarted;
            self.ask(&serde_json::json!({ "hello": super::VERSION }))?;
        }
        Ok(())
    }

    /// What ends the question that is waited for.
    pub(super) fn halter(&self) -> Halter {
        Halter(Arc::clone(&self.halted))
    }

    /// What was halted is over: the next question is asked.
    pub(super) fn forget_halt(&self) {
        self.halted.store(false, Ordering::Relaxed);
    }

    /// Asks, and waits for the answer. `{"error": …}` is a [`Fault`], after which it goes on; after every other one the
    /// program is ended.
    pub(super) fn ask(&mut self, question: &Value) -> Result<Answer, Fault> {
        self.begin(question, Duration::ZERO)?;
        self.wait()
    }

    /// Asks: `poll` gives the answer, for which the program has its usual time beyond `period`.
    pub(super) fn begin(&mut self, question: &Value, period: Duration) -> Result<(), Fault> {
        let longest = period.saturating_add(self.timeout);
        let running = self.running()?;
        let sent = running.check_silent().and_then(|()| running.send(question, longest));
        sent.map_err(|what| self.give_up(&what))
    }

    /// The answer to what was asked, once it is there; waits for it, `most` at most.
    pub(super) fn poll(&mut self, most: Duration) -> Result<Option<Answer>, Fault> {
        let line = self.running()?.receive(most);
        match line.and_then(|line| line.map(|line| Answer::parse(&line)).transpose()) {
            Ok(Some(Answer { error: Some(what), .. })) => {
                Err(Fault(format!("the program says: {}", shorten(&what))))
            }
            Ok(answer) => Ok(answer),
            Err(what) => Err(self.give_up(&what)),
        }
    }

    /// Asks in the midst of a question that is not answered yet, whose answer is forgotten where it comes.
    pub(super) fn interrupt(&mut self, question: &Value, longest: Duration) -> Result<Answer, Fault> {
        let sent = self.running()?.send(question, longest);
        sent.map_err(|what| self.give_up(&what))?;
        let first = self.wait();
        let is_of_before = first.as_ref().map_or_else(|_| self.is_running(), Answer::is_reading);
        if !is_of_before {
            return first;
        }
        self.running()?.wait_on(question, longest);
        self.wait()
    }

    fn wait(&mut self) -> Result<Answer, Fault> {
        loop {
            if let Some(answer) = self.poll(POLL)? {
                return Ok(answer);
            }
            if self.halted.swap(false, Ordering::Relaxed) {
                return Err(self.give_up("it was halted"));
            }
        }
    }

    /// The program, started where it was not.
    fn running(&mut self) -> Result<&mut Running, Fault> {
        if let State::NotStarted = self.state {
            self.state = State::Running(Running::start(&self.command, &self.dir)?);
        }
        match &mut self.state {
            State::Running(running) => Ok(running),
            State::Ended(fault) => Err(fault.clone()),
            State::NotStarted => Err(Fault("the program was not started".to_owned())),
        }
    }

    /// Ends the program, for this reason.
    pub(super) fn give_up(&mut self, what: &str) -> Fault {
        let words = match &mut self.state {
            State::Running(running) => running.last_words(),
            _ => String::new(),
        };
        let fault = Fault(format!("`{}`: {what}{words}", self.name()));
        self.state = State::Ended(fault.clone());
        fault
    }
}

impl Running {
    fn start(command: &[String], dir: &Path) -> Result<Running, Fault> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| Fault("there is no program".to_owned()))?;
        // Where a program with a relative path is looked for once the folder has changed hangs on the platform.
        let absolute = || std::path::absolute(dir.join(program)).unwrap_or_else(|_| dir.join(program));
        let path = if program.contains('/') { absolute() } else { PathBuf::from(program) };
        let mut child = Command::new(path)
            .args(arguments)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|e| Fault(format!("the program `{program}` cannot be started: {e}")))?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Fault(format!("the program `{program}` was started without pipes")));
        };
        // One question at a time; one answer, and one that nobody asked for.
        let (questions, to_write) = sync_channel(1);
        let (read, answers) = sync_channel(1);
        let (ends, stderr_ends) = sync_channel(0);
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&kept);
        thread::spawn(move || write_questions(stdin, &to_write));
        thread::spawn(move || read_answers(stdout, &read));
        thread::spawn(move || keep_stderr(stderr, &keep, ends));
        Ok(Running { child, questions: Some(questions), asked: None, answers, stderr: kept, stderr_ends })
    }

    /// Before a question there is nothing to hear.
    fn check_silent(&mut self) -> Result<(), String> {
        match self.answers.try_recv() {
            Ok(Line::Text(line)) => {
                let line = String::from_utf8_lossy(&line);
                Err(format!("the program spoke without being asked: {:?}", shorten(&line)))
            }
            Ok(Line::TooLong | Line::Broken(_)) | Err(TryRecvError::Disconnected) => Err(self.ending()),
            Err(TryRecvError::Empty) => Ok(()),
        }
    }

    /// One question, whose answer must come within `longest`.
    fn send(&mut self, question: &Value, longest: Duration) -> Result<(), String> {
        let mut line = question.to_string().into_bytes();
        line.push(b'\n');
        if self.questions.as_ref().is_none_or(|q| q.send(line).is_err()) {
            return Err(self.ending());
        }
        self.wait_on(question, longest);
        Ok(())
    }

    fn wait_on(&mut self, question: &Value, longest: Duration) {
        let question: String = question.to_string().chars().take(80).collect();
        self.asked = Some(Asked { question, begun: Instant::now(), longest });
    }

    /// The answer, if it comes within `most`; in words why there will be none.
    fn receive(&mut self, most: Duration) -> Result<Option<Vec<u8>>, String> {
        let Some(asked) = &self.asked else { return Err("the program was asked nothing".to_owned()) };
        let left = asked.longest.saturating_sub(asked.begun.elapsed());
        match self.answers.recv_timeout(most.min(left)) {
            Ok(Line::Text(line)) => {
                self.asked = None;
                Ok(Some(line))
            }
            Ok(Line::TooLong) => {
                Err(format!("the program's answer is longer than {} MiB", LINE_BYTES_MOST >> 20))
            }
            Ok(Line::Broken(what)) => Err(format!("the program cannot be heard: {what}")),
            Err(RecvTimeoutError::Disconnected) => Err(self.ending()),
            Err(RecvTimeoutError::Timeout) if left > most => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                let (question, longest) = (&asked.question, asked.longest.as_secs_f64());
                Err(format!("the program did not answer {question} within {longest} s"))
            }
        }
    }

    /// How it ended, after its standard output did.
    fn ending(&mut self) -> String {
        use std::os::unix::process::ExitStatusExt;
        match self.wait(GRACE) {
            Some(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("the program ended with exit code {code}"),
                (None, Some(signal)) => format!("the program was ended by signal {signal}"),
                (None, None) => "the program ended".to_owned(),
            },
            None => "the program closed its standard output".to_owned(),
        }
    }

    fn wait(&mut self, longest: Duration) -> Option<std::process::ExitStatus> {
        let mut waited = Duration::ZERO;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status);
            }
            if waited >= longest {
                return None;
            }
            thread::sleep(LOOK);
            waited += LOOK;
        }
    }

    /// Ends it, and gives the last line that it wrote on standard error.
    fn last_words(&mut self) -> String {
        self.kill();
        // What it wrote before its death may still be in the pipe.
        let _ = self.stderr_ends.recv_timeout(GRACE);
        let kept = self.stderr.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&kept);
        let last = shorten(text.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or_default());
        if last.is_empty() { last } else { format!("; its last words: {last}") }
    }

    fn kill(&mut self) {
        self.questions = None;
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Its children too: a shell's program would live on without it.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The end of its standard input asks it to end.
        self.questions = None;
        let _ = self.wait(GRACE);
        self.kill();
    }
}

fn write_questions(mut stdin: ChildStdin, questions: &Receiver<Vec<u8>>) {
    while let Ok(line) = questions.recv() {
        if stdin.write_all(&line).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

fn read_answers(stdout: ChildStdout, answers: &SyncSender<Line>) {
    let mut reader = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LINE_BYTES_MOST + 1).read_until(b'\n', &mut line);
        let is_whole = line.last() == Some(&b'\n');
        let (said, is_last) = match read {
            Ok(0) => return,
            Ok(_) if is_whole => (Line::Text(line), false),
            Ok(n) if n as u64 > LINE_BYTES_MOST => (Line::TooLong, true),
            // The last line may lack its end.
            Ok(_) => (Line::Text(line), true),
            Err(e) => (Line::Broken(e.to_string()), true),
        };
        if answers.send(said).is_err() || is_last {
            return;
        }
    }
}

/// Reads on to the end, so that the program never blocks on it; `_ends` is dropped there.
fn keep_stderr(mut stderr: ChildStderr, kept: &Mutex<Vec<u8>>, _ends: SyncSender<()>) {
    let mut part = [0; 4096];
    while let Ok(n @ 1..) = stderr.read(&mut part) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&part[..n]);
        let over = kept.len().saturating_sub(STDERR_BYTES_MOST);
        kept.drain(..over);
    }
}
