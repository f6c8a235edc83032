use crate::inbox::Inbox;
use crate::{Error, Event, Message};

pub(super) fn message(topic: &str, seq: u64, missed: u64, data: &str) -> Message {
    let (topic, data, instance) = (topic.to_owned(), data.to_owned(), "one".to_owned());
    Message { topic, seq, time: 0, data, missed, offset: None, instance, stale: false }
}

/// Topic, number and missed messages of all that waits.
fn taken(inbox: &mut Inbox) -> Vec<(String, u64, u64)> {
    let events = std::iter::from_fn(|| inbox.pop());
    let numbers = events.map(|event| match event {
        Event::Message(message) => (message.topic, message.seq, message.missed),
        other => (format!("{other:?}"), 0, 0),
    });
    numbers.collect()
}

#[test]
fn drops_the_oldest_messages_and_counts_them_for_each_topic() {
    let mut inbox = Inbox::new((3, 1000));
    for seq in 1..=4 {
        inbox.push(Event::Message(message("a", 2 * seq, 1, "0")));
        inbox.push(Event::Message(message("b", seq, 0, "0")));
    }
    // Of a, 2 and 4 and 6 were dropped, each with one missed before it; of b, 1 and 2.
    assert_eq!(taken(&mut inbox), [("b".to_owned(), 3, 2), ("a".to_owned(), 8, 7), ("b".to_owned(), 4, 0)]);
    inbox.push(Event::Message(message("a", 9, 0, "0")));
    assert_eq!(taken(&mut inbox), [("a".to_owned(), 9, 0)]);
}

#[test]
fn bounds_the_bytes_and_keeps_the_newest_message() {
    let mut inbox = Inbox::new((1000, 100));
    for seq in 1..=5 {
        inbox.push(Event::Message(message("a", seq, 0, &"x".repeat(40))));
    }
    assert_eq!(taken(&mut inbox), [("a".to_owned(), 4, 3), ("a".to_owned(), 5, 0)]);
    inbox.push(Event::Message(message("a", 6, 0, "0")));
    inbox.push(Event::Message(message("a", 7, 0, &"x".repeat(1000))));
    assert_eq!(taken(&mut inbox), [("a".to_owned(), 7, 1)]);
}

#[test]
fn drops_no_event_for_the_sake_of_messages() {
    let mut inbox = Inbox::new((1, 1000));
    inbox.push(Event::Recovered { topic: "a".to_owned() });
    for seq in 1..=3 {
        inbox.push(Event::Message(message("a", seq, 0, "0")));
    }
    assert_eq!(inbox.pop(), Some(Event::Recovered { topic: "a".to_owned() }));
    assert_eq!(taken(&mut inbox), [("a".to_owned(), 3, 2)]);
}

#[test]
fn keeps_only_the_latest_of_many_events_about_one_thing() {
    let mut inbox = Inbox::new((1000, 1000));
    for number in 0..10_000 {
        let error = Error::new("no-daemon", number.to_string());
        inbox.push(Event::Waiting { error, delay: std::time::Duration::ZERO });
    }
    inbox.push(Event::Failing { topic: "a".to_owned(), error: "gone".to_owned() });
    let events: Vec<Event> = std::iter::from_fn(|| inbox.pop()).collect();
    assert_eq!(events.len(), 1001);
    assert!(matches!(&events[999], Event::Waiting { error, .. } if error.to_string() == "9999"));
    assert!(matches!(&events[1000], Event::Failing { .. }));
}

#[test]
fn forgets_topics_that_are_not_wanted() {
    let mut inbox = Inbox::new((2, 1000));
    for (topic, seq) in [("a", 1), ("a", 2), ("b", 1), ("a", 3)] {
        inbox.push(Event::Message(message(topic, seq, 0, "0")));
    }
    inbox.retain(|topic| topic == "b");
    inbox.push(Event::Message(message("a", 9, 0, "0")));
    assert_eq!(taken(&mut inbox), [("b".to_owned(), 1, 0), ("a".to_owned(), 9, 0)]);
}
