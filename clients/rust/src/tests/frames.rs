use std::io::{self, BufReader, Read};

use crate::frames::{check_length, control, message, read_frame, Outbox};

/// Bytes that arrive in pieces: up to each of these places at once.
struct Pieces<'a> {
    bytes: &'a [u8],
    at: usize,
    ends: Vec<usize>,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.ends.iter().copied().find(|end| *end > self.at).unwrap_or(self.bytes.len());
        let length = buffer.len().min(end - self.at);
        buffer[..length].copy_from_slice(&self.bytes[self.at..self.at + length]);
        self.at += length;
        Ok(length)
    }
}

/// The frames in these bytes, and the code of the error at their end.
fn frames(bytes: &[u8], ends: Vec<usize>) -> (Vec<String>, String) {
    let mut input = BufReader::with_capacity(16, Pieces { bytes, at: 0, ends });
    let (mut frames, mut frame) = (Vec::new(), Vec::new());
    loop {
        match read_frame(&mut input, &mut frame) {
            Ok(()) => frames.push(String::from_utf8(frame.clone()).unwrap()),
            Err(error) => return (frames, error.code().to_owned()),
        }
    }
}

#[test]
fn reads_frames_that_are_split_at_any_byte() {
    let bytes = "{\"type\":\"a\",\"data\":\"é€😀\"}\x0c {}\x0c{\"cut".as_bytes();
    let expected = ["{\"type\":\"a\",\"data\":\"é€😀\"}", " {}"];
    for first in 0..=bytes.len() {
        for second in first..=bytes.len() {
            let (frames, code) = frames(bytes, vec![first, second]);
            assert_eq!(frames, expected, "split at {first} and {second}");
            assert_eq!(code, "connection-lost");
        }
    }
    assert_eq!(frames(bytes, (0..bytes.len()).collect()).0, expected, "byte by byte");
}

#[test]
fn stores_no_more_of_a_frame_than_its_longest_length() {
    /// Bytes without end.
    struct Endless;
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            buffer.fill(b'x');
            Ok(buffer.len())
        }
    }
    const MOST: u64 = 64 * 1024 * 1024 + 4096;
    let mut frame = Vec::new();
    let mut input = BufReader::new(Endless.take(MOST).chain(&b"\x0c"[..]));
    assert!(read_frame(&mut input, &mut frame).is_ok());
    assert_eq!(frame.len() as u64, MOST);
    let error = read_frame(&mut BufReader::new(Endless), &mut frame).unwrap_err();
    assert_eq!((error.code(), frame.len() as u64), ("too-large", MOST + 1));
}

#[test]
fn reports_an_error_of_the_connection() {
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let error = read_frame(&mut BufReader::new(Broken), &mut Vec::new()).unwrap_err();
    assert_eq!(error.code(), "connection-lost");
}

#[test]
fn makes_frames_and_checks_their_length_without_the_form_feed() {
    assert_eq!(
        control("get", "\"topic\":\"t\""),
        b"{\"type\":\"chimed.get\",\"data\":{\"topic\":\"t\"}}\x0c"
    );
    let frame = message("t", "[1]");
    assert_eq!(frame, b"{\"type\":\"t\",\"data\":[1]}\x0c");
    assert!(check_length(&frame, frame.len() - 1).is_ok());
    assert_eq!(check_length(&frame, frame.len() - 2).unwrap_err().code(), "too-large");
}

#[test]
fn writes_small_frames_together_and_counts_what_waits() {
    let mut outbox = Outbox::default();
    outbox.push(vec![1; 10], None);
    outbox.push(vec![2; 20], Some(7));
    outbox.push(vec![3; 100_000], None);
    outbox.push(vec![4; 5], Some(8));
    let first = outbox.take().unwrap();
    assert_eq!((first.len(), outbox.bytes), (30, 100_035));
    outbox.cancel(8);
    assert_eq!(outbox.bytes, 100_030, "what is being written counts until it is written");
    outbox.written();
    assert_eq!(outbox.bytes, 100_000);
    outbox.cancel(7);
    assert_eq!(outbox.take().unwrap().len(), 100_000);
    outbox.clear();
    assert_eq!(outbox.bytes, 100_000);
    outbox.written();
    assert_eq!((outbox.take(), outbox.bytes), (None, 0));
}
