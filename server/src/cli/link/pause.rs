//! How long to wait before trying again: longer each time, and never at the same time as everybody
//! else who lost the same server.

use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(10);

/// The next pause.
pub(super) struct Pause(Duration);

impl Pause {
    pub(super) fn new() -> Pause {
        Pause(SHORTEST)
    }

    /// How long to wait now: between half of it and all of it.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.0.mul_f64(rand::random_range(0.5..=1.0));
        self.0 = (self.0 * 2).min(LONGEST);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_grows_to_a_bound() {
        let mut pause = Pause::new();
        assert!(pause.next() <= SHORTEST);
        assert!((0..20).all(|_| pause.next() <= LONGEST));
        assert!((LONGEST / 2..=LONGEST).contains(&pause.next()));
    }
}
