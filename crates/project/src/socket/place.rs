//! Where a socket lies: also in folders whose paths are longer than the 107 bytes that the system takes.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Listens at `path`.
pub(super) fn bind(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(e) if e.kind() == ErrorKind::InvalidInput => {
            let short = ShortPath::of(path)?;
            UnixListener::bind(&short.path)
        }
        bound => bound,
    }
}

/// Connects to whoever listens at `path`.
pub(super) fn connect(path: &Path) -> io::Result<UnixStream> {
    match UnixStream::connect(path) {
        Err(e) if e.kind() == ErrorKind::InvalidInput => {
            let short = ShortPath::of(path)?;
            UnixStream::connect(&short.path)
        }
        connected => connected,
    }
}

/// The path by way of its folder's descriptor, which must stay open meanwhile.
struct ShortPath {
    path: PathBuf,
    _folder: File,
}

impl ShortPath {
    fn of(path: &Path) -> io::Result<ShortPath> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?;
        let folder = File::open(folder)?;
        let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(ShortPath { path: short, _folder: folder })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::sync::mpsc::SyncSender;

    use forethought_engine::{Command, Reply};
    use forethought_record::{Actor, Refusal};

    use crate::socket::{Listener, PATIENCE, Request, ask, send};

    #[test]
    fn a_stop_reaches_the_owner_of_a_project_in_a_deep_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a".repeat(120));
        std::fs::create_dir(&folder).unwrap();
        let path = folder.join("forethought.sock");
        let listener = Listener::bind(&path).unwrap();
        let done = |_: Request<Command>, answer: SyncSender<Result<Reply, Refusal>>| {
            drop(answer.send(Ok(Reply::Done)));
        };
        listener.serve(move |request| ask(request, PATIENCE, done)).unwrap();
        let command = Command::Stop { reason: "smoke".to_owned() };
        let reply: Result<Reply, Refusal> =
            send(&path, "c", (&command, true), None, &Actor::engine()).unwrap();
        assert_eq!(reply.unwrap(), Reply::Done);
        drop(listener);
        assert!(!path.exists());
    }
}
