//! Tests of the parts that do no I/O.

mod backoff;
mod dial;
mod frames;
mod inbox;
mod json;
mod pattern;
mod positions;
mod session;
