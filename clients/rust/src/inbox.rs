use std::collections::{HashMap, VecDeque};

use crate::{Event, Message};

/// Past so many events other than messages, a newer one replaces an older one about the same topic.
const MOST_NOTES: usize = 1000;

/// What waits for the program. A program that is slower than its topics gets the newest messages.
pub(crate) struct Inbox {
    events: VecDeque<Event>,
    messages: usize,
    bytes: usize,
    most_messages: usize,
    most_bytes: usize,
    /// Messages of each topic that were dropped since the last one that was handed over.
    dropped: HashMap<String, u64>,
}

impl Inbox {
    pub(crate) fn new((most_messages, most_bytes): (usize, usize)) -> Self {
        let (events, dropped) = (VecDeque::new(), HashMap::new());
        Self { events, messages: 0, bytes: 0, most_messages, most_bytes, dropped }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    pub(crate) fn push(&mut self, event: Event) {
        if let Event::Message(message) = &event {
            self.messages += 1;
            self.bytes += size(message);
        } else if self.events.len() - self.messages >= MOST_NOTES {
            if let Some(at) = self.events.iter().position(|earlier| event.replaces(earlier)) {
                self.events.remove(at);
            }
        }
        self.events.push_back(event);
        // The newest message is kept, however large it is.
        while self.messages > 1 && (self.messages > self.most_messages || self.bytes > self.most_bytes) {
            self.drop_oldest();
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let mut event = self.events.pop_front()?;
        if let Event::Message(message) = &mut event {
            self.messages -= 1;
            self.bytes -= size(message);
            message.missed += self.dropped.remove(&message.topic).unwrap_or(0);
        }
        Some(event)
    }

    /// Drops the messages of topics that the program no longer wants.
    pub(crate) fn retain(&mut self, wants: impl Fn(&str) -> bool) {
        self.events.retain(|event| !matches!(event, Event::Message(message) if !wants(&message.topic)));
        self.dropped.retain(|topic, _| wants(topic));
        let sizes = self.events.iter().filter_map(|event| match event {
            Event::Message(message) => Some(size(message)),
            _ => None,
        });
        (self.messages, self.bytes) = sizes.fold((0, 0), |(count, sum), size| (count + 1, sum + size));
    }

    pub(crate) fn clear(&mut self) {
        self.retain(|_| false);
        self.events.clear();
    }

    fn drop_oldest(&mut self) {
        let oldest = self.events.iter().position(|event| matches!(event, Event::Message(_)));
        if let Some(Event::Message(message)) = oldest.and_then(|at| self.events.remove(at)) {
            self.messages -= 1;
            self.bytes -= size(&message);
            *self.dropped.entry(message.topic).or_insert(0) += message.missed + 1;
        }
    }
}

fn size(message: &Message) -> usize {
    message.topic.len() + message.data.len() + message.instance.len()
}
