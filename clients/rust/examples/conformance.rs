//! The adapter of the conformance suite: obeys the commands of `docs/conformance.md` on stdin.

use std::io::{stdin, BufRead};
use std::process::exit;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use chimed::{Client, Error, Event, Handle, Message, Options};
use json::{quote, Object};

// The library does not offer its JSON scanner to others.
#[allow(dead_code)]
#[path = "../src/json.rs"]
mod json;

/// Holds the messages back while the program pauses.
#[derive(Default)]
struct Gate {
    paused: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn set(&self, paused: bool) -> Result<(), Error> {
        *self.paused.lock().unwrap() = paused;
        self.changed.notify_all();
        Ok(())
    }

    fn pass(&self) {
        drop(self.changed.wait_while(self.paused.lock().unwrap(), |paused| *paused).unwrap());
    }
}

/// Writes an event; the fields are JSON.
fn tell(on: &str, fields: &[(&str, String)]) {
    let fields: String = fields.iter().map(|(key, value)| format!(",\"{key}\":{value}")).collect();
    // Line breaks between the tokens of a payload would end the line; within strings there are none.
    println!("{{\"on\":\"{on}\"{}}}", fields.replace(['\n', '\r'], " "));
}

fn tell_message(message: &Message) {
    let mut fields = vec![
        ("topic", quote(&message.topic)),
        ("seq", message.seq.to_string()),
        ("time", message.time.to_string()),
        ("data", message.data.clone()),
        ("missed", message.missed.to_string()),
        ("instance", quote(&message.instance)),
    ];
    fields.extend(message.offset.map(|offset| ("offset", offset.to_string())));
    fields.extend(message.stale.then(|| ("stale", "true".to_owned())));
    tell("message", &fields);
}

fn tell_event(event: &Event) {
    let refusal = |topic: &str, error: &Error| [("topic", quote(topic)), ("code", quote(error.code()))];
    match event {
        Event::Message(message) => tell_message(message),
        Event::Ready { .. } => tell("ready", &[]),
        Event::Waiting { .. } => tell("waiting", &[]),
        Event::Uncounted { topic: None } => tell("uncounted", &[]),
        Event::Uncounted { topic: Some(topic) } => tell("uncounted", &[("topic", quote(topic))]),
        Event::Refused { pattern, error } => {
            tell("refused", &refusal(pattern.as_deref().unwrap_or(""), error))
        }
        Event::Failing { topic, error } => {
            tell("failing", &[("topic", quote(topic)), ("error", quote(error))])
        }
        Event::Recovered { topic } => tell("recovered", &[("topic", quote(topic))]),
        Event::Wanted { topic, .. } => tell("wanted", &[("topic", quote(topic))]),
        Event::Unwanted { topic } => tell("unwanted", &[("topic", quote(topic))]),
        Event::Unprovided { topic, error } => tell("unprovided", &refusal(topic, error)),
        other => tell("log", &[("text", quote(&format!("{other:?}")))]),
    }
}

/// The name of an event, and its fields.
type Outcome = Result<(&'static str, Vec<(&'static str, String)>), Error>;

/// Makes a request in a thread of its own, so that further commands are obeyed meanwhile.
fn ask(id: String, request: impl FnOnce() -> Outcome + Send + 'static) -> Result<(), Error> {
    thread::spawn(move || match request() {
        Ok((on, fields)) => tell(on, &[vec![("id", id)], fields].concat()),
        Err(error) => tell("failed", &[("id", id), ("code", quote(error.code()))]),
    });
    Ok(())
}

fn publish(handle: &Handle, topic: &str, data: &str) -> Outcome {
    Ok(("published", vec![("seq", handle.publish(topic, data)?.to_string())]))
}

fn get(handle: &Handle, topic: &str) -> Outcome {
    let message = handle.get(topic)?;
    let fields = message.map(|message| vec![("seq", message.seq.to_string()), ("data", message.data)]);
    Ok(("got", fields.unwrap_or_default()))
}

fn connect(name: Option<String>, gate: Arc<Gate>) -> Result<Handle, Error> {
    let log = |_, line: &str| tell("log", &[("text", quote(line))]);
    let options = Options::new().log(log);
    let client = Client::connect(name.into_iter().fold(options, Options::name))?;
    let handle = client.handle();
    thread::spawn(move || {
        for event in client.events() {
            if let Event::Message(_) = event {
                gate.pass();
            }
            tell_event(&event);
        }
    });
    Ok(handle)
}

fn main() -> Result<(), Error> {
    let features = json::list(&["listen", "publish", "get", "provide"]);
    tell("hello", &[("client", quote("rust")), ("features", features)]);
    let gate = Arc::new(Gate::default());
    let mut connected: Option<Handle> = None;
    let mut subscriptions: Vec<Vec<String>> = Vec::new();
    for line in stdin().lock().lines().map_while(Result::ok) {
        let command = Object::parse(&line).expect("a command is a JSON object");
        let text = |key: &str| command.text(key).unwrap_or_default().into_owned();
        let raw = |key: &str| command.raw(key).unwrap_or("null").to_owned();
        // Names and patterns have no character that JSON would escape.
        let topics: Vec<String> = raw("topics").split('"').skip(1).step_by(2).map(str::to_owned).collect();
        if text("do") == "connect" {
            connected = Some(connect(command.text("name").map(|name| name.into_owned()), gate.clone())?);
            continue;
        }
        let handle = connected.clone().expect("connect comes first");
        let (topic, data, id) = (text("topic"), raw("data"), raw("id"));
        let outcome = match text("do").as_str() {
            "listen" => {
                subscriptions.push(topics.clone());
                handle.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())
            }
            "unlisten" => {
                subscriptions.iter().position(|other| *other == topics).map(|at| subscriptions.remove(at));
                // Another subscription can have the same pattern.
                let is_free = |pattern: &&str| !subscriptions.iter().flatten().any(|other| other == pattern);
                handle.unsubscribe(&topics.iter().map(String::as_str).filter(is_free).collect::<Vec<_>>())
            }
            "publish" => ask(id, move || publish(&handle, &topic, &data)),
            "get" => ask(id, move || get(&handle, &topic)),
            "provide" => handle.provide(&topic),
            "send" => handle.send(&topic, &data).map(drop),
            "fail" => handle.fail(&topic, command.text("error").as_deref()).map(drop),
            "unprovide" => handle.unprovide(&topic),
            "pause" => gate.set(true),
            "continue" => gate.set(false),
            "close" => {
                handle.close();
                tell("closed", &[]);
                exit(0);
            }
            other => panic!("unknown command: {other}"),
        };
        if let Err(error) = outcome {
            tell("log", &[("text", quote(&error.to_string()))]);
        }
    }
    Ok(())
}
