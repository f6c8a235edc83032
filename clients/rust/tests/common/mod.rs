//! What the tests have in common. Each of them uses a part.
#![allow(dead_code)]

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chimed::{Client, Event, Message, Options};

/// What a busy machine can need for anything.
pub const SOON: Duration = Duration::from_secs(20);

/// A temporary directory of one test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static LAST: AtomicU32 = AtomicU32::new(0);
        let number = LAST.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("chimed-rust-{}-{number}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A real daemon: `$CHIMED serve`.
pub struct Daemon(Child);

impl Daemon {
    /// Starts a daemon with these topics (YAML), which keeps its state when it is stopped.
    pub fn start(folder: &Folder, socket: &str, topics: &str) -> Self {
        let (config, state) = (folder.file("chimed.yaml"), folder.file("state.json"));
        fs::write(&config, format!("topics: {topics}\nstate: {{file: {}}}\n", state.display())).unwrap();
        let program = env::var("CHIMED").unwrap_or_else(|_| "chimed".to_owned());
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("exec {program} serve --config \"$0\" --socket \"$1\""));
        command.args([config, folder.file(socket)]).stdout(Stdio::null());
        let mut daemon = Self(command.spawn().expect("sh must be installed"));
        let probe = connect(folder, socket);
        let deadline = Instant::now() + SOON;
        while !matches!(probe.event_within(SOON), Some(Event::Ready { .. })) {
            if let Some(status) = daemon.0.try_wait().unwrap() {
                panic!(
                    "`{program} serve` has ended with {status}. Set CHIMED to the command that runs chimed."
                );
            }
            assert!(Instant::now() < deadline, "the daemon does not listen");
        }
        daemon
    }

    /// Stops the daemon by a signal, and waits for its end.
    pub fn stop(mut self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.0.id().to_string()]).status();
        assert!(sent.unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn connect(folder: &Folder, socket: &str) -> Client {
    Client::connect(Options::new().socket(folder.file(socket)).name("test")).unwrap()
}

/// The first event for which `pick` returns something.
pub fn find<T>(client: &Client, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    let mut seen = Vec::new();
    while let Some(event) = client.event_within(deadline.saturating_duration_since(Instant::now())) {
        if let Some(found) = pick(&event) {
            return found;
        }
        seen.push(event);
    }
    panic!("there was no {what}, but {seen:?}");
}

pub fn message(client: &Client) -> Message {
    find(client, "message", |event| match event {
        Event::Message(message) => Some(message.clone()),
        _ => None,
    })
}

/// Waits until the daemon has registered the client. Returns whether its numbering continues.
pub fn ready(client: &Client) -> bool {
    find(client, "ready", |event| match event {
        Event::Ready { resumed, .. } => Some(*resumed),
        _ => None,
    })
}
