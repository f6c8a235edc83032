//! A client of chimed, a daemon that samples things once and sends them to every local program that subscribed.
//!
//! ```no_run
//! # fn main() -> Result<(), chimed::Error> {
//! let client = chimed::Client::connect(chimed::Options::new().name("dashboard"))?;
//! client.subscribe(&["host.>"])?;
//! for message in client.messages() {
//!     if message.missed > 0 {
//!         eprintln!("missed {} messages of {}", message.missed, message.topic);
//!     }
//!     println!("{} {} {}", message.topic, message.seq, message.data);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A client connects in the background. Whenever the connection breaks, it connects again, registers again and resumes
//! after the last message of each topic, without a limit on attempts.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod backoff;
mod client;
mod connection;
mod dial;
mod error;
mod event;
mod frames;
mod inbox;
mod json;
mod options;
mod pattern;
mod positions;
mod providing;
mod requests;
mod session;
#[cfg(test)]
mod tests;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use client::{Client, Handle};
pub use error::Error;
pub use event::{Event, Message};
pub use options::{log_to_stderr, Level, Options};
