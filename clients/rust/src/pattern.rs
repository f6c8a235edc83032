//! Names of topics, and patterns: `*` stands for one word, and `>` at the end for one or more.

use crate::Error;

const LONGEST: usize = 255;

/// Checks the name of a topic.
pub(crate) fn check_topic(topic: &str) -> Result<(), Error> {
    let message = format!("{topic:?} is not the name of a topic");
    is_name(topic, false).then_some(()).ok_or_else(|| Error::new("bad-request", message))
}

/// Checks a topic or a pattern.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), Error> {
    let message = format!("{pattern:?} is neither a topic nor a pattern such as host.> or host.*");
    is_name(pattern, true).then_some(()).ok_or_else(|| Error::new("bad-request", message))
}

fn is_name(name: &str, wildcards: bool) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let mut words = name.split('.').peekable();
    if name.len() > LONGEST || words.peek() == Some(&"chimed") {
        return false;
    }
    while let Some(word) = words.next() {
        let is_wildcard = word == "*" || (word == ">" && words.peek().is_none());
        if !(is_word(word) || wildcards && is_wildcard) {
            return false;
        }
    }
    true
}

/// Reports whether a topic matches a pattern.
pub(crate) fn matches(pattern: &str, topic: &str) -> bool {
    let mut words = topic.split('.');
    for wanted in pattern.split('.') {
        match (wanted, words.next()) {
            (_, None) => return false,
            (">", Some(_)) => return true,
            ("*", Some(_)) => (),
            (wanted, Some(word)) if wanted == word => (),
            _ => return false,
        }
    }
    words.next().is_none()
}
