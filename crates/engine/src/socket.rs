//! Commands to the process that owns a project, over the Unix socket in its folder.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use forethought_record::Actor;
use serde::{Deserialize, Serialize};

use crate::campaign::{Command, Refusal, Reply};

/// Longest request, in bytes.
const REQUEST_MOST: u64 = 64 << 20;
/// Longest wait for a request or its answer; a decision may take a while.
const PATIENCE: Duration = Duration::from_secs(120);
/// The same of a stop: whoever says it goes on without an owner that hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    campaign: String,
    actor: Actor,
    command: Command,
}

/// A command from outside, and where its answer goes.
pub(crate) struct Call {
    pub(crate) command: Command,
    pub(crate) actor: Actor,
    pub(crate) reply: mpsc::SyncSender<Result<Reply, Refusal>>,
}

/// Listens for commands; the socket goes when this does.
pub struct Listener {
    path: PathBuf,
    socket: UnixListener,
}

impl Listener {
    /// Listens at `path`. Only the owner of the project may: what lies there is a leftover.
    ///
    /// # Errors
    /// Where the socket cannot be made.
    pub fn bind(path: &Path) -> io::Result<Listener> {
        let _ = std::fs::remove_file(path);
        Ok(Listener { path: path.to_owned(), socket: UnixListener::bind(path)? })
    }

    /// Serves on a thread; each call is handed to `take`.
    pub(crate) fn serve(
        &self,
        campaign: String,
        take: impl Fn(Call) + Send + Clone + 'static,
    ) -> io::Result<()> {
        let socket = self.socket.try_clone()?;
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let (take, campaign) = (take.clone(), campaign.clone());
                std::thread::spawn(move || {
                    // Whoever called has gone: there is nobody to tell.
                    let _ = answer(stream, &campaign, take);
                });
            }
        });
        Ok(())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

fn answer(mut stream: UnixStream, campaign: &str, take: impl Fn(Call)) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(REQUEST_MOST)).read_line(&mut line)?;
    let reply = match serde_json::from_str::<Request>(&line) {
        Err(e) => Err(Refusal::new("request", e.to_string())),
        Ok(r) if r.campaign != campaign => Err(Refusal::new(
            "other-campaign",
            format!("the process that owns this project runs campaign `{campaign}`"),
        )
        .hint("wait for it to end")),
        Ok(r) => {
            let (sender, receiver) = mpsc::sync_channel(1);
            take(Call { command: r.command, actor: r.actor, reply: sender });
            receiver.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                Err(Refusal::new("no-answer", "the owner of the project ended before it could answer")
                    .hint("ask again"))
            })
        }
    };
    serde_json::to_writer(&stream, &reply)?;
    stream.write_all(b"\n")
}

/// Sends commands to the owner.
pub struct Client;

impl Client {
    /// Sends one command to whoever listens at `path`.
    ///
    /// # Errors
    /// Where nobody listens there.
    pub fn send(
        path: &Path,
        campaign: &str,
        command: Command,
        actor: Actor,
    ) -> io::Result<Result<Reply, Refusal>> {
        let mut stream = UnixStream::connect(path)?;
        let patience = if matches!(command, Command::Stop { .. }) { STOP_PATIENCE } else { PATIENCE };
        stream.set_read_timeout(Some(patience))?;
        serde_json::to_writer(&stream, &Request { campaign: campaign.to_owned(), actor, command })?;
        stream.write_all(b"\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        serde_json::from_str(&line).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
    }
}
