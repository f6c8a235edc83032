use std::collections::BTreeMap;

use crate::frames::{check_length, control, Outbox};
use crate::{Error, Message};

/// What the daemon answers to a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Published(u64),
    Got(Option<Message>),
}

enum Request {
    /// It waits for a daemon.
    Made(Vec<u8>),
    Sent,
    Answered(Result<Answer, Error>),
}

/// Requests, until the program has taken the answer. Ids are unique in the client.
#[derive(Default)]
pub(crate) struct Requests {
    all: BTreeMap<u64, Request>,
    last_id: u64,
    /// An answer has come that the program has not been woken for.
    pub(crate) news: bool,
}

impl Requests {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Makes a request, which `send_all` sends.
    pub(crate) fn make(&mut self, kind: &str, fields: &str) -> u64 {
        let id = self.next_id();
        self.all.insert(id, Request::Made(control(kind, &format!("{fields},\"id\":{id}"))));
        id
    }

    /// Sends what waited for a daemon.
    pub(crate) fn send_all(&mut self, outbox: &mut Outbox, most_bytes: usize) {
        for (id, request) in &mut self.all {
            if let Request::Made(frame) = request {
                let frame = std::mem::take(frame);
                *request = match check_length(&frame, most_bytes) {
                    Ok(()) => Request::Sent,
                    Err(error) => Request::Answered(Err(error)),
                };
                if let Request::Sent = request {
                    outbox.push(frame, Some(*id));
                } else {
                    self.news = true;
                }
            }
        }
    }

    pub(crate) fn answered(&mut self, id: Option<u64>, answer: Result<Answer, Error>) {
        if let Some(request @ Request::Sent) = id.and_then(|id| self.all.get_mut(&id)) {
            *request = Request::Answered(answer);
            self.news = true;
        }
    }

    /// The connection broke. The daemon may have carried out what was sent, so that is not sent again.
    pub(crate) fn lost(&mut self, reason: &Error) {
        let error =
            Error::new("connection-lost", format!("the connection ended before the answer: {reason}"));
        for request in self.all.values_mut().filter(|request| matches!(request, Request::Sent)) {
            *request = Request::Answered(Err(error.clone()));
        }
        self.news = true;
    }

    /// Takes the answer, if there is one.
    pub(crate) fn take(&mut self, id: u64) -> Option<Result<Answer, Error>> {
        match self.all.remove(&id)? {
            Request::Answered(answer) => Some(answer),
            waiting => {
                self.all.insert(id, waiting);
                None
            }
        }
    }

    pub(crate) fn give_up(&mut self, id: u64) {
        self.all.remove(&id);
    }

    /// The client is closed.
    pub(crate) fn close(&mut self) {
        for request in self.all.values_mut() {
            *request = Request::Answered(Err(Error::closed()));
        }
    }
}
