//! Exponential backoff with jitter, so that the clients of a restarted server do not return all at once.

/// The delays between attempts, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    first: u32,
    longest: u32,
    failures: u32,
}

impl Backoff {
    /// Starts with a delay of at most `first`; the bound of each further one is twice as long, up to `longest`.
    pub const fn new(first: u32, longest: u32) -> Backoff {
        Backoff { first, longest, failures: 0 }
    }

    /// Returns the next delay, between half of its bound and the bound; `random` is in `0.0..1.0`.
    pub fn next(&mut self, random: f64) -> u32 {
        let doubled = 1_u32.checked_shl(self.failures).and_then(|times| self.first.checked_mul(times));
        let bound = doubled.unwrap_or(self.longest).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        (f64::from(bound) * (0.5 + random / 2.0)) as u32
    }

    /// Starts over after a successful connection.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    #[test]
    fn the_delay_doubles_up_to_a_bound_and_starts_over() {
        let mut backoff = Backoff::new(1_000, 10_000);
        let shortest: Vec<u32> = (0..6).map(|_| backoff.next(0.0)).collect();
        assert_eq!(shortest, [500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert!((9_900..=10_000).contains(&backoff.next(0.999)));
        backoff.reset();
        assert_eq!(backoff.next(0.0), 500);
    }

    #[test]
    fn no_delay_is_longer_than_its_bound() {
        let mut backoff = Backoff::new(200, 10_000);
        assert!((100..=200).contains(&backoff.next(0.999)));
        assert!((0..20).all(|_| backoff.next(0.999) <= 10_000));
        assert!((5_000..=10_000).contains(&backoff.next(0.5)));
    }

    #[test]
    fn no_number_of_failures_makes_the_delay_overflow() {
        let mut backoff = Backoff::new(3, u32::MAX);
        assert!((0..100).map(|_| backoff.next(0.5)).is_sorted());
        assert!(backoff.next(0.0) >= u32::MAX / 2 - 1);
    }
}
