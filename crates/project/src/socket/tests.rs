//! Callers of every kind, and what becomes of them.

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
    let attachments = [("big.csv".to_owned(), (0..=255).cycle().take(1 << 20).collect::<Vec<u8>>())].into();
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
    let entries = prop::collection::vec((entry, value()), 0..5)
        .prop_map(|all| all.iter().map(|(name, value)| format!(",\"{name}\":{value}")).collect::<String>());
    let whole = (verb, entries).prop_map(|(verb, entries)| {
        format!("{{\"campaign\":\"c\",\"actor\":\"a\",\"command\":{{\"command\":\"{verb}\"{entries}}}}}\n")
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
        match office.line(&owner).unwrap().and_then(|line| understood(&office, &line)) {
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
            let at = (0..=at.index(text.len() + 1)).rev().find(|at| text.is_char_boundary(*at)).unwrap();
            text.insert_str(at, mark);
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
