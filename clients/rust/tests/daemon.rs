//! Tries the client with a real daemon: set `CHIMED` to the command that runs chimed, if it is not `chimed`.

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use chimed::{Event, Options};
use common::{connect, find, message, ready, Daemon, Folder};

const TOPICS: &str =
    "{price: {publish: true, history: 3}, feed: {provide: true}, tick: {interval: 1h, data: 1}}";

#[test]
fn publishes_receives_and_asks() {
    let folder = Folder::new();
    let _daemon = Daemon::start(&folder, "s", TOPICS);
    let client = connect(&folder, "s");
    assert_eq!(client.get("price"), Ok(None));
    client.subscribe(&["price"]).unwrap();
    let payload = r#"{"text":"é€😀\f","exact":[9007199254740993,1e300,"\ud800"]}"#;
    assert_eq!(client.publish("price", payload), Ok(1));
    let received = message(&client);
    assert_eq!((received.topic.as_str(), received.seq, received.missed), ("price", 1, 0));
    assert!(received.time > 1_600_000_000_000 && received.offset == Some(1) && !received.stale);
    assert!(received.data.contains("é€😀") && received.data.contains("ud800"), "{}", received.data);
    let last = client.get("price").unwrap().unwrap();
    assert_eq!((last.seq, last.data, last.instance), (1, received.data, received.instance));
    assert_eq!(client.publish("prise", "1").unwrap_err().code(), "unknown-topic");
    assert_eq!(client.publish("tick", "1").unwrap_err().code(), "not-publishable");
    let large = format!("\"{}\"", "x".repeat(1024 * 1024));
    assert_eq!(client.publish("price", &large).unwrap_err().code(), "too-large");
    assert_eq!(client.publish("price", "2"), Ok(2), "the connection still works");
}

#[test]
fn hears_only_what_it_is_subscribed_to() {
    let folder = Folder::new();
    let _daemon =
        Daemon::start(&folder, "s", "{a.x: {publish: true}, a.y: {publish: true}, b: {publish: true}}");
    let client = connect(&folder, "s");
    client.subscribe(&["a.*", "b", "none"]).unwrap();
    let refused = find(&client, "refusal", |event| match event {
        Event::Refused { pattern, error } => Some((pattern.clone(), error.code().to_owned())),
        _ => None,
    });
    assert_eq!(refused, (Some("none".to_owned()), "unknown-topic".to_owned()));
    client.publish("a.x", "1").unwrap();
    client.publish("b", "2").unwrap();
    assert_eq!([message(&client).topic, message(&client).topic], ["a.x", "b"]);
    client.unsubscribe(&["a.*"]).unwrap();
    client.publish("a.y", "3").unwrap();
    client.publish("b", "4").unwrap();
    assert_eq!(message(&client).data, "4");
}

#[test]
fn counts_exactly_what_it_missed_across_a_graceful_restart() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder, "s", TOPICS);
    let client = connect(&folder, "s");
    client.subscribe(&["price"]).unwrap();
    for number in 1..=4 {
        client.publish("price", &number.to_string()).unwrap();
        assert_eq!(message(&client).seq, number);
    }
    daemon.stop("-TERM");
    // The next daemon continues the numbering, but the client cannot find it.
    let hidden = Daemon::start(&folder, "other", TOPICS);
    let other = connect(&folder, "other");
    for number in 5..=10 {
        assert_eq!(other.publish("price", &number.to_string()), Ok(number));
    }
    hidden.stop("-TERM");
    let _last = Daemon::start(&folder, "s", TOPICS);
    assert!(ready(&client), "the numbering continues");
    let numbers = [(); 3].map(|()| message(&client)).map(|message| (message.seq, message.missed));
    assert_eq!(numbers, [(8, 3), (9, 0), (10, 0)], "of six messages, the daemon has kept three");
}

#[test]
fn begins_afresh_after_a_crash_and_says_that_it_cannot_count() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder, "s", TOPICS);
    let client = connect(&folder, "s");
    client.subscribe(&["price"]).unwrap();
    for number in 1..=2 {
        client.publish("price", "1").unwrap();
        assert_eq!(message(&client).seq, number);
    }
    daemon.stop("-KILL");
    find(&client, "waiting", |event| matches!(event, Event::Waiting { .. }).then_some(()));
    let _next = Daemon::start(&folder, "s", TOPICS);
    let resumed = ready(&client);
    let topic = find(&client, "uncounted", |event| match event {
        Event::Uncounted { topic } => Some(topic.clone()),
        _ => None,
    });
    assert_eq!((resumed, topic), (false, None));
    assert_eq!(client.publish("price", "3"), Ok(1));
    let first = message(&client);
    assert_eq!((first.seq, first.missed), (1, 0));
}

