use std::time::Duration;

use crate::backoff::{backoff, random};

const BOUNDS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

#[test]
fn doubles_its_bound_from_the_first_to_the_last() {
    for (failures, bound) in [(1, 100), (2, 200), (3, 400), (6, 3200), (7, 5000), (8, 5000), (u32::MAX, 5000)]
    {
        let half = backoff(failures, BOUNDS, 0.5).as_micros();
        assert_eq!(half, bound * 500, "after {failures} failures");
        assert_eq!(backoff(failures, BOUNDS, 0.0), Duration::ZERO);
    }
}

#[test]
fn draws_random_numbers_from_all_of_their_range() {
    let numbers: Vec<f64> = (0..1000).map(|_| random()).collect();
    assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
    // By chance alone, a tenth of the range stays empty once in 10^45 times.
    for tenth in 0..10 {
        assert!(numbers.iter().any(|number| (number * 10.0) as usize == tenth), "tenth {tenth}");
    }
}
