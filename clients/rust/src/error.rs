use std::borrow::Cow;
use std::fmt;

/// Why something failed: a code for programs, and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: Cow<'static, str>,
    message: String,
}

impl Error {
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    pub(crate) fn closed() -> Self {
        Self::new("closed", "the client is closed")
    }

    /// One of the daemon's codes (`docs/operations.md`), or `timeout`, `connection-lost`, `too-large`, `closed`.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