#[test]
fn tells_a_slow_program_exactly_how_much_it_missed() {
    let folder = Folder::new();
    let _daemon = Daemon::start(&folder, "s", TOPICS);
    let options = Options::new().socket(folder.file("s")).buffer(10, 1024 * 1024);
    let client = chimed::Client::connect(options).unwrap();
    client.subscribe(&["price"]).unwrap();
    assert_eq!(client.publish("price", "0"), Ok(1));
    assert_eq!(message(&client).seq, 1);
    for number in 2..=500 {
        assert_eq!(client.publish("price", "0"), Ok(number));
    }
    let received: Vec<_> = (0..10).map(|_| message(&client)).collect();
    assert_eq!((received[0].seq, received[0].missed), (491, 489));
    assert!(received[1..].iter().all(|message| message.missed == 0));
}

#[test]
fn provides_a_topic_also_after_a_restart() {
    let folder = Folder::new();
    let daemon = Daemon::start(&folder, "s", TOPICS);
    let (provider, subscriber) = (connect(&folder, "s"), connect(&folder, "s"));
    let wanted = || {
        find(&provider, "wanted", |event| match event {
            Event::Wanted { topic, seq, .. } => Some((topic.clone(), *seq)),
            _ => None,
        })
    };
    let unwanted =
        || find(&provider, "unwanted", |event| matches!(event, Event::Unwanted { .. }).then_some(()));
    provider.provide("feed").unwrap();
    provider.provide("price").unwrap();
    let refused = find(&provider, "refusal", |event| match event {
        Event::Unprovided { topic, error } => Some((topic.clone(), error.code().to_owned())),
        _ => None,
    });
    assert_eq!(refused, ("price".to_owned(), "not-providable".to_owned()));
    assert_eq!(provider.send("price", "1").unwrap_err().code(), "not-provided");

    subscriber.subscribe(&["feed"]).unwrap();
    assert_eq!(wanted(), ("feed".to_owned(), 0));
    assert_eq!(provider.send("feed", "[1]"), Ok(true));
    assert_eq!(message(&subscriber).data, "[1]");
    assert_eq!(provider.fail("feed", Some("the sensor is gone")), Ok(true));
    let error = find(&subscriber, "failing", |event| match event {
        Event::Failing { error, .. } => Some(error.clone()),
        _ => None,
    });
    assert!(error.contains("the sensor is gone"), "{error}");
    assert_eq!(provider.fail("feed", None), Ok(true));
    find(&subscriber, "recovered", |event| matches!(event, Event::Recovered { .. }).then_some(()));
    subscriber.unsubscribe(&["feed"]).unwrap();
    unwanted();

    subscriber.subscribe(&["feed"]).unwrap();
    wanted();
    daemon.stop("-KILL");
    unwanted();
    let _next = Daemon::start(&folder, "s", TOPICS);
    wanted();
    assert_eq!(provider.send("feed", "[2]"), Ok(true));
    find(&subscriber, "message", |event| {
        matches!(event, Event::Message(message) if message.data == "[2]").then_some(())
    });
    provider.unprovide("feed").unwrap();
    find(&subscriber, "failing", |event| matches!(event, Event::Failing { .. }).then_some(()));
}

#[test]
fn runs_the_dashboard_of_the_readme() {
    let source = include_str!("../examples/dashboard.rs");
    assert!(include_str!("../README.md").contains(source), "README.md shows another dashboard");
    let folder = Folder::new();
    let _daemon = Daemon::start(&folder, "s", "{host.a: {publish: true}, host.b: {publish: true}}");
    let client = connect(&folder, "s");
    client.publish("host.a", "[1]").unwrap();
    // Cargo builds the examples beside the tests.
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().unwrap().parent().unwrap().join("examples/dashboard");
    let mut command = Command::new(program);
    let command = command.env("CHIMED_SOCKET_PATH", folder.file("s"));
    let mut dashboard = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(dashboard.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    client.publish("host.b", "{\"x\": 2}").unwrap();
    let second = lines.next().unwrap().unwrap();
    dashboard.kill().unwrap();
    let errors = dashboard.wait_with_output().unwrap().stderr;
    assert_eq!([first.as_str(), second.as_str()], ["host.a 1 [1]", "host.b 1 {\"x\":2}"]);
    assert!(String::from_utf8_lossy(&errors).contains("connected to chimed"));
}
