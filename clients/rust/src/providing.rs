use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::frames::{control, Outbox};
use crate::json::quote;
use crate::Error;

/// How long after a connection the daemon may still believe that the former one provides a topic.
const SUCCESSION: Duration = Duration::from_secs(10);
const SUCCESSION_RETRY: Duration = Duration::from_millis(500);

/// A topic that this client provides.
#[derive(Default)]
pub(crate) struct Provided {
    /// The id of the request to provide it on this connection; none if the daemon must be asked.
    request: Option<u64>,
    /// The daemon has accepted it before, maybe in an earlier connection.
    was_accepted: bool,
    wanted: bool,
    failure: Option<String>,
}

impl Provided {
    pub(crate) fn is_asked(&self) -> bool {
        self.request.is_some()
    }

    pub(crate) fn fail(&mut self, error: Option<&str>) {
        self.failure = error.map(str::to_owned);
    }
}

/// The topics that this client provides.
pub(crate) struct Providing {
    topics: BTreeMap<String, Provided>,
    ready_at: Instant,
    /// When topics that the former connection still had are asked for again.
    pub(crate) retry_at: Option<Instant>,
}

impl Providing {
    pub(crate) fn new() -> Self {
        Self { topics: BTreeMap::new(), ready_at: Instant::now(), retry_at: None }
    }

    /// Returns false for a topic that is provided already.
    pub(crate) fn add(&mut self, topic: &str) -> bool {
        if self.topics.contains_key(topic) {
            return false;
        }
        self.topics.insert(topic.to_owned(), Provided::default());
        true
    }

    pub(crate) fn get(&mut self, topic: &str) -> Result<&mut Provided, Error> {
        let message = format!("this client does not provide {topic}");
        self.topics.get_mut(topic).ok_or_else(|| Error::new("not-provided", message))
    }

    /// Gives a topic up. Returns whether the daemon must be told.
    pub(crate) fn remove(&mut self, topic: &str) -> bool {
        self.topics.remove(topic).map_or(false, |provided| provided.is_asked())
    }

    pub(crate) fn ready(&mut self) {
        self.ready_at = Instant::now();
    }

    /// The topics that the daemon of this connection does not know of.
    pub(crate) fn unasked(&mut self) -> Vec<String> {
        self.retry_at = None;
        let unasked = self.topics.iter().filter(|(_, provided)| !provided.is_asked());
        unasked.map(|(topic, _)| topic.clone()).collect()
    }

    /// Asks the daemon to provide a topic, and tells it that the topic fails, if it does.
    pub(crate) fn ask(&mut self, topic: &str, id: u64, outbox: &mut Outbox) {
        if let Some(provided) = self.topics.get_mut(topic) {
            provided.request = Some(id);
            outbox.push(control("provide", &format!("\"topics\":[\"{topic}\"],\"id\":{id}")), None);
            if let Some(failure) = &provided.failure {
                let failure = quote(failure);
                outbox.push(control("fail", &format!("\"topic\":\"{topic}\",\"error\":{failure}")), None);
            }
        }
    }

    pub(crate) fn accepted(&mut self, id: Option<u64>) {
        if let Some(provided) =
            self.topics.values_mut().find(|provided| id.is_some() && provided.request == id)
        {
            provided.was_accepted = true;
        }
    }

    /// The daemon says whether a topic has subscribers. Returns false for a topic that this client gave up.
    pub(crate) fn set_wanted(&mut self, topic: &str, wanted: bool) -> bool {
        self.topics.get_mut(topic).map(|provided| provided.wanted = wanted).is_some()
    }

    /// The daemon refuses a topic. Returns the topic if the client provides it no longer.
    pub(crate) fn refused(&mut self, topic: Option<&str>, id: Option<u64>, code: &str) -> Option<String> {
        let mut all = self.topics.iter_mut();
        let (name, provided) = all.find(|(name, provided)| match topic {
            Some(topic) => *name == topic && (id.is_none() || provided.request == id),
            None => id.is_some() && provided.request == id,
        })?;
        if code == "already-provided" && provided.was_accepted && self.ready_at.elapsed() < SUCCESSION {
            provided.request = None;
            self.retry_at = Some(Instant::now() + SUCCESSION_RETRY);
            return None;
        }
        let name = name.clone();
        self.topics.remove(&name);
        Some(name)
    }

    /// The connection broke. Returns the topics that have no subscribers any more.
    pub(crate) fn lost(&mut self) -> Vec<String> {
        self.retry_at = None;
        let mut unwanted = Vec::new();
        for (topic, provided) in &mut self.topics {
            provided.request = None;
            if std::mem::take(&mut provided.wanted) {
                unwanted.push(topic.clone());
            }
        }
        unwanted
    }
}
