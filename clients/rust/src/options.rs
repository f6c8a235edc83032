use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;

const LONGEST_NAME: usize = 100;

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Repetitions, such as each further attempt to connect.
    Debug,
    /// The normal course.
    Info,
    /// What an operator should know.
    Warn,
}

type Log = Arc<dyn Fn(Level, &str) + Send + Sync>;

/// How a client connects, and what it stores.
#[derive(Clone)]
pub struct Options {
    pub(crate) socket: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) retry: (Duration, Duration),
    pub(crate) timeout: Duration,
    pub(crate) buffer: (usize, usize),
    pub(crate) log: Log,
}

impl Options {
    /// The defaults, which each method describes.
    pub fn new() -> Self {
        Self {
            socket: None,
            name: None,
            retry: (Duration::from_millis(100), Duration::from_secs(5)),
            timeout: Duration::from_secs(5),
            buffer: (1000, 8 * 1024 * 1024),
            log: Arc::new(|_, _| {}),
        }
    }

    /// Path of the daemon's socket. By default, the client searches as `docs/wire.md` says.
    #[must_use]
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// Name of the client in the daemon's log and status: at most 100 characters, without control characters.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Bounds of the random delay between attempts to connect: 100 ms at first, doubled up to 5 s.
    #[must_use]
    pub fn retry(mut self, first: Duration, most: Duration) -> Self {
        self.retry = (first, most);
        self
    }

    /// How long the daemon can take to answer, and how long a request waits for a daemon: 5 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many messages, of how many bytes together, wait for a slow program: 1000 messages and 8 MiB. Beyond that,
    /// the oldest messages are dropped and counted in [`missed`](crate::Message::missed).
    #[must_use]
    pub fn buffer(mut self, messages: usize, bytes: usize) -> Self {
        self.buffer = (messages, bytes);
        self
    }

    /// A function that receives what the client logs, such as [`log_to_stderr`]. By default, the client is silent.
    #[must_use]
    pub fn log(mut self, log: impl Fn(Level, &str) + Send + Sync + 'static) -> Self {
        self.log = Arc::new(log);
        self
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let name = self.name.as_deref().unwrap_or_default();
        // The daemon counts as JavaScript does.
        if name.encode_utf16().count() <= LONGEST_NAME && !name.chars().any(char::is_control) {
            return Ok(());
        }
        let rule = "use at most 100 characters, and no control characters";
        Err(Error::new("bad-request", format!("Invalid name of a client: {name:?}; {rule}.")))
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { socket, name, retry, timeout, buffer, log: _ } = self;
        let mut fields = formatter.debug_struct("Options");
        fields.field("socket", socket).field("name", name).field("retry", retry);
        fields.field("timeout", timeout).field("buffer", buffer).finish_non_exhaustive()
    }
}

/// Writes lines of the levels `Info` and `Warn` to stderr, for [`Options::log`].
pub fn log_to_stderr(level: Level, line: &str) {
    if level >= Level::Info {
        eprintln!("chimed: {line}");
    }
}
