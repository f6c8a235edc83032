//! Finds the daemon's socket, and connects to it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{channel, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::Error;

/// connect(2) waits while the daemon's queue is full. After so long, the daemon counts as busy.
const PATIENCE: Duration = Duration::from_secs(1);
const WRITABLE_BY_OTHERS: u32 = 0o022;
/// Where the daemon of the machine listens.
const MACHINE: [&str; 2] = ["/run/chimed/chimed.sock", "/run/chimed/daemon/chimed.sock"];

/// A path at which a daemon can listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// The user to whom the directory of the socket must belong, for a daemon of the user's own.
    pub(crate) owner: Option<u32>,
}

/// Where a client looks for the daemon, in this order.
pub(crate) fn places(variable: impl Fn(&str) -> Option<OsString>, uid: Option<u32>) -> Vec<Place> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = set("CHIMED_SOCKET_PATH") {
        return vec![Place { path, owner: None }];
    }
    let mut places = Vec::new();
    if let Some(uid) = uid.filter(|uid| *uid != 0) {
        let user = PathBuf::from(format!("/run/user/{uid}"));
        let temporary = set("TMPDIR").unwrap_or_else(|| "/tmp".into()).join(format!("chimed-{uid}"));
        let own = [
            set("XDG_RUNTIME_DIR").unwrap_or_else(|| user.clone()).join("chimed"),
            user.join("chimed"),
            temporary,
        ];
        places.extend(own.map(|directory| Place { path: directory.join("chimed.sock"), owner: Some(uid) }));
        places.dedup();
    }
    places.extend(MACHINE.map(|path| Place { path: path.into(), owner: None }));
    places
}

/// Reports whether another user made this directory, or can write to it.
pub(crate) fn is_foreign(directory: &Path, uid: u32) -> bool {
    match fs::symlink_metadata(directory) {
        Ok(found) => !found.is_dir() || found.uid() != uid || found.mode() & WRITABLE_BY_OTHERS != 0,
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

/// The user of this process. The standard library has no getuid(2), so it is read from where Linux shows it.
pub(crate) fn current_uid() -> Option<u32> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?.parse().ok()
}

/// Connects to the first place at which a daemon listens.
fn connect(places: &[Place]) -> Result<UnixStream, Error> {
    let mut failures = Vec::new();
    let mut denied = None;
    for Place { path, owner } in places {
        let directory = path.parent().unwrap_or(path);
        if owner.map_or(false, |uid| is_foreign(directory, uid)) {
            failures.push(format!("{} (directory of another user, or writable by others)", path.display()));
            continue;
        }
        let error = match UnixStream::connect(path) {
            Ok(stream) => return Ok(stream),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::PermissionDenied && MACHINE.iter().any(|place| Path::new(place) == path)
        {
            denied = Some(path);
        }
        failures.push(format!("{} ({})", path.display(), reason(&error)));
    }
    if let Some(path) = denied {
        let remedy = "ask an administrator to run `usermod -aG chimed USER`, then log in again";
        return Err(Error::new("not-permitted", format!("Permission denied: {}; {remedy}.", path.display())));
    }
    let tried = failures.join(", ");
    Err(Error::new("no-daemon", format!("no daemon found, tried {tried}; is chimed running?")))
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        ErrorKind::ConnectionRefused => "no program listens".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

/// Connects in threads of its own, because connect(2) can wait for as long as the daemon is busy, and std cannot end it.
#[derive(Default)]
pub(crate) struct Dialer {
    /// An attempt that still waits: there is never more than one.
    waiting: Option<Receiver<Result<UnixStream, Error>>>,
}

impl Dialer {
    /// Connects to this path, or to the first daemon that is found.
    pub(crate) fn dial(&mut self, socket: Option<&Path>) -> Result<UnixStream, Error> {
        let attempt = match self.waiting.take() {
            Some(attempt) => attempt,
            None => start(socket)?,
        };
        match attempt.recv_timeout(PATIENCE) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Disconnected) => {
                Err(Error::new("no-daemon", "the attempt to connect failed"))
            }
            Err(RecvTimeoutError::Timeout) => {
                self.waiting = Some(attempt);
                Err(Error::new("busy", "the daemon does not accept connections: its queue is full"))
            }
        }
    }
}

fn start(socket: Option<&Path>) -> Result<Receiver<Result<UnixStream, Error>>, Error> {
    let places = match socket {
        Some(path) => vec![Place { path: path.to_owned(), owner: None }],
        None => places(|name| env::var_os(name), current_uid()),
    };
    let (sender, receiver) = channel();
    let work = move || {
        // If nobody waits for the answer any more, the stream is closed.
        let _ = sender.send(connect(&places));
    };
    let started = thread::Builder::new().name("chimed-connect".to_owned()).spawn(work);
    started.map_err(|error| Error::new("no-daemon", format!("Cannot start a thread: {error}.")))?;
    Ok(receiver)
}
