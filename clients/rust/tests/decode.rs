//! Decodes what a scripted daemon sends.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::time::Duration;

use chimed::{Client, Event, Message, Options};

/// The messages that a client receives if the daemon sends these payloads.
fn received(payloads: &[&str]) -> Vec<Message> {
    let path = std::env::temp_dir().join(format!("chimed-decode-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let client = Client::connect(Options::new().socket(&path)).unwrap();
    client.subscribe(&["a"]).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    std::fs::remove_file(&path).unwrap();
    let mut text = "{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"one\"}}\x0c".to_owned();
    for (index, payload) in payloads.iter().enumerate() {
        text +=
            &["{\"type\":\"a\",\"data\":", payload, ",\"seq\":", &(index + 1).to_string(), "}\x0c"].concat();
    }
    stream.write_all(text.as_bytes()).unwrap();
    let mut messages = Vec::new();
    while messages.len() < payloads.len() {
        match client.event_within(Duration::from_secs(20)).expect("the messages arrive") {
            Event::Message(message) => messages.push(message),
            other => assert!(matches!(other, Event::Ready { .. }), "{other:?}"),
        }
    }
    messages
}

#[test]
fn decodes_payloads() {
    let sample = r#"["é",18014398509481985,[1.5,null,-2e3]]"#;
    let nested = "[".repeat(64) + &"]".repeat(64);
    let messages = received(&[sample, "[0.4,0.3,0.2]", r#""\ud800""#, &nested]);
    let expected = ("é", 18_014_398_509_481_985, vec![Some(1.5), None, Some(-2000.0)]);
    assert_eq!(messages[0].decode::<(&str, u64, Vec<Option<f64>>)>().unwrap(), expected);
    assert_eq!(messages[1].decode::<[f64; 3]>().unwrap(), [0.4, 0.3, 0.2]);
    assert!(messages[1].decode::<u64>().is_err());
    assert!(messages[2].decode::<String>().is_err(), "a lone surrogate");
    assert!(messages[3].decode::<serde_json::Value>().unwrap().is_array());
}
