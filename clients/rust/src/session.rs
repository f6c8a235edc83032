//! What a client knows and decides. It does no I/O: frames come in as text, and go out through the outbox.

mod calls;
mod incoming;

use std::time::{Duration, Instant};

use crate::backoff::backoff;
use crate::frames::{control, Outbox};
use crate::inbox::Inbox;
use crate::json::{list, quote};
use crate::options::{Level, Options};
use crate::pattern::matches;
use crate::positions::Positions;
use crate::providing::Providing;
use crate::requests::Requests;
use crate::{Error, Event};

/// Largest registration, for a daemon that has not said what it accepts.
const MOST_REGISTER_BYTES: usize = 1024 * 1024;
/// What a registration has beside patterns and positions: a name of 100 characters, and the braces.
const ENVELOPE_BYTES: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// There is no connection.
    Down,
    /// The registration is on its way: later changes must be sent after it.
    Greeting,
    Ready,
    Closed,
}

pub(crate) struct Session {
    options: Options,
    link: Link,
    /// Failed attempts since the client was last registered.
    failures: u32,
    /// What the daemon said before it closes the connection.
    farewell: Option<Error>,
    patterns: Vec<String>,
    positions: Positions,
    /// The daemon has refused the last registration, maybe since it resumes.
    was_refused: bool,
    most_frame_bytes: usize,
    pub(crate) inbox: Inbox,
    pub(crate) outbox: Outbox,
    pub(crate) requests: Requests,
    pub(crate) providing: Providing,
    /// Why there is no daemon.
    reason: Option<Error>,
    /// Lines of the log that were not written yet.
    pub(crate) log: Vec<(Level, String)>,
    last_renumbered: Option<Instant>,
}

impl Session {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            options: options.clone(),
            link: Link::Down,
            failures: 0,
            farewell: None,
            patterns: Vec::new(),
            positions: Positions::default(),
            was_refused: false,
            most_frame_bytes: usize::MAX,
            inbox: Inbox::new(options.buffer),
            outbox: Outbox::default(),
            requests: Requests::default(),
            providing: Providing::new(),
            reason: None,
            log: Vec::new(),
            last_renumbered: None,
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.link == Link::Ready
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.link == Link::Closed
    }

    fn is_connected(&self) -> bool {
        matches!(self.link, Link::Greeting | Link::Ready)
    }

    pub(crate) fn close(&mut self) {
        self.link = Link::Closed;
        self.requests.close();
        self.inbox.clear();
        self.outbox.clear();
    }

    /// There is a connection: the registration is its first frame.
    pub(crate) fn connected(&mut self) {
        if self.is_closed() {
            return;
        }
        self.link = Link::Greeting;
        self.farewell = None;
        let topics = list(&self.patterns);
        let name = self.options.name.as_ref().map(|name| format!(",\"name\":{}", quote(name)));
        let room =
            self.most_frame_bytes.min(MOST_REGISTER_BYTES).saturating_sub(topics.len() + ENVELOPE_BYTES);
        let (resume, left_out) = if self.was_refused { (None, 0) } else { self.positions.resume(room) };
        if left_out > 0 {
            let why = "their positions do not fit into one frame (clients.frameBytes)";
            self.warn(format!("{left_out} topics begin with their latest message: {why}"));
        }
        let resume = resume.map(|resume| format!(",\"resume\":{resume}"));
        let (name, resume) = (name.unwrap_or_default(), resume.unwrap_or_default());
        self.outbox.push(control("register", &format!("\"topics\":{topics}{name}{resume}")), None);
    }

    /// The connection broke, or could not be made. Returns how long to wait before the next attempt.
    pub(crate) fn lost(&mut self, error: Error, random: f64) -> Duration {
        if self.is_closed() {
            return Duration::ZERO;
        }
        let error = self.farewell.take().unwrap_or(error);
        let (first, most) = self.options.retry;
        self.failures += 1;
        let delay = backoff(self.failures, (first, most), random);
        let level = if self.failures == 1 { Level::Warn } else { Level::Debug };
        self.log.push((level, format!("waiting for chimed: {error}; retry in {} ms", delay.as_millis())));
        self.link = Link::Down;
        self.outbox.clear();
        self.requests.lost(&error);
        for topic in self.providing.lost() {
            self.inbox.push(Event::Unwanted { topic });
        }
        self.reason = Some(error.clone());
        self.inbox.push(Event::Waiting { error, delay });
        delay
    }

    /// Asks again for topics that the former connection still had.
    pub(crate) fn retry_due(&mut self) {
        if self.providing.retry_at.map_or(false, |retry_at| retry_at <= Instant::now()) {
            self.ask_to_provide();
        }
    }

    fn ask_to_provide(&mut self) {
        for topic in self.providing.unasked() {
            self.providing.ask(&topic, self.requests.next_id(), &mut self.outbox);
        }
    }

    fn wants(&self, topic: &str) -> bool {
        self.patterns.iter().any(|pattern| matches(pattern, topic))
    }

    /// Forgets the topics that match no pattern any more.
    fn forget(&mut self) {
        let Self { patterns, positions, inbox, .. } = self;
        let wants = |topic: &str| patterns.iter().any(|pattern| matches(pattern, topic));
        positions.retain(wants);
        inbox.retain(wants);
    }

    fn info(&mut self, line: String) {
        self.log.push((Level::Info, line));
    }

    fn warn(&mut self, line: String) {
        self.log.push((Level::Warn, line));
    }
}
