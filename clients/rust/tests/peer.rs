//! Tries the client with peers that behave as no daemon should.

mod common;

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use chimed::{Client, Event, Options};
use common::{connect, find, message, ready, Folder, SOON};

const REGISTERED: &[u8] = b"{\"type\":\"chimed.registered\",\"data\":{\"instance\":\"one\"}}\x0c";
/// Far less than any of the client's delays.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Accepts a connection, and reads its registration.
fn accept(listener: &UnixListener) -> UnixStream {
    let (mut stream, _) = listener.accept().unwrap();
    while read_byte(&mut stream) != Some(0x0c) {}
    stream
}

fn read_byte(stream: &mut UnixStream) -> Option<u8> {
    let mut byte = [0];
    (stream.read(&mut byte).unwrap_or(0) == 1).then_some(byte[0])
}

/// Asserts that this ends at once.
fn at_once<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    assert!(start.elapsed() < AT_ONCE, "{what} took {:?}", start.elapsed());
    result
}

#[test]
fn closes_at_once_while_it_waits_for_anything() {
    let folder = Folder::new();
    let nobody = connect(&folder, "nobody");
    find(&nobody, "waiting", |event| matches!(event, Event::Waiting { .. }).then_some(()));
    let silent = UnixListener::bind(folder.file("silent")).unwrap();
    let unregistered = connect(&folder, "silent");
    let _stream = accept(&silent);
    for client in [nobody, unregistered] {
        let handle = client.handle();
        let (sender, receiver) = channel();
        let reader = thread::spawn(move || {
            sender.send(()).unwrap();
            client.events().count()
        });
        let publisher = {
            let handle = handle.clone();
            thread::spawn(move || handle.publish("a", "1"))
        };
        receiver.recv().unwrap();
        at_once("closing", || handle.close());
        at_once("the end of the events", || reader.join().unwrap());
        assert_eq!(publisher.join().unwrap().unwrap_err().code(), "closed");
        assert_eq!(handle.subscribe(&["a"]).unwrap_err().code(), "closed");
        assert_eq!(handle.send("a", "1").unwrap_err().code(), "closed");
    }
}

#[test]
fn closes_at_once_while_the_daemon_does_not_read() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.file("s")).unwrap();
    let client = connect(&folder, "s");
    let mut stream = accept(&listener);
    stream.write_all(REGISTERED).unwrap();
    assert!(!ready(&client));
    client.provide("feed").unwrap();
    let payload = format!("\"{}\"", "x".repeat(100_000));
    let sent = (0..1000).take_while(|_| client.send("feed", &payload) == Ok(true)).count();
    assert!(sent < 100, "{sent} messages of 100 kB wait for the daemon");
    at_once("a request for what this client knows", || client.subscribe(&["a"])).unwrap();
    at_once("closing", || client.close());
}

#[test]
fn writes_what_was_sent_before_it_closes() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.file("s")).unwrap();
    let client = connect(&folder, "s");
    let mut stream = accept(&listener);
    stream.write_all(REGISTERED).unwrap();
    ready(&client);
    client.provide("feed").unwrap();
    for number in 0..100 {
        assert_eq!(client.send("feed", &number.to_string()), Ok(true));
    }
    drop(client);
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("{\"type\":\"feed\",\"data\":99}\x0c"), "{text}");
}

#[test]
fn fails_a_request_after_its_timeout_and_says_why() {
    let folder = Folder::new();
    let timeout = Duration::from_millis(200);
    let client = Client::connect(Options::new().socket(folder.file("s")).timeout(timeout)).unwrap();
    find(&client, "waiting", |event| matches!(event, Event::Waiting { .. }).then_some(()));
    let start = Instant::now();
    let error = client.publish("a", "1").unwrap_err();
    assert!(start.elapsed() >= timeout && error.code() == "timeout");
    assert!(error.to_string().contains("no such file"), "{error}");
}

#[test]
fn gives_up_a_connection_that_is_not_registered_although_bytes_arrive() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.file("s")).unwrap();
    let timeout = Duration::from_millis(200);
    let client = Client::connect(Options::new().socket(folder.file("s")).timeout(timeout)).unwrap();
    let mut stream = accept(&listener);
    // A write fails once the client has closed the connection.
    let dribble = thread::spawn(move || {
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    let error = find(&client, "waiting", |event| match event {
        Event::Waiting { error, .. } => Some(error.clone()),
        _ => None,
    });
    assert_eq!(error.code(), "timeout");
    dribble.join().unwrap();
    let mut stream = accept(&listener);
    stream.write_all(REGISTERED).unwrap();
    ready(&client);
}

#[test]
fn waits_for_room_in_the_queue_of_the_daemon() {
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.file("s")).unwrap();
    // The standard library cannot make the queue short, so it is filled until a connection has to wait.
    let path = folder.file("s");
    let (sender, receiver) = channel();
    let filler = thread::spawn(move || {
        while let Ok(stream) = UnixStream::connect(&path) {
            if sender.send(stream).is_err() {
                return;
            }
        }
    });
    let mut waiting = Vec::new();
    while let Ok(stream) = receiver.recv_timeout(Duration::from_millis(500)) {
        waiting.push(stream);
    }
    let client = connect(&folder, "s");
    let code = find(&client, "waiting", |event| match event {
        Event::Waiting { error, .. } => Some(error.code().to_owned()),
        _ => None,
    });
    assert_eq!(code, "busy");
    let other = connect(&folder, "s");
    at_once("closing", || other.close());
    drop((receiver, waiting));
    let server = thread::spawn(move || loop {
        let (mut stream, _) = listener.accept().unwrap();
        // Only the client sends something.
        if read_byte(&mut stream).is_some() {
            stream.write_all(REGISTERED).unwrap();
            return stream;
        }
    });
    ready(&client);
    filler.join().unwrap();
    drop(server.join().unwrap());
}

#[test]
fn reads_the_longest_payload() {
    const LONGEST: usize = 64 * 1024 * 1024;
    let folder = Folder::new();
    let listener = UnixListener::bind(folder.file("s")).unwrap();
    let client = connect(&folder, "s");
    client.subscribe(&["a"]).unwrap();
    let mut stream = accept(&listener);
    stream.write_all(REGISTERED).unwrap();
    let payload = format!("\"{}\"", "x".repeat(LONGEST - 2));
    stream.write_all(format!("{{\"type\":\"a\",\"data\":{payload},\"seq\":1}}\x0c").as_bytes()).unwrap();
    assert_eq!(message(&client).data.len(), LONGEST);
}

#[test]
fn ends_if_the_log_function_panics() {
    let folder = Folder::new();
    let options = Options::new().socket(folder.file("s")).log(|_, _| panic!("on purpose"));
    let client = Client::connect(options).unwrap();
    let end = Instant::now() + SOON;
    while client.event().is_some() {
        assert!(Instant::now() < end);
    }
}

#[test]
fn refuses_a_name_that_the_daemon_would_refuse() {
    for name in ["x".repeat(101), "😀".repeat(51), "a\nb".to_owned()] {
        let error = Client::connect(Options::new().name(name)).unwrap_err();
        assert_eq!(error.code(), "bad-request");
    }
}
