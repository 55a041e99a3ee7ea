//! Commands to the process that owns a project, over the Unix socket in its folder: to a campaign's core or a plant's, for what is
//! said is the core's affair.

mod place;
#[cfg(test)]
mod tests;

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use forethought_record::{Actor, Refusal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest wait of a caller for its answer; a decision may take a while.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The same of a stop: whoever says it goes on without an owner that hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How much longer a caller waits than the owner, which says why there is no answer yet.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after a caller that could not be taken, for want of threads or file handles.
const BREATH: Duration = Duration::from_millis(100);
const CHUNK: usize = 64 << 10;

/// What one owner takes from its callers.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Callers at a time: more than may wait for recipes, so that a `stop` gets through. Others wait in the system's queue.
    callers: usize,
    /// Longest request, in bytes: a few thousand rows, or a campaign with its attached files.
    request: usize,
    /// Most values of a request: each takes many times its text until it is understood.
    values: usize,
    /// Requests beyond this many bytes are taken one at a time, so that all of them fit into memory.
    large: usize,
    /// Time in which a request must have come: who says nothing makes room for others.
    request_patience: Duration,
}

const LIMITS: Limits = Limits {
    callers: 128,
    request: 64 << 20,
    values: 2 << 20,
    large: 1 << 20,
    request_patience: Duration::from_secs(20),
};

/// What a caller sends, on one line.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request<C> {
    /// The campaign's name, or the world's.
    pub(crate) campaign: String,
    pub(crate) actor: Actor,
    /// Said again with it, the command is not carried out again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    pub(crate) command: C,
}

/// What a core answers, as it is sent back.
pub(crate) type Answered = Result<Box<RawValue>, Refusal>;

/// Listens for commands; the socket goes when this does, once those that it has taken are answered.
pub(crate) struct Listener {
    path: PathBuf,
    socket: UnixListener,
    limits: Limits,
    office: OnceLock<Arc<Office>>,
}

impl Listener {
    /// Listens at `path`. Only the owner of the project may: what lies there is a leftover.
    ///
    /// # Errors
    /// Where the socket cannot be made.
    pub(crate) fn bind(path: &Path) -> io::Result<Listener> {
        let _ = std::fs::remove_file(path);
        let socket = place::bind(path)?;
        Ok(Listener { path: path.to_owned(), socket, limits: LIMITS, office: OnceLock::new() })
    }

    /// Serves on a thread; each request is handed to `answer`, which may take its time.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub(crate) fn serve(
        &self,
        answer: impl Fn(Request<Box<RawValue>>) -> Answered + Send + Clone + 'static,
    ) -> io::Result<()> {
        let (socket, limits) = (self.socket.try_clone()?, self.limits);
        let office = Arc::new(Office::new(limits));
        let _ = self.office.set(Arc::clone(&office));
        let serve = move || {
            for stream in socket.incoming() {
                let Ok(stream) = stream else {
                    std::thread::sleep(BREATH);
                    continue;
                };
                // Before the next is taken there is room for this one.
                let slot = Slots::take(&office.slots);
                let (answer, office) = (answer.clone(), Arc::clone(&office));
                let caller = move || {
                    let _slot = slot;
                    // Whoever called has gone: there is nobody to tell.
                    let _ = office.answer(stream, answer);
                };
                if std::thread::Builder::new().spawn(caller).is_err() {
                    std::thread::sleep(BREATH);
                }
            }
        };
        std::thread::Builder::new().spawn(serve).map(drop)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        // A process that ends must not take an answer with it.
        if let Some(office) = self.office.get() {
            let taken = office.taken.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = office.answered.wait_timeout_while(taken, GRACE, |taken| *taken > 0);
        }
    }
}

/// What all callers share.
struct Office {
    limits: Limits,
    slots: Arc<Slots>,
    /// Held by the one large request at a time.
    large: Mutex<()>,
    /// Requests that are not answered yet.
    taken: Mutex<usize>,
    answered: Condvar,
}

impl Office {
    fn new(limits: Limits) -> Office {
        Office {
            limits,
            slots: Slots::new(limits.callers),
            large: Mutex::new(()),
            taken: Mutex::new(0),
            answered: Condvar::new(),
        }
    }

    fn answer(
        &self,
        mut stream: UnixStream,
        answer: impl Fn(Request<Box<RawValue>>) -> Answered,
    ) -> io::Result<()> {
        let line = self.line(&stream)?;
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        let reply = line.and_then(|line| answer(self.request(&line)?));
        let written = serde_json::to_vec(&reply).map_err(io::Error::other).and_then(|mut line| {
            line.push(b'\n');
            stream.write_all(&line)
        });
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        self.answered.notify_all();
        written
    }

    /// What a line asks for; the command in it may be of any kind.
    fn request(&self, line: &[u8]) -> Result<Request<Box<RawValue>>, Refusal> {
        let (found, most) = (values(line), self.limits.values);
        if found > most {
            let message =
                format!("the request has {found} values, but the running engine takes at most {most}");
            return Err(Refusal::new("too-large", message).hint("send it in parts"));
        }
        serde_json::from_slice(line)
            .map_err(|e| Refusal::new("request", format!("the request cannot be read: {e}")))
    }

