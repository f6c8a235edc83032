use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

/// How long to wait after a number of failures, from 1: a random time, so that many clients that lost the same daemon
/// do not return at the same moment. `random`: from 0 up to, but not including, 1.
pub(crate) fn backoff(failures: u32, (first, most): (Duration, Duration), random: f64) -> Duration {
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(30));
    doubled.min(most).mul_f64(random)
}

/// The standard library has no random numbers, but seeds each `RandomState` with one.
pub(crate) fn random() -> f64 {
    (RandomState::new().build_hasher().finish() >> 11) as f64 / (1_u64 << 53) as f64
}
