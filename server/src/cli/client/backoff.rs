//! Exponential backoff with jitter, so that the clients of a server do not reconnect all at once.

use std::time::Duration;

const MIN_DELAY: Duration = Duration::from_millis(200);
const MAX_DELAY: Duration = Duration::from_secs(10);

/// The upper bound of the next delay.
pub(super) struct Backoff(Duration);

impl Backoff {
    pub(super) fn new() -> Backoff {
        Backoff(MIN_DELAY)
    }

    /// Returns the next delay, between half of the bound and the bound, and doubles the bound.
    pub(super) fn next(&mut self) -> Duration {
        let delay = self.0.mul_f64(rand::random_range(0.5..=1.0));
        self.0 = (self.0 * 2).min(MAX_DELAY);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_grows_to_a_bound() {
        let mut backoff = Backoff::new();
        assert!(backoff.next() <= MIN_DELAY);
        assert!((0..20).all(|_| backoff.next() <= MAX_DELAY));
        assert!((MAX_DELAY / 2..=MAX_DELAY).contains(&backoff.next()));
    }
}
