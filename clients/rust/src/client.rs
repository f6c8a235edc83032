use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::connection::Shared;
use crate::requests::Answer;
use crate::{Error, Event, Message, Options};

/// A connection to the daemon, and the stream of what arrives.
///
/// It can do all that a [`Handle`] can. It can move to another thread, but only one thread can read from it at a time;
/// other threads use handles. Dropping it closes it.
pub struct Client {
    handle: Handle,
    /// A cell cannot be shared between threads, and so neither can a client.
    one_reader: PhantomData<Cell<()>>,
}

impl Client {
    /// Starts a client, which connects in the background, and again whenever the connection breaks.
    ///
    /// # Errors
    /// `bad-request` for a wrong option; `no-threads` if the system has no threads for it.
    pub fn connect(options: Options) -> Result<Self, Error> {
        options.check()?;
        let shared = Arc::new(Shared::new(options));
        let client = Self { handle: Handle { shared: shared.clone() }, one_reader: PhantomData };
        start("chimed-read", shared.clone(), Shared::run)?;
        start("chimed-write", shared, Shared::write)?;
        Ok(client)
    }

    /// What can be given to other threads.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Waits for the next event. Returns None when the client is closed.
    pub fn event(&self) -> Option<Event> {
        self.next_event(None)
    }

    /// Waits for the next event, but not longer than this. Returns None if there is none, or the client is closed.
    pub fn event_within(&self, time: Duration) -> Option<Event> {
        self.next_event(Some(Instant::now() + time))
    }

    fn next_event(&self, deadline: Option<Instant>) -> Option<Event> {
        self.shared.wait_for(Shared::events, deadline, |session| session.inbox.pop())
    }

    /// All events, until the client is closed.
    pub fn events(&self) -> impl Iterator<Item = Event> + '_ {
        std::iter::from_fn(|| self.event())
    }

    /// The messages alone, until the client is closed. Other events are dropped.
    pub fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        self.events().filter_map(|event| match event {
            Event::Message(message) => Some(message),
            _ => None,
        })
    }
}

impl Deref for Client {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Client").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

fn start(name: &str, shared: Arc<Shared>, work: fn(&Shared)) -> Result<(), Error> {
    let work = move || {
        // If a log function panics, the program must not wait for messages that cannot come any more.
        let _ = catch_unwind(AssertUnwindSafe(|| work(&shared)));
        shared.close();
    };
    let started = thread::Builder::new().name(name.to_owned()).spawn(work);
    started
        .map(drop)
        .map_err(|error| Error::new("no-threads", format!("Cannot start the thread {name}: {error}.")))
}

/// What every thread can do with a [`Client`].
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Adds topics or patterns to what the client receives. `*` stands for one word, `>` at the end for one or more.
    ///
    /// # Errors
    /// `bad-request` for what is neither a topic nor a pattern; `closed`. If the daemon refuses a pattern,
    /// [`Event::Refused`] follows.
    pub fn subscribe(&self, patterns: &[&str]) -> Result<(), Error> {
        self.shared.with(|session| session.subscribe(patterns))
    }

    /// Removes topics or patterns, and forgets the topics that match no other pattern.
    ///
    /// # Errors
    /// `closed`.
    pub fn unsubscribe(&self, patterns: &[&str]) -> Result<(), Error> {
        self.shared.with(|session| session.unsubscribe(patterns))
    }

    /// Publishes JSON, and returns the number of the message once the daemon has it.
    ///
    /// # Errors
    /// A code of the daemon's; `bad-request` for what is not JSON; `too-large`; `timeout`; `connection-lost` (the daemon
    /// may have the message or not); `closed`.
    pub fn publish(&self, topic: &str, json: &str) -> Result<u64, Error> {
        let id = self.shared.with(|session| session.publish(topic, json))?;
        self.answer(id, |answer| match answer {
            Answer::Published(seq) => Some(seq),
            Answer::Got(_) => None,
        })
    }

    /// Asks for the last message of a topic, without subscribing. Returns None if the topic has no message.
    ///
    /// # Errors
    /// A code of the daemon's; `timeout`; `connection-lost`; `closed`.
    pub fn get(&self, topic: &str) -> Result<Option<Message>, Error> {
        let id = self.shared.with(|session| session.get(topic))?;
        self.answer(id, |answer| match answer {
            Answer::Got(message) => Some(message),
            Answer::Published(_) => None,
        })
    }

    fn answer<T>(&self, id: u64, read: impl FnOnce(Answer) -> Option<T>) -> Result<T, Error> {
        let deadline = Some(Instant::now() + self.shared.options.timeout);
        let answer = self.shared.wait_for(Shared::changes, deadline, |session| session.requests.take(id));
        let answer = answer.unwrap_or_else(|| self.shared.with(|session| Err(session.give_up(id))))?;
        read(answer)
            .ok_or_else(|| Error::new("connection-lost", "the daemon gave the answer to another request"))
    }

    /// Becomes the source of a topic, also after each reconnection. [`Event::Wanted`] and [`Event::Unwanted`] tell
    /// whether it has subscribers, and [`Event::Unprovided`] that the daemon refuses.
    ///
    /// # Errors
    /// `bad-request` for what is not the name of a topic; `closed`.
    pub fn provide(&self, topic: &str) -> Result<(), Error> {
        self.shared.with(|session| session.provide(topic))
    }

    /// Sends a message of a topic that this client provides. Returns false if the message was dropped: there is no
    /// daemon, or more than 1 MiB waits for the daemon to read.
    ///
    /// # Errors
    /// `not-provided`; `bad-request` for what is not JSON; `too-large`; `closed`.
    pub fn send(&self, topic: &str, json: &str) -> Result<bool, Error> {
        self.shared.with(|session| session.send(topic, json))
    }

    /// Tells the subscribers of a provided topic why it fails, until the next message or until the error is None.
    /// Returns false if the daemon could not be told now; it is told after the next reconnection.
    ///
    /// # Errors
    /// `not-provided`; `closed`.
    pub fn fail(&self, topic: &str, error: Option<&str>) -> Result<bool, Error> {
        self.shared.with(|session| session.fail(topic, error))
    }

    /// Gives up a provided topic.
    ///
    /// # Errors
    /// `closed`.
    pub fn unprovide(&self, topic: &str) -> Result<(), Error> {
        self.shared.with(|session| session.unprovide(topic))
    }

    /// Closes the client: requests fail, and the events end. Waits up to 100 ms for what was sent before to be written.
    pub fn close(&self) {
        self.shared.close();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Handle").finish_non_exhaustive()
    }
}
