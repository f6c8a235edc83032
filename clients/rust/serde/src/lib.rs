//! Decodes the messages of [`chimed`] with serde.
//!
//! ```no_run
//! use chimed_serde::Decode;
//!
//! # fn main() -> Result<(), chimed::Error> {
//! let client = chimed::Client::connect(chimed::Options::new())?;
//! client.subscribe(&["host.load"])?;
//! for message in client.messages() {
//!     match message.decode::<[f64; 3]>() {
//!         Ok([minute, ..]) => println!("load {minute}"),
//!         Err(error) => eprintln!("{}: {error}", message.topic),
//!     }
//! }
//! # Ok(())
//! # }
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs)]

use serde::Deserialize;
pub use serde_json::Error;

/// Reads payloads as values of any type that serde can read.
pub trait Decode {
    /// Reads the payload. A type such as `&str` borrows from the message.
    ///
    /// # Errors
    /// If the payload is not of this type, or a string that Rust cannot represent: a lone surrogate.
    fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error>;
}

impl Decode for chimed::Message {
    fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_str(&self.data)
    }
}
