//! The two threads of a client: one connects and reads, the other writes.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::backoff::random;
use crate::dial::Dialer;
use crate::frames::read_frame;
use crate::options::Options;
use crate::session::Session;
use crate::Error;

const READ_BYTES: usize = 64 * 1024;
/// How long closing waits for the kernel to take what was sent before.
const LINGER: Duration = Duration::from_millis(100);

/// What the threads and the program share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    state: Mutex<State>,
    /// The program waits for an event.
    events: Condvar,
    /// The writing thread waits for frames.
    work: Condvar,
    /// Others wait for answers, or for the end.
    changes: Condvar,
}

pub(crate) struct State {
    pub(crate) session: Session,
    stream: Option<Arc<UnixStream>>,
}

impl Shared {
    pub(crate) fn new(options: Options) -> Self {
        let state = Mutex::new(State { session: Session::new(&options), stream: None });
        let (events, work, changes) = (Condvar::new(), Condvar::new(), Condvar::new());
        Self { options, state, events, work, changes }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the session, then wakes the threads that it concerns, and logs.
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Session) -> R) -> R {
        let mut state = self.lock();
        let session = &mut state.session;
        let (had_events, had_frames) = (!session.inbox.is_empty(), !session.outbox.is_empty());
        let result = work(session);
        // Each call of notify is a system call, also when no thread waits.
        if !had_events && !session.inbox.is_empty() {
            self.events.notify_one();
        }
        if !had_frames && !session.outbox.is_empty() || session.providing.retry_at.is_some() {
            self.work.notify_one();
        }
        if std::mem::take(&mut session.requests.news) {
            self.changes.notify_all();
        }
        let lines = std::mem::take(&mut session.log);
        drop(state);
        for (level, line) in lines {
            (self.options.log)(level, &line);
        }
        result
    }

    /// Waits for the program: until `poll` returns something, at most until the deadline. None if it is over.
    pub(crate) fn wait_for<R>(
        &self,
        on: impl Fn(&Self) -> &Condvar,
        deadline: Option<Instant>,
        mut poll: impl FnMut(&mut Session) -> Option<R>,
    ) -> Option<R> {
        let mut state = self.lock();
        loop {
            if let Some(result) = poll(&mut state.session) {
                return Some(result);
            }
            if state.session.is_closed() {
                return None;
            }
            state = wait(on(self), state, deadline)?;
        }
    }

    pub(crate) fn events(&self) -> &Condvar {
        &self.events
    }

    pub(crate) fn changes(&self) -> &Condvar {
        &self.changes
    }

    /// Ends the client.
    pub(crate) fn close(&self) {
        let deadline = Some(Instant::now() + LINGER);
        self.wait_for(Self::changes, deadline, |session| (session.outbox.bytes == 0).then_some(()));
        let mut state = self.lock();
        state.session.close();
        if let Some(stream) = state.stream.take() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        for waiting in [&self.events, &self.work, &self.changes] {
            waiting.notify_all();
        }
    }

    /// The first thread: connects, reads until the connection ends, waits, and begins again.
    pub(crate) fn run(&self) {
        let mut dialer = Dialer::default();
        loop {
            let error = match dialer.dial(self.options.socket.as_deref()) {
                Ok(stream) => self.read(&Arc::new(stream)),
                Err(error) => error,
            };
            let delay = self.with(|session| session.lost(error, random()));
            let deadline = Some(Instant::now() + delay);
            let _: Option<()> = self.wait_for(Self::changes, deadline, |_| None);
            if self.lock().session.is_closed() {
                return;
            }
        }
    }

    /// Reads frames until the connection ends, and returns why.
    fn read(&self, stream: &Arc<UnixStream>) -> Error {
        let mut state = self.lock();
        if state.session.is_closed() {
            return Error::closed();
        }
        state.stream = Some(stream.clone());
        drop(state);
        self.with(Session::connected);
        let deadline = Some(Instant::now() + self.options.timeout);
        let mut input = BufReader::with_capacity(READ_BYTES, Input { stream, deadline });
        let mut frame = Vec::new();
        let error = loop {
            let read = read_frame(&mut input, &mut frame).and_then(|()| {
                self.with(|session| {
                    session.frame(&String::from_utf8_lossy(&frame)).map(|()| session.is_ready())
                })
            });
            match read {
                Ok(is_ready) if is_ready && input.get_ref().deadline.is_some() => {
                    input.get_mut().deadline = None;
                    if let Err(error) = stream.set_read_timeout(None) {
                        break Error::new("connection-lost", error.to_string());
                    }
                }
                Ok(_) => (),
                Err(error) => break error,
            }
        };
        self.lock().stream = None;
        let _ = stream.shutdown(Shutdown::Both);
        error
    }

    /// The second thread: writes what is in the outbox. It can wait for as long as the daemon does not read.
    pub(crate) fn write(&self) {
        let mut state = self.lock();
        while !state.session.is_closed() {
            state.session.retry_due();
            let stream = state.stream.clone();
            match stream.and_then(|stream| Some((stream, state.session.outbox.take()?))) {
                Some((stream, bytes)) => {
                    drop(state);
                    if (&*stream).write_all(&bytes).is_err() {
                        // The other thread finds out why.
                        let _ = stream.shutdown(Shutdown::Write);
                    }
                    state = self.lock();
                    state.session.outbox.written();
                    self.changes.notify_all();
                }
                None => {
                    let deadline = state.session.providing.retry_at;
                    state = wait(&self.work, state, deadline).unwrap_or_else(|| self.lock());
                }
            }
        }
    }
}

/// Waits for a change. None at the deadline.
fn wait<'a, T>(
    condvar: &Condvar,
    guard: MutexGuard<'a, T>,
    deadline: Option<Instant>,
) -> Option<MutexGuard<'a, T>> {
    let deadline = match deadline {
        Some(deadline) => deadline,
        None => return Some(condvar.wait(guard).unwrap_or_else(PoisonError::into_inner)),
    };
    let left = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
    Some(condvar.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0)
}

/// Reads from a stream until a deadline, if there is one.
struct Input<'a> {
    stream: &'a UnixStream,
    deadline: Option<Instant>,
}

impl Read for Input<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let late =
            || io::Error::new(ErrorKind::TimedOut, "the daemon did not answer the registration in time");
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(late());
            }
            self.stream.set_read_timeout(Some(left))?;
        }
        self.stream
            .read(buffer)
            .map_err(|error| if error.kind() == ErrorKind::WouldBlock { late() } else { error })
    }
}
