use std::time::Duration;

use crate::Error;

/// One message of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The name of the topic.
    pub topic: String,
    /// The number of the message in its topic.
    pub seq: u64,
    /// When the message was made, in milliseconds since the epoch.
    pub time: i64,
    /// The payload as JSON, exactly as the daemon sent it.
    pub data: String,
    /// How many messages of the topic this client missed since the one before.
    pub missed: u64,
    /// The number of the message among those of all topics. Messages kept across a restart of the daemon have none.
    pub offset: Option<u64>,
    /// The numbering to which `seq` belongs. A different value means that the numbering has restarted.
    pub instance: String,
    /// The source of the topic has failed since.
    pub stale: bool,
}

#[cfg(feature = "serde")]
impl Message {
    /// Reads the payload as any type that serde can read. A type such as `&str` borrows from the message.
    ///
    /// # Errors
    /// If the payload is not of this type, or contains a string that Rust cannot represent: a lone surrogate.
    pub fn decode<'a, T: serde::Deserialize<'a>>(&'a self) -> serde_json::Result<T> {
        serde_json::from_str(&self.data)
    }
}

/// What a client tells its program, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A message of a subscribed topic.
    Message(Message),
    /// The daemon has registered this client; again after each reconnection.
    Ready {
        /// The numbering of the daemon.
        instance: String,
        /// The numbering continues where this client last heard it.
        resumed: bool,
    },
    /// The connection is lost, or there is no daemon. The client tries again after the delay.
    Waiting {
        /// Why.
        error: Error,
        /// How long the client waits.
        delay: Duration,
    },
    /// An unknown number of messages may be lost.
    Uncounted {
        /// The topic; None if it can be any.
        topic: Option<String>,
    },
    /// The daemon refuses a pattern. The client has dropped it.
    Refused {
        /// The pattern; None if the daemon does not say which.
        pattern: Option<String>,
        /// Why.
        error: Error,
    },
    /// The source of a topic fails.
    Failing {
        /// The name of the topic.
        topic: String,
        /// Why.
        error: String,
    },
    /// The source of a topic has recovered.
    Recovered {
        /// The name of the topic.
        topic: String,
    },
    /// A topic that this client provides has subscribers. The same topic can be reported twice.
    Wanted {
        /// The name of the topic.
        topic: String,
        /// The numbering of the topic.
        instance: String,
        /// The number of its last message; 0 before the first.
        seq: u64,
    },
    /// A topic that this client provides has no subscribers, or the connection is lost.
    Unwanted {
        /// The name of the topic.
        topic: String,
    },
    /// The daemon does not let this client provide a topic. The client has dropped the topic.
    Unprovided {
        /// The name of the topic.
        topic: String,
        /// Why.
        error: Error,
    },
    /// The daemon did not accept a message that this client sent, or a failure that it reported.
    Unsent {
        /// The name of the topic.
        topic: String,
        /// Why.
        error: Error,
    },
}

impl Event {
    /// Two events about the same thing: the later one makes the earlier one worthless.
    pub(crate) fn replaces(&self, earlier: &Event) -> bool {
        self.subject().is_some() && self.subject() == earlier.subject()
    }

    fn subject(&self) -> Option<(u8, &str)> {
        match self {
            Self::Message(_) => None,
            Self::Ready { .. } | Self::Waiting { .. } => Some((0, "")),
            Self::Uncounted { topic } => Some((1, topic.as_deref().unwrap_or(""))),
            Self::Refused { pattern, .. } => Some((2, pattern.as_deref().unwrap_or(""))),
            Self::Failing { topic, .. } | Self::Recovered { topic } => Some((3, topic)),
            Self::Wanted { topic, .. } | Self::Unwanted { topic } => Some((4, topic)),
            Self::Unprovided { topic, .. } => Some((5, topic)),
            Self::Unsent { topic, .. } => Some((6, topic)),
        }
    }
}
