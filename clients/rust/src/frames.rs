use std::collections::VecDeque;
use std::io::{BufRead, ErrorKind, Read};

use crate::Error;

const FORM_FEED: u8 = 0x0c;
/// Longest frame of a daemon: 64 MiB of payload, and what surrounds it.
const MOST_BYTES: usize = 64 * 1024 * 1024 + 4096;
/// Memory of a frame that is kept for the next one.
const KEPT_BYTES: usize = 64 * 1024;
/// What is written at once, unless a single frame is longer.
const BATCH_BYTES: usize = 64 * 1024;

/// Reads up to the next form feed, which it removes. Stores no more of a frame than its longest length.
pub(crate) fn read_frame(input: &mut impl BufRead, frame: &mut Vec<u8>) -> Result<(), Error> {
    frame.clear();
    frame.shrink_to(KEPT_BYTES);
    let read = input.by_ref().take(MOST_BYTES as u64 + 1).read_until(FORM_FEED, frame);
    if let Err(error) = read {
        let code = if error.kind() == ErrorKind::TimedOut { "timeout" } else { "connection-lost" };
        return Err(Error::new(code, error.to_string()));
    }
    if frame.last() == Some(&FORM_FEED) {
        frame.pop();
        Ok(())
    } else if frame.len() > MOST_BYTES {
        Err(Error::new("too-large", format!("Frame too large: limit {MOST_BYTES} bytes.")))
    } else {
        Err(Error::new("connection-lost", "the daemon closed the connection"))
    }
}

/// Makes a control frame. `fields`: those of its data, as JSON.
pub(crate) fn control(kind: &str, fields: &str) -> Vec<u8> {
    format!("{{\"type\":\"chimed.{kind}\",\"data\":{{{fields}}}}}\x0c").into_bytes()
}

/// Makes a message of a topic that the client provides.
pub(crate) fn message(topic: &str, json: &str) -> Vec<u8> {
    format!("{{\"type\":\"{topic}\",\"data\":{json}}}\x0c").into_bytes()
}

/// The error for a frame that the daemon would refuse, and close the connection.
pub(crate) fn check_length(frame: &[u8], most: usize) -> Result<(), Error> {
    let length = frame.len() - 1; // The form feed does not count.
    let message = format!("Frame too large: {length} bytes, limit {most} (clients.frameBytes).");
    (length <= most).then_some(()).ok_or_else(|| Error::new("too-large", message))
}

/// Frames that wait to be written.
#[derive(Default)]
pub(crate) struct Outbox {
    frames: VecDeque<(Vec<u8>, Option<u64>)>,
    /// How many bytes wait, with those that are being written.
    pub(crate) bytes: usize,
    /// How many bytes are being written.
    writing: usize,
}

impl Outbox {
    /// `request`: the id of a request, if it can be cancelled.
    pub(crate) fn push(&mut self, frame: Vec<u8>, request: Option<u64>) {
        self.bytes += frame.len();
        self.frames.push_back((frame, request));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Takes what is to be written next; `written` must follow.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let (mut batch, _) = self.frames.pop_front()?;
        while let Some((next, _)) = self.frames.front() {
            if batch.len() + next.len() > BATCH_BYTES {
                break;
            }
            batch.extend_from_slice(next);
            self.frames.pop_front();
        }
        self.writing = batch.len();
        Some(batch)
    }

    pub(crate) fn written(&mut self) {
        self.bytes -= std::mem::take(&mut self.writing);
    }

    /// Removes a request that nobody waits for any more.
    pub(crate) fn cancel(&mut self, request: u64) {
        self.frames.retain(|(_, id)| *id != Some(request));
        self.count();
    }

    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.count();
    }

    fn count(&mut self) {
        self.bytes = self.writing + self.frames.iter().map(|(frame, _)| frame.len()).sum::<usize>();
    }
}
