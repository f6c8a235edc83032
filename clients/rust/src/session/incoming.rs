//! What a frame of the daemon changes.

use std::time::{Duration, Instant};

use super::{Link, Session};
use crate::json::Object;
use crate::positions::Step;
use crate::requests::Answer;
use crate::{Error, Event, Message};

/// The largest number that all languages can hold.
const HIGHEST_SEQ: u64 = (1 << 53) - 1;

impl Session {
    /// Takes a frame. An error means that it is none, and that the connection must end.
    pub(crate) fn frame(&mut self, text: &str) -> Result<(), Error> {
        let no_frame = |what: &str| Error::new("connection-lost", format!("the daemon sent {what}"));
        let frame = Object::parse(text).ok_or_else(|| no_frame("something that is not a JSON object"))?;
        let kind = frame.text("type").filter(|kind| !kind.is_empty());
        let kind = kind.ok_or_else(|| no_frame("a frame without a type"))?;
        if self.is_closed() {
            return Ok(());
        }
        match kind.strip_prefix("chimed.") {
            // Before the registration, no message has a numbering.
            None if self.is_ready() => self.message(&kind, &frame),
            None => (),
            Some(kind) => {
                if let Some(data) = frame.object("data") {
                    self.control(kind, &data)?;
                }
            }
        }
        Ok(())
    }

    fn message(&mut self, topic: &str, frame: &Object<'_>) {
        let mut message = match self.read_message(topic, frame) {
            Some(message) if self.positions.contains(topic) || self.wants(topic) => message,
            _ => return,
        };
        match self.positions.advance(topic, &message.instance, message.seq) {
            Step::Repeated => return,
            Step::After(missed) => message.missed = missed,
            Step::Renumbered => self.renumbered(topic),
        }
        self.inbox.push(Event::Message(message));
    }

    /// None if the message has no number, or one that cannot be.
    fn read_message(&self, topic: &str, fields: &Object<'_>) -> Option<Message> {
        Some(Message {
            topic: topic.to_owned(),
            seq: fields.number("seq").filter(|seq| (1..=HIGHEST_SEQ).contains(seq))?,
            time: fields.number("time").unwrap_or(0),
            data: fields.raw("data").unwrap_or("null").to_owned(),
            missed: 0,
            offset: fields.number("offset"),
            instance: fields
                .text("instance")
                .map_or_else(|| self.positions.instance().to_owned(), |own| own.into_owned()),
            stale: fields.is_true("stale"),
        })
    }

    /// A provider can change the numbering with each message, so this is logged once a second.
    fn renumbered(&mut self, topic: &str) {
        let now = Instant::now();
        let is_recent = self.last_renumbered.map_or(false, |last| now - last < Duration::from_secs(1));
        if !is_recent {
            self.last_renumbered = Some(now);
            self.warn(format!("the numbering of {topic} has restarted: some messages may be lost"));
        }
        self.inbox.push(Event::Uncounted { topic: Some(topic.to_owned()) });
    }

    /// An error means that the connection must end.
    fn control(&mut self, kind: &str, data: &Object<'_>) -> Result<(), Error> {
        let text = |key: &str| data.text(key).unwrap_or_default().into_owned();
        match kind {
            "registered" => self.registered(data),
            "published" => {
                let answer = data.number("seq").map(Answer::Published).ok_or_else(bad_answer);
                self.requests.answered(data.number("id"), answer);
            }
            "got" => {
                let answer = Answer::Got(self.read_message(&text("topic"), data));
                self.requests.answered(data.number("id"), Ok(answer));
            }
            "provided" => self.providing.accepted(data.number("id")),
            "wanted" => {
                let (topic, instance) = (text("topic"), text("instance"));
                if self.providing.set_wanted(&topic, true) {
                    self.inbox.push(Event::Wanted { topic, instance, seq: data.number("seq").unwrap_or(0) });
                }
            }
            "unwanted" => {
                let topic = text("topic");
                if self.providing.set_wanted(&topic, false) {
                    self.inbox.push(Event::Unwanted { topic });
                }
            }
            "failing" => {
                let (topic, error) = (text("topic"), text("error"));
                self.warn(format!("the source of {topic} is failing: {error}"));
                self.inbox.push(Event::Failing { topic, error });
            }
            "recovered" => {
                self.info(format!("the source of {} has recovered", text("topic")));
                self.inbox.push(Event::Recovered { topic: text("topic") });
            }
            "rejected" => return self.rejected(data),
            "stopping" => {
                self.farewell =
                    Some(Error::new("no-daemon", format!("the daemon stops: {}", text("reason"))));
            }
            _ => (),
        }
        Ok(())
    }

    fn registered(&mut self, data: &Object<'_>) {
        let instance = data.text("instance").unwrap_or_default().into_owned();
        let (resumed, has_forgotten) = self.positions.begin(&instance);
        let most = data.object("limits").and_then(|limits| limits.number("frameBytes"));
        self.most_frame_bytes = most.unwrap_or(usize::MAX);
        self.was_refused = false;
        if self.link == Link::Greeting {
            self.link = Link::Ready;
            self.failures = 0;
            self.reason = None;
            self.info(format!("connected to chimed, instance {instance}, resumed: {resumed}"));
            self.inbox.push(Event::Ready { instance, resumed });
            self.requests.send_all(&mut self.outbox, self.most_frame_bytes);
            self.providing.ready();
            self.ask_to_provide();
        }
        if has_forgotten || data.is_true("uncounted") {
            self.warn("some messages may be lost; the number is unknown".to_owned());
            self.inbox.push(Event::Uncounted { topic: None });
        }
    }

    /// An error means that the daemon does not accept the registration of this connection, which must end.
    fn rejected(&mut self, data: &Object<'_>) -> Result<(), Error> {
        let text = |key: &str| data.text(key).map(|text| text.into_owned());
        let (code, topic, id) = (text("code").unwrap_or_default(), text("topic"), data.number("id"));
        let error = Error::new(code.clone(), text("message").unwrap_or_default());
        let is_refusal = self.link == Link::Greeting && ["too-large", "bad-request"].contains(&code.as_str());
        let request = match text("request") {
            Some(request) => request,
            None => {
                // It is about the connection, which the daemon closes.
                self.was_refused |= is_refusal;
                self.farewell = Some(error);
                return Ok(());
            }
        };
        if self.link == Link::Greeting
            && request == "chimed.register"
            && topic.is_none()
            && code != "too-fast"
        {
            self.was_refused = is_refusal;
            return Err(error);
        }
        if id.is_none() || request == "chimed.provide" {
            let about = topic.as_deref().map_or(String::new(), |topic| format!(" ({topic})"));
            self.warn(format!("refused: {code}{about}: {error}"));
        }
        match request.as_str() {
            // A warning: the daemon has not dropped the request.
            _ if code == "too-fast" => (),
            "chimed.provide" => {
                if let Some(topic) = self.providing.refused(topic.as_deref(), id, &code) {
                    self.inbox.push(Event::Unprovided { topic, error });
                }
            }
            "chimed.register" => {
                self.patterns.retain(|pattern| Some(pattern) != topic.as_ref());
                self.forget();
                self.inbox.push(Event::Refused { pattern: topic, error });
            }
            "chimed.fail" => self.inbox.push(Event::Unsent { topic: topic.unwrap_or_default(), error }),
            request if !request.starts_with("chimed.") => {
                self.inbox.push(Event::Unsent { topic: request.to_owned(), error });
            }
            _ => self.requests.answered(id, Err(error)),
        }
        Ok(())
    }
}

fn bad_answer() -> Error {
    Error::new("connection-lost", "the answer of the daemon has no number")
}
