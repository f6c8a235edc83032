use std::collections::HashMap;

use crate::json::quote;

/// Values of a registration that name positions, at most; the daemon accepts 50,000 in a frame.
const MOST_VALUES: usize = 40_000;

/// How the number of a message relates to the last one of its topic.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many messages between them are missing.
    After(u64),
    /// The message was received before.
    Repeated,
    /// The numbers belong to different numberings and cannot be compared.
    Renumbered,
}

/// The last message that was received of each topic.
#[derive(Default)]
pub(crate) struct Positions {
    /// The daemon's numbering.
    instance: Option<String>,
    topics: HashMap<String, Position>,
}

struct Position {
    instance: String,
    seq: u64,
}

impl Positions {
    /// The numbering of messages that name none.
    pub(crate) fn instance(&self) -> &str {
        self.instance.as_deref().unwrap_or_default()
    }

    /// Takes the numbering of the daemon that has registered the client.
    /// Returns whether it continues, and whether positions were lost with the former one.
    pub(crate) fn begin(&mut self, instance: &str) -> (bool, bool) {
        let former = self.instance.replace(instance.to_owned());
        let resumed = former.as_deref() == Some(instance);
        let before = self.topics.len();
        if !resumed {
            // Topics with a numbering of their own keep their place.
            self.topics.retain(|_, position| Some(&position.instance) != former.as_ref());
        }
        (resumed, self.topics.len() < before)
    }

    pub(crate) fn contains(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// Moves a topic on to a message, unless it was received before.
    pub(crate) fn advance(&mut self, topic: &str, instance: &str, seq: u64) -> Step {
        let position = match self.topics.get_mut(topic) {
            Some(position) => position,
            None => {
                self.topics.insert(topic.to_owned(), Position { instance: instance.to_owned(), seq });
                return Step::After(0);
            }
        };
        if position.instance != instance {
            *position = Position { instance: instance.to_owned(), seq };
            return Step::Renumbered;
        }
        if seq <= position.seq {
            return Step::Repeated;
        }
        Step::After(seq - std::mem::replace(&mut position.seq, seq) - 1)
    }

    pub(crate) fn retain(&mut self, wants: impl Fn(&str) -> bool) {
        self.topics.retain(|topic, _| wants(topic));
    }

    /// The `resume` of a registration, in at most `room` bytes, and how many topics it leaves out for lack of room:
    /// they begin with their latest message. None before the first registration.
    pub(crate) fn resume(&self, room: usize) -> (Option<String>, usize) {
        let instance = match &self.instance {
            Some(instance) => instance,
            None => return (None, 0),
        };
        let (mut after, mut instances) = (Vec::new(), Vec::new());
        let (mut bytes, mut left_out) = (0, 0);
        for (topic, position) in &self.topics {
            let key = quote(topic);
            let seq = format!("{key}:{}", position.seq);
            let own =
                (position.instance != *instance).then(|| format!("{key}:{}", quote(&position.instance)));
            let more = seq.len() + 1 + own.as_ref().map_or(0, |own| own.len() + 1);
            if bytes + more > room || 2 * (after.len() + instances.len() + 2) > MOST_VALUES {
                left_out += 1;
                continue;
            }
            bytes += more;
            after.push(seq);
            instances.extend(own);
        }
        let (after, instances) = (after.join(","), instances.join(","));
        let resume =
            format!(r#"{{"instance":{},"after":{{{after}}},"instances":{{{instances}}}}}"#, quote(instance));
        (Some(resume), left_out)
    }
}
