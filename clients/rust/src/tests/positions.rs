use crate::json::Object;
use crate::positions::{Positions, Step};

/// Positions of topics of the daemon `one`.
fn positions(topics: &[(&str, &str, u64)]) -> Positions {
    let mut positions = Positions::default();
    positions.begin("one");
    for (topic, instance, seq) in topics {
        positions.advance(topic, instance, *seq);
    }
    positions
}

#[test]
fn counts_what_is_missing() {
    let mut positions = positions(&[]);
    let cases = [
        ("a", "one", 5, Step::After(0)),
        ("a", "one", 6, Step::After(0)),
        ("a", "one", 6, Step::Repeated),
        ("a", "one", 2, Step::Repeated),
        ("a", "one", 10, Step::After(3)),
        ("b", "one", 1, Step::After(0)),
        ("a", "two", 1, Step::Renumbered),
        ("a", "two", 1, Step::Repeated),
        ("a", "two", 3, Step::After(1)),
        ("b", "one", 9_007_199_254_740_991, Step::After(9_007_199_254_740_989)),
    ];
    for (topic, instance, seq, expected) in cases {
        assert_eq!(positions.advance(topic, instance, seq), expected, "{topic} {instance} {seq}");
    }
}

#[test]
fn forgets_the_topics_of_a_numbering_that_has_ended() {
    let mut positions = positions(&[("a", "one", 5), ("b", "own", 5)]);
    assert_eq!(positions.begin("one"), (true, false));
    assert_eq!(positions.begin("two"), (false, true));
    assert!(!positions.contains("a") && positions.contains("b"));
    assert_eq!(positions.begin("three"), (false, false), "nothing was left to lose");
}

#[test]
fn resumes_after_the_last_message_of_each_topic() {
    assert_eq!(Positions::default().resume(1000), (None, 0));
    let (resume, left_out) = positions(&[("a.b", "one", 5), ("c", "own", 6)]).resume(1000);
    let resume = resume.unwrap();
    let object = Object::parse(&resume).unwrap();
    let (after, instances) = (object.object("after").unwrap(), object.object("instances").unwrap());
    assert_eq!(left_out, 0);
    assert_eq!(object.text("instance").as_deref(), Some("one"));
    assert_eq!((after.number::<u64>("a.b"), after.number::<u64>("c")), (Some(5), Some(6)));
    assert_eq!((instances.text("a.b"), instances.text("c").as_deref()), (None, Some("own")));
}

#[test]
fn leaves_out_positions_that_do_not_fit() {
    let topics: Vec<String> = (0..1000).map(|number| format!("topic-{number}")).collect();
    let all: Vec<_> = topics.iter().map(|topic| (topic.as_str(), "one", 1)).collect();
    let positions = positions(&all);
    for room in [0, 100, 5000, 100_000] {
        let (resume, left_out) = positions.resume(room);
        let resume = resume.unwrap();
        let kept = resume.matches("topic-").count();
        assert_eq!(kept + left_out, 1000);
        assert!(resume.len() < room + 100, "{} bytes in {room}", resume.len());
        assert_eq!(left_out == 0, room == 100_000);
    }
}
