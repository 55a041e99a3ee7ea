//! Commands to the process that owns a project, over the Unix socket in its folder: to a campaign's core or a plant's, for what is
//! said is the core's affair.

mod place;

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::{Index, select};

    use forethought_engine::{Command, Reply};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);

    /// A listener in a folder of its own that hands calls to `take`.
    fn serve(
        limits: Limits,
        patience: Duration,
        take: impl Fn(Request<Command>, mpsc::SyncSender<Result<Reply, Refusal>>) + Send + Clone + 'static,
    ) -> (tempfile::TempDir, Listener) {
        let dir = tempfile::tempdir().unwrap();
        let mut listener = Listener::bind(&dir.path().join("s")).unwrap();
        listener.limits = limits;
        listener.serve(move |request| ask(request, patience, &take)).unwrap();
        (dir, listener)
    }

    /// A request as a caller writes it.
    fn line(command: &Command) -> Vec<u8> {
        let request = Request { campaign: "c".into(), actor: Actor("a".into()), key: None, command };
        serde_json::to_vec(&request).unwrap()
    }

    /// A command as the core is told it.
    fn understood(office: &Office, line: &[u8]) -> Result<Command, Refusal> {
        let command = office.request(line)?.command;
        serde_json::from_str(command.get())
            .map_err(|e| Refusal::new("request", format!("the request cannot be read: {e}")))
    }

    fn send(dir: &tempfile::TempDir, command: Command) -> Result<Reply, Refusal> {
        super::send(&dir.path().join("s"), "c", (&command, false), None, &Actor("a".into())).unwrap()
    }

    fn done(_: Request<Command>, answer: mpsc::SyncSender<Result<Reply, Refusal>>) {
        let _ = answer.send(Ok(Reply::Done));
    }

    #[test]
    fn a_caller_that_waited_in_vain_is_told_that_the_owner_goes_on() {
        let waiting = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&waiting);
        let (dir, _listener) = serve(LIMITS, SOON, move |_, answer| kept.lock().unwrap().push(answer));
        let refusal = send(&dir, Command::Ask { count: 1 }).unwrap_err();
        assert_eq!(refusal.code, "late");
        assert!(refusal.message.contains("goes on") && refusal.hint.unwrap().contains("do not say it again"));
        assert_eq!(waiting.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_caller_whose_owner_ended_is_told_so() {
        let (dir, _listener) = serve(LIMITS, PATIENCE, |_, _| {});
        assert_eq!(send(&dir, Command::Resume).unwrap_err().code, "ended");
    }

    #[test]
    fn what_was_taken_is_answered_before_the_socket_goes() {
        let (taken, begun) = mpsc::channel();
        let (dir, listener) = serve(LIMITS, PATIENCE, move |_, answer| {
            taken.send(()).unwrap();
            std::thread::sleep(SOON);
            let _ = answer.send(Ok(Reply::Done));
        });
        let path = dir.path().join("s");
        let caller = std::thread::spawn(move || {
            let command = Command::Resume;
            super::send::<_, Reply>(&path, "c", (&command, false), None, &Actor("a".into())).unwrap()
        });
        begun.recv().unwrap();
        let office = Arc::clone(listener.office.get().unwrap());
        drop(listener);
        assert_eq!(*office.taken.lock().unwrap(), 0);
        assert_eq!(caller.join().unwrap(), Ok(Reply::Done));
    }

    #[test]
    fn silent_callers_make_room_for_others() {
        let limits = Limits { callers: 2, request_patience: SOON, ..LIMITS };
        let (dir, _listener) = serve(limits, PATIENCE, done);
        let silent: Vec<_> = (0..9).map(|_| UnixStream::connect(dir.path().join("s")).unwrap()).collect();
        assert_eq!(send(&dir, Command::Resume), Ok(Reply::Done));
        drop(silent);
    }

    #[test]
    fn a_request_that_is_too_large_is_refused_with_a_way_out() {
        let limits = Limits { request: 1000, large: 100, ..LIMITS };
        let (dir, _listener) = serve(limits, PATIENCE, done);
        let refusal = send(&dir, Command::Pause { reason: "x".repeat(2000) }).unwrap_err();
        assert!(refusal.message.contains("takes at most 1000"), "{refusal:?}");
        assert_eq!(send(&dir, Command::Pause { reason: "x".repeat(500) }), Ok(Reply::Done));
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_not_asked_for_again() {
        let dir = tempfile::tempdir().unwrap();
        let socket = UnixListener::bind(dir.path().join("s")).unwrap();
        let owner = std::thread::spawn(move || {
            let mut stream = socket.accept().unwrap().0;
            BufReader::new(&stream).read_line(&mut String::new()).unwrap();
            stream.write_all(b"{\"Ok\":\"of another version\"}\n").unwrap();
        });
        assert_eq!(send(&dir, Command::Resume).unwrap_err().code, "answer");
        owner.join().unwrap();
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (dir, _listener) = serve(LIMITS, PATIENCE, done);
        for text in ["\n", "{}\n", "[[[[\n", "{\"campaign\":\"c\"\n", "\u{0}\n"] {
            let mut stream = UnixStream::connect(dir.path().join("s")).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer).unwrap();
            assert!(answer.contains("the request cannot be read"), "{text:?}: {answer}");
        }
    }

    #[test]
    fn a_request_of_more_values_than_any_command_has_is_refused_before_it_fills_the_memory() {
        let office = Office::new(Limits { values: 1000, ..LIMITS });
        let many = format!("{{\"campaign\":\"c\",\"actor\":\"a\",\"command\":[{}]}}", "0,".repeat(1000));
        assert_eq!(office.request(many.as_bytes()).unwrap_err().code, "too-large");
        assert_eq!(values(br#"{"a,\",:[": [1, "x,y\\"], "b": {}}"#), 7);
        // A file of many bytes is one value.
        let attachments =
            [("big.csv".to_owned(), (0..=255).cycle().take(1 << 20).collect::<Vec<u8>>())].into();
        let command = Command::Revise { text: String::new(), attachments, reason: String::new() };
        assert_eq!(understood(&office, &line(&command)), Ok(command));
    }

    /// Requests as callers write them, or nearly so.
    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let value = || {
            select(vec![
                "1",
                "0",
                "-1",
                "1e400",
                "18446744073709551616",
                "null",
                "true",
                "\"x\"",
                "\"\\ud800\"",
                "[]",
                "{}",
                "[1,2]",
                "[[\"t:2\",{}]]",
                "{\"y\":1}",
                "{\"y\":null}",
                "[\"recipe\",\"no\"]",
                "{\"f.csv\":\"00fF\"}",
                "{\"f.csv\":\"0é\"}",
                "[{\"trial\":1,\"outcomes\":{\"y\":[1,2]}}]",
                "[{\"recipe\":{\"x\":1},\"failed\":[\"machine\",\"m\"]}]",
                "\"did_not_run\"",
            ])
        };
        let verb = select(vec![
            "ask", "tell", "import", "amend", "retract", "withdraw", "approve", "reject", "pause", "resume",
            "stop", "release", "resolve", "revise", "other",
        ]);
        let entry = select(vec![
            "count",
            "answers",
            "rows",
            "repeats",
            "trial",
            "outcomes",
            "reason",
            "verdict",
            "text",
            "attachments",
            "command",
        ]);
        let entries = prop::collection::vec((entry, value()), 0..5).prop_map(|all| {
            all.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect::<String>()
        });
        let whole = (verb, entries).prop_map(|(verb, entries)| {
            format!(
                "{{\"campaign\":\"c\",\"actor\":\"a\",\"command\":{{\"command\":\"{verb}\"{entries}}}}}\n"
            )
        });
        let plain = prop_oneof![
            8 => whole,
            1 => value().prop_map(|v| format!("{{\"campaign\":{v},\"actor\":{v},\"command\":{v}}}\n")),
            1 => (1..500_usize).prop_map(|n| "[".repeat(n)),
        ];
        let marks = select(vec!["{", "}", "[", "]", ",", ":", "\"", "\\", "\0", "\n", "\u{ff}", "e"]);
        let inserts = prop::collection::vec((any::<Index>(), marks), 0..3);
        (plain, inserts, prop::option::weighted(0.1, any::<Index>())).prop_map(|(text, inserts, cut)| {
            let mut bytes = text.into_bytes();
            for (at, mark) in inserts {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, mark.bytes());
            }
            if let Some(at) = cut {
                bytes.truncate(at.index(bytes.len() + 1));
            }
            bytes
        })
    }

    proptest! {
            #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(300), ..ProptestConfig::default() })]

            /// Whatever comes over the wire, in whatever pieces: a command that can be said again in the same words, or a refusal.
            #[test]
            fn whatever_a_caller_sends_is_a_command_or_refused_in_words(frame in frames(), part in any::<Index>()) {
    let office = Office::new(LIMITS);
                let (mut caller, owner) = UnixStream::pair().unwrap();
                let (first, rest) = frame.split_at(part.index(frame.len() + 1));
                caller.write_all(first).unwrap();
                caller.write_all(rest).unwrap();
                drop(caller);
                let command = office.line(&owner).unwrap().and_then(|line| understood(&office, &line));
                match command {
                Ok(command) => prop_assert_eq!(understood(&office, &line(&command)), Ok(command)),
                Err(refusal) => prop_assert!(refusal.message.starts_with("the request cannot be read"), "{:?}", refusal),
            }
        }

        #[test]
            fn whatever_an_owner_answers_is_a_reply_or_refused_in_words(
                at in any::<Index>(), mark in select(vec!["{", "}", "]", "\"", "1", "\0"]),
            ) {
                let replies: [Result<Reply, Refusal>; 3] = [Ok(Reply::Done), Ok(Reply::Trials(vec![1, 2])), Err(late())];
                for reply in replies {
                    let mut text = serde_json::to_string(&reply).unwrap();
                    text.insert_str((0..=at.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap(), mark);
                    let read: Result<Reply, Refusal> = serde_json::from_str(&text).unwrap_or_else(|e| Err(unreadable(&e)));
                    prop_assert!(read.as_ref().err().is_none_or(|refusal| !refusal.message.is_empty()));
                }
            }
        }

    #[test]
    fn a_listener_goes_on_after_requests_that_it_cannot_read() {
        let (dir, _listener) = serve(LIMITS, PATIENCE, done);
        for bytes in [&b"\xff\xfe\n"[..], b"{\"campaign\":", b"[[[[[[", b"\n\n\n"] {
            let mut stream = UnixStream::connect(dir.path().join("s")).unwrap();
            stream.write_all(bytes).unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answer = String::new();
            BufReader::new(stream).read_line(&mut answer).unwrap();
            assert!(answer.contains("the request cannot be read"), "{answer}");
        }
        assert_eq!(send(&dir, Command::Resume), Ok(Reply::Done));
    }

    #[test]
    fn a_command_of_another_kind_is_refused() {
        let (dir, _listener) = serve(LIMITS, PATIENCE, done);
        let plant = serde_json::json!({ "command": "judge", "alarm": 1, "no_fault": true });
        let sent: Result<Reply, Refusal> =
            super::send(&dir.path().join("s"), "c", (&plant, false), None, &Actor("a".into())).unwrap();
        assert_eq!(sent.unwrap_err().code, "request");
    }
}
