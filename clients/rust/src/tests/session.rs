use std::time::Duration;

use super::inbox::message;
use crate::requests::Answer;
use crate::session::Session;
use crate::{Error, Event, Options};

/// A session, and what it says.
struct Peer(Session);

impl Peer {
    fn new() -> Self {
        Self(Session::new(&Options::new().name("test")))
    }

    /// A session that a daemon has registered.
    fn ready(patterns: &[&str]) -> Self {
        let mut peer = Self::new();
        peer.0.subscribe(patterns).unwrap();
        peer.connect("one");
        peer.sent();
        peer.events();
        peer
    }

    fn connect(&mut self, instance: &str) {
        self.0.connected();
        self.registered(instance, "");
    }

    fn registered(&mut self, instance: &str, more: &str) {
        let data = format!(r#""instance":"{instance}","topics":[],"limits":{{"frameBytes":4000}}{more}"#);
        self.frame(&format!(r#"{{"type":"chimed.registered","data":{{{data}}}}}"#));
    }

    fn frame(&mut self, text: &str) {
        self.0.frame(text).unwrap();
    }

    fn lose(&mut self) {
        self.0.lost(Error::new("connection-lost", "cut"), 0.5);
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.0.inbox.pop()).collect()
    }

    /// Numbers of the messages, and how many were missed before each.
    fn numbers(&mut self) -> Vec<(u64, u64)> {
        let events = self.events().into_iter();
        let numbers = events.filter_map(|event| match event {
            Event::Message(message) => Some((message.seq, message.missed)),
            _ => None,
        });
        numbers.collect()
    }

    /// The frames that are on their way.
    fn sent(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        while let Some(batch) = self.0.outbox.take() {
            bytes.extend(batch);
            self.0.outbox.written();
        }
        let text = String::from_utf8(bytes).unwrap();
        text.split_terminator('\x0c').map(str::to_owned).collect()
    }
}

#[test]
fn registers_all_patterns_in_its_first_frame_and_later_ones_by_themselves() {
    let mut peer = Peer::new();
    peer.0.subscribe(&["a", "b.*", "a"]).unwrap();
    assert!(peer.sent().is_empty());
    peer.0.connected();
    peer.0.subscribe(&["b.*", "c"]).unwrap();
    let first = r#"{"type":"chimed.register","data":{"topics":["a","b.*"],"name":"test"}}"#;
    assert_eq!(peer.sent(), [first, r#"{"type":"chimed.register","data":{"topics":["c"]}}"#]);
    peer.0.unsubscribe(&["a", "none"]).unwrap();
    assert_eq!(peer.sent(), [r#"{"type":"chimed.unregister","data":{"topics":["a"]}}"#]);
    assert_eq!(peer.0.subscribe(&["c", "a b"]).unwrap_err().code(), "bad-request");
}

#[test]
fn resumes_after_a_reconnection_and_drops_what_it_has() {
    let mut peer = Peer::ready(&["a"]);
    peer.frame(r#"{"type":"a","data":1,"seq":4,"time":9}"#);
    peer.lose();
    peer.frame(r#"{"type":"a","data":1,"seq":99,"time":9}"#);
    peer.0.connected();
    peer.frame(r#"{"type":"a","data":1,"seq":99,"time":9}"#);
    assert!(peer.sent()[0].contains(r#""resume":{"instance":"one","after":{"a":4},"instances":{}}"#));
    peer.registered("one", "");
    peer.frame(r#"{"type":"a","data":1,"seq":4,"time":9}"#);
    peer.frame(r#"{"type":"a","data":1,"seq":7,"time":9}"#);
    assert_eq!(peer.numbers(), [(4, 0), (7, 2)]);
}

#[test]
fn reports_what_cannot_be_counted() {
    let mut peer = Peer::ready(&["a"]);
    peer.frame(r#"{"type":"a","data":1,"seq":4}"#);
    peer.frame(r#"{"type":"a","data":1,"seq":2,"instance":"own"}"#);
    assert_eq!(peer.events()[1], Event::Uncounted { topic: Some("a".to_owned()) });
    peer.frame(r#"{"type":"a","data":1,"seq":9}"#);
    peer.lose();
    peer.connect("two");
    assert_eq!(peer.events().last(), Some(&Event::Uncounted { topic: None }));
    peer.lose();
    peer.0.connected();
    peer.registered("two", r#","uncounted":true"#);
    assert_eq!(peer.events().last(), Some(&Event::Uncounted { topic: None }));
}

#[test]
fn reads_every_field_of_a_message() {
    let mut peer = Peer::ready(&["a.>"]);
    peer.frame(
        r#"{"seq":3,"offset":8,"data":{"x": [1]},"time":5,"stale":true,"instance":"own","type":"a.b"}"#,
    );
    let mut expected = message("a.b", 3, 0, r#"{"x": [1]}"#);
    (expected.time, expected.offset, expected.stale) = (5, Some(8), true);
    expected.instance = "own".to_owned();
    assert_eq!(peer.events(), [Event::Message(expected)]);
    peer.frame(r#"{"type":"b","data":1,"seq":1}"#);
    peer.frame(r#"{"type":"a.c","data":1}"#);
    assert_eq!(peer.events(), [], "another topic, and a message without a number");
}

#[test]
fn ends_the_connection_at_what_is_no_frame_and_ignores_what_it_does_not_know() {
    let mut peer = Peer::ready(&["a"]);
    for text in
        ["", "null", "[]", "{", "{}", r#"{"type":""}"#, r#"{"type":1}"#, r#"{"type":"a"}{"type":"a"}"#]
    {
        assert!(peer.0.frame(text).is_err(), "{text}");
    }
    for text in [
        r#"{"type":"chimed.future","data":{"topic":"a","seq":1}}"#,
        r#"{"type":"chimed.","data":{}}"#,
        r#"{"type":"chimed.registered"}"#,
        r#"{"type":"chimed.rejected","data":7}"#,
        r#"{"type":"chimed.published","data":{}}"#,
        r#"{"type":"chimed.wanted","data":{"topic":"other"}}"#,
    ] {
        assert!(peer.0.frame(text).is_ok(), "{text}");
    }
    assert_eq!(peer.events(), []);
}

#[test]
fn drops_a_pattern_that_the_daemon_refuses() {
    let mut peer = Peer::ready(&["a", "b"]);
    peer.frame(r#"{"type":"chimed.rejected","data":{"code":"unknown-topic","message":"no a","request":"chimed.register","topic":"a"}}"#);
    let error = Error::new("unknown-topic", "no a");
    assert_eq!(peer.events(), [Event::Refused { pattern: Some("a".to_owned()), error }]);
    peer.lose();
    peer.0.connected();
    assert!(peer.sent()[0].contains(r#""topics":["b"]"#));
}

#[test]
fn sends_requests_once_there_is_a_daemon_and_never_twice() {
    let mut peer = Peer::new();
    let early = peer.0.publish("a", "[1]").unwrap();
    let large = peer.0.publish("a", &format!("\"{}\"", "x".repeat(4000))).unwrap();
    assert!(peer.sent().is_empty());
    peer.connect("one");
    let frame = format!(r#"{{"type":"chimed.publish","data":{{"topic":"a","data":[1],"id":{early}}}}}"#);
    assert_eq!(peer.sent()[1..], [frame]);
    assert_eq!(peer.0.requests.take(large).unwrap().unwrap_err().code(), "too-large");
    peer.lose();
    assert_eq!(peer.0.requests.take(early).unwrap().unwrap_err().code(), "connection-lost");
    peer.connect("one");
    assert_eq!(peer.sent().len(), 1, "only the registration");
}

#[test]
fn matches_answers_by_their_ids() {
    let mut peer = Peer::ready(&[]);
    let ids = [peer.0.publish("a", "1").unwrap(), peer.0.get("a").unwrap(), peer.0.get("b").unwrap()];
    peer.frame(&format!(r#"{{"type":"chimed.got","data":{{"id":{},"topic":"b"}}}}"#, ids[2]));
    peer.frame(&format!(
        r#"{{"type":"chimed.got","data":{{"id":{},"topic":"a","seq":3,"data":null}}}}"#,
        ids[1]
    ));
    assert_eq!(peer.0.requests.take(ids[2]), Some(Ok(Answer::Got(None))));
    assert_eq!(peer.0.requests.take(ids[1]), Some(Ok(Answer::Got(Some(message("a", 3, 0, "null"))))));
    assert_eq!(peer.0.requests.take(ids[0]), None);
    let rejected = |code: &str| {
        let fields = format!(r#""code":"{code}","message":"m","request":"chimed.publish","id":{}"#, ids[0]);
        format!(r#"{{"type":"chimed.rejected","data":{{{fields}}}}}"#)
    };
    peer.frame(&rejected("too-fast"));
    assert_eq!(peer.0.requests.take(ids[0]), None, "a warning");
    peer.frame(&rejected("not-allowed"));
    assert_eq!(peer.0.requests.take(ids[0]).unwrap().unwrap_err().code(), "not-allowed");
}

#[test]
fn does_not_send_a_request_that_was_given_up() {
    let mut peer = Peer::ready(&[]);
    let id = peer.0.publish("a", "1").unwrap();
    assert_eq!(peer.0.give_up(id).code(), "timeout");
    assert!(peer.sent().is_empty());
}

#[test]
fn refuses_payloads_on_which_the_daemon_would_close_the_connection() {
    let mut peer = Peer::ready(&[]);
    let deep = "[".repeat(65) + &"]".repeat(65);
    let many = format!("[{}0]", "0,".repeat(50_000));
    for (json, code) in [
        ("nope", "bad-request"),
        ("", "bad-request"),
        ("1\x0c", "bad-request"),
        (&deep, "too-large"),
        (&many, "too-large"),
    ] {
        assert_eq!(peer.0.publish("a", json).unwrap_err().code(), code, "{json:.20}");
    }
    assert_eq!(peer.0.publish("a.*", "1").unwrap_err().code(), "bad-request");
}

#[test]
fn provides_topics_again_after_a_reconnection() {
    let mut peer = Peer::ready(&[]);
    peer.0.provide("feed").unwrap();
    peer.0.provide("feed").unwrap();
    assert_eq!(peer.sent(), [r#"{"type":"chimed.provide","data":{"topics":["feed"],"id":1}}"#]);
    peer.frame(r#"{"type":"chimed.provided","data":{"id":1}}"#);
    peer.frame(r#"{"type":"chimed.wanted","data":{"topic":"feed","instance":"i","seq":7}}"#);
    assert_eq!(peer.0.send("feed", "[1]"), Ok(true));
    assert_eq!(peer.0.fail("feed", Some("gone \"x\"")), Ok(true));
    let fail = r#"{"type":"chimed.fail","data":{"topic":"feed","error":"gone \"x\""}}"#;
    assert_eq!(peer.sent(), [r#"{"type":"feed","data":[1]}"#, fail]);
    peer.lose();
    assert_eq!(peer.0.send("feed", "2"), Ok(false));
    let events = peer.events();
    assert_eq!(events[0], Event::Wanted { topic: "feed".to_owned(), instance: "i".to_owned(), seq: 7 });
    assert_eq!(events[1], Event::Unwanted { topic: "feed".to_owned() });
    peer.connect("one");
    assert_eq!(peer.sent()[1..], [r#"{"type":"chimed.provide","data":{"topics":["feed"],"id":2}}"#, fail]);
    assert_eq!(peer.0.fail("feed", None), Ok(true));
    peer.0.unprovide("feed").unwrap();
    assert!(peer.sent()[1].contains("chimed.unprovide"));
    assert_eq!(peer.0.send("feed", "2").unwrap_err().code(), "not-provided");
}

#[test]
fn asks_again_for_a_topic_that_its_former_connection_still_has() {
    let refusal = |id: u64| {
        let fields = format!(
            r#""code":"already-provided","message":"m","request":"chimed.provide","topic":"feed","id":{id}"#
        );
        format!(r#"{{"type":"chimed.rejected","data":{{{fields}}}}}"#)
    };
    let mut peer = Peer::ready(&[]);
    peer.0.provide("feed").unwrap();
    peer.frame(r#"{"type":"chimed.provided","data":{"id":1}}"#);
    peer.lose();
    peer.connect("one");
    peer.events();
    peer.frame(&refusal(2));
    assert_eq!(peer.events(), []);
    assert!(peer.0.providing.retry_at.is_some());
    assert_eq!(peer.0.send("feed", "1"), Ok(false));
    let mut other = Peer::ready(&[]);
    other.0.provide("feed").unwrap();
    other.frame(&refusal(1));
    assert!(
        matches!(&other.events()[..], [Event::Unprovided { error, .. }] if error.code() == "already-provided")
    );
}

#[test]
fn sends_no_more_while_the_daemon_does_not_read() {
    let mut peer = Peer::ready(&[]);
    peer.0.provide("feed").unwrap();
    let payload = format!("\"{}\"", "x".repeat(900));
    let sent = (0..10_000).take_while(|_| peer.0.send("feed", &payload) == Ok(true)).count();
    assert!((1000..1300).contains(&sent), "{sent} messages of 900 bytes");
    peer.sent();
    assert_eq!(peer.0.send("feed", &payload), Ok(true));
}

#[test]
fn waits_longer_after_each_failure_and_begins_again_once_registered() {
    let mut peer = Peer::new();
    let lose = |peer: &mut Peer| peer.0.lost(Error::new("no-daemon", "none"), 0.5);
    let delays: Vec<_> = (0..8).map(|_| lose(&mut peer).as_millis()).collect();
    assert_eq!(delays, [50, 100, 200, 400, 800, 1600, 2500, 2500]);
    peer.0.connected();
    assert_eq!(lose(&mut peer), Duration::from_millis(2500), "it was connected, but not registered");
    peer.connect("one");
    peer.frame(r#"{"type":"chimed.stopping","data":{"reason":"SIGTERM"}}"#);
    assert_eq!(lose(&mut peer), Duration::from_millis(50));
    let events = peer.events();
    assert!(
        matches!(events.last(), Some(Event::Waiting { error, .. }) if error.to_string().contains("SIGTERM"))
    );
}

#[test]
fn ends_everything_when_it_is_closed() {
    let mut peer = Peer::ready(&["a"]);
    peer.frame(r#"{"type":"a","data":1,"seq":4}"#);
    let id = peer.0.publish("a", "1").unwrap();
    peer.0.close();
    assert_eq!(peer.0.requests.take(id).unwrap().unwrap_err().code(), "closed");
    assert_eq!(peer.0.publish("a", "1").unwrap_err().code(), "closed");
    peer.0.connected();
    assert!(peer.events().is_empty() && peer.sent().is_empty() && peer.0.is_closed());
}
