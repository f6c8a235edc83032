//! What the program asks for.

use super::Session;
use crate::frames::{check_length, control, message};
use crate::json::{list, measure, quote};
use crate::pattern::{check_pattern, check_topic};
use crate::Error;

/// Past so many bytes that wait for the daemon to read, no more messages are sent.
const MOST_PENDING_BYTES: usize = 1024 * 1024;
const MOST_LEVELS: usize = 64;
/// The daemon accepts 50,000 values in a frame; the frame itself has some.
const MOST_VALUES: usize = 49_900;

impl Session {
    pub(crate) fn subscribe(&mut self, patterns: &[&str]) -> Result<(), Error> {
        self.check_open()?;
        patterns.iter().try_for_each(|pattern| check_pattern(pattern))?;
        let known = self.patterns.len();
        for pattern in patterns {
            if !self.patterns.iter().any(|other| other == pattern) {
                self.patterns.push((*pattern).to_owned());
            }
        }
        if known < self.patterns.len() && self.is_connected() {
            let fields = format!("\"topics\":{}", list(&self.patterns[known..]));
            self.outbox.push(control("register", &fields), None);
        }
        Ok(())
    }

    pub(crate) fn unsubscribe(&mut self, patterns: &[&str]) -> Result<(), Error> {
        self.check_open()?;
        let (gone, kept) = self.patterns.drain(..).partition(|known| patterns.contains(&known.as_str()));
        self.patterns = kept;
        self.forget();
        let gone: Vec<String> = gone;
        if !gone.is_empty() && self.is_connected() {
            self.outbox.push(control("unregister", &format!("\"topics\":{}", list(&gone))), None);
        }
        Ok(())
    }

    /// Makes a request, and returns its id.
    pub(crate) fn publish(&mut self, topic: &str, json: &str) -> Result<u64, Error> {
        self.check_open()?;
        check_topic(topic)?;
        check_payload(json)?;
        Ok(self.request("publish", &format!("\"topic\":\"{topic}\",\"data\":{json}")))
    }

    /// Makes a request, and returns its id.
    pub(crate) fn get(&mut self, topic: &str) -> Result<u64, Error> {
        self.check_open()?;
        check_topic(topic)?;
        Ok(self.request("get", &format!("\"topic\":\"{topic}\"")))
    }

    fn request(&mut self, kind: &str, fields: &str) -> u64 {
        let id = self.requests.make(kind, fields);
        if self.is_ready() {
            self.requests.send_all(&mut self.outbox, self.most_frame_bytes);
        }
        id
    }

    /// The program has waited long enough for an answer.
    pub(crate) fn give_up(&mut self, id: u64) -> Error {
        self.requests.give_up(id);
        self.outbox.cancel(id);
        let reason = self.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
        Error::new("timeout", format!("no answer within {:?}{reason}", self.options.timeout))
    }

    pub(crate) fn provide(&mut self, topic: &str) -> Result<(), Error> {
        self.check_open()?;
        check_topic(topic)?;
        if self.providing.add(topic) && self.is_ready() {
            self.providing.ask(topic, self.requests.next_id(), &mut self.outbox);
        }
        Ok(())
    }

    pub(crate) fn send(&mut self, topic: &str, json: &str) -> Result<bool, Error> {
        self.check_open()?;
        let provided = self.providing.get(topic)?;
        check_payload(json)?;
        let frame = message(topic, json);
        check_length(&frame, self.most_frame_bytes)?;
        if !provided.is_asked() || self.outbox.bytes > MOST_PENDING_BYTES {
            return Ok(false);
        }
        provided.fail(None);
        self.outbox.push(frame, None);
        Ok(true)
    }

    pub(crate) fn fail(&mut self, topic: &str, error: Option<&str>) -> Result<bool, Error> {
        self.check_open()?;
        let provided = self.providing.get(topic)?;
        let text = error.map(|error| error.chars().take(1000).collect::<String>());
        provided.fail(text.as_deref());
        if !provided.is_asked() || self.outbox.bytes > MOST_PENDING_BYTES {
            return Ok(false);
        }
        let text = text.map_or("null".to_owned(), |text| quote(&text));
        self.outbox.push(control("fail", &format!("\"topic\":\"{topic}\",\"error\":{text}")), None);
        Ok(true)
    }

    pub(crate) fn unprovide(&mut self, topic: &str) -> Result<(), Error> {
        self.check_open()?;
        if self.providing.remove(topic) {
            self.outbox.push(control("unprovide", &format!("\"topics\":[{}]", quote(topic))), None);
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        (!self.is_closed()).then_some(()).ok_or_else(Error::closed)
    }
}

/// Checks a payload, because the daemon would close the connection on what is not JSON or is too much.
fn check_payload(json: &str) -> Result<(), Error> {
    let shape = measure(json).ok_or_else(|| Error::new("bad-request", "the data is not JSON"))?;
    if shape.levels > MOST_LEVELS || shape.values > MOST_VALUES {
        let (levels, values) = (shape.levels, shape.values);
        let limits = format!("limits {MOST_LEVELS} levels and {MOST_VALUES} values");
        return Err(Error::new(
            "too-large",
            format!("Payload too large: {levels} levels, {values} values; {limits}."),
        ));
    }
    Ok(())
}