    /// One line, whole within its time, of no more bytes than are taken.
    fn line(&self, mut stream: &UnixStream) -> io::Result<Result<Vec<u8>, Refusal>> {
        let (began, patience) = (Instant::now(), self.limits.request_patience);
        let (mut line, mut chunk) = (Vec::new(), vec![0; CHUNK]);
        let mut turn = None;
        loop {
            let left = patience.saturating_sub(began.elapsed());
            if left.is_zero() {
                let message = format!("no whole request came within {} s", patience.as_secs_f64());
                return Ok(Err(Refusal::new("request", message)));
            }
            stream.set_read_timeout(Some(left))?;
            let read = match stream.read(&mut chunk) {
                Ok(read) => read,
                // The time is looked at above.
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => continue,
                Err(e) => return Err(e),
            };
            line.extend_from_slice(&chunk[..read]);
            if line.len() > self.limits.request {
                return Ok(Err(too_large(line.len(), self.limits.request)));
            }
            if read == 0 || chunk[..read].contains(&b'\n') {
                return Ok(Ok(line));
            }
            if line.len() > self.limits.large && turn.is_none() {
                turn = Some(self.large.lock().unwrap_or_else(PoisonError::into_inner));
            }
        }
    }
}

/// Values of a text of JSON, or somewhat more: marks outside of its texts.
fn values(json: &[u8]) -> usize {
    let (mut found, mut is_text, mut is_escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            b',' | b':' | b'[' | b'{' if !is_text => found += 1,
            _ => {}
        }
    }
    found
}

/// Room for callers.
struct Slots {
    free: Mutex<usize>,
    freed: Condvar,
}

/// Room for one caller, given back when this goes.
struct Slot(Arc<Slots>);

impl Slots {
    fn new(free: usize) -> Arc<Slots> {
        Arc::new(Slots { free: Mutex::new(free), freed: Condvar::new() })
    }

    /// Waits for room.
    fn take(slots: &Arc<Slots>) -> Slot {
        let free = slots.free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free =
            slots.freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Slot(Arc::clone(slots))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}

fn too_large(found: usize, most: usize) -> Refusal {
    let message = format!("the request has {found} bytes, but the running engine takes at most {most}");
    Refusal::new("too-large", message)
        .hint("send it in parts, or end the run (`pause`, then wait for it), and say it again")
}

/// Hands a command to a core by `take`, and waits for its answer.
pub(crate) fn ask<C: DeserializeOwned, R: Serialize>(
    request: Request<Box<RawValue>>,
    patience: Duration,
    take: impl Fn(Request<C>, mpsc::SyncSender<Result<R, Refusal>>),
) -> Answered {
    let unreadable = |e| Refusal::new("request", format!("the request cannot be read: {e}"));
    let command = serde_json::from_str(request.command.get()).map_err(unreadable)?;
    let Request { campaign, actor, key, .. } = request;
    let (sender, receiver) = mpsc::sync_channel(1);
    take(Request { campaign, actor, key, command }, sender);
    let reply = receiver.recv_timeout(patience).unwrap_or_else(|e| match e {
        RecvTimeoutError::Timeout => Err(late()),
        RecvTimeoutError::Disconnected => Err(ended()),
    })?;
    serde_json::value::to_raw_value(&reply).map_err(unreadable)
}

/// The owner works on it still, and will record it.
fn late() -> Refusal {
    Refusal::new(
        "late",
        "the process that owns the project has not answered yet; it goes on, and records what it does",
    )
    .hint("do not say it again: `log` and `next` show what came of it")
}

/// The owner is no more; what it had recorded stands.
fn ended() -> Refusal {
    Refusal::new("ended", "the process that owned the project ended before it answered")
        .hint("`log` shows whether it was recorded: where it was not, say it again")
}

/// What was asked may have been done: it must not be said again by itself.
fn unreadable(e: &serde_json::Error) -> Refusal {
    Refusal::new("answer", format!("the answer of the process that owns the project cannot be read: {e}"))
        .hint("it may be of another version: `log` shows whether it was recorded")
}

/// Sends one command to whoever listens at `path` for the campaign or world of this name. One that `stops` is waited for a shorter time,
/// so that whoever says it can go on without an owner that hangs.
///
/// # Errors
/// Where nobody listens there; where it stops, also where no answer comes in time.
pub(crate) fn send<C: Serialize, R: DeserializeOwned>(
    path: &Path,
    campaign: &str,
    (command, stops): (&C, bool),
    key: Option<&str>,
    actor: &Actor,
) -> io::Result<Result<R, Refusal>> {
    let mut stream = place::connect(path)?;
    stream.set_read_timeout(Some(if stops { STOP_PATIENCE } else { PATIENCE + GRACE }))?;
    let request =
        Request { campaign: campaign.to_owned(), actor: actor.clone(), key: key.map(str::to_owned), command };
    let mut line = serde_json::to_vec(&request).map_err(io::Error::other)?;
    line.push(b'\n');
    if line.len() > LIMITS.request {
        return Ok(Err(too_large(line.len(), LIMITS.request)));
    }
    // Where it could not be written the owner may have said why.
    let written = stream.write_all(&line);
    let mut answer = String::new();
    match BufReader::new(stream).take(LIMITS.request as u64).read_line(&mut answer) {
        Ok(0) => {}
        Ok(_) => return Ok(serde_json::from_str(&answer).unwrap_or_else(|e| Err(unreadable(&e)))),
        Err(e) if stops => return Err(e),
        Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            return Ok(Err(late()));
        }
        Err(_) => {}
    }
    // What did not reach the owner whole did nothing.
    written?;
    Ok(Err(ended()))
}
