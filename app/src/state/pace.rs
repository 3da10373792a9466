//! When to draw what others say: at once, but several messages together while they say much, and
//! not between a letter that is being written and its paint. The clock is handed in.

use common::message::Timestamp;

#[derive(Debug)]
pub(crate) struct Pace {
    /// When the first of what is not drawn was heard.
    heard: Option<i64>,
    /// When something was drawn last,
    drawn: i64,
    /// and when a letter was written.
    written: i64,
}

/// What is to be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Now,
    /// To be asked again in so many milliseconds, or once a letter is painted.
    In(u32),
}

impl Pace {
    /// How long what was drawn rests before more is drawn, in ms.
    const REST: i64 = 150;

    /// Who wrote a letter so long ago, in ms, is not about to write the next.
    const WRITES: i64 = 300;

    /// How long the next letter is waited for, in ms.
    const PATIENCE: i64 = 150;

    pub(crate) fn new() -> Pace {
        Pace { heard: None, drawn: i64::MIN / 2, written: i64::MIN / 2 }
    }

    pub(crate) fn heard(&mut self, now: Timestamp) {
        self.heard.get_or_insert(now.0);
    }

    pub(crate) fn drawn(&mut self, now: Timestamp) {
        (self.heard, self.drawn) = (None, now.0);
    }

    pub(crate) fn written(&mut self, now: Timestamp) {
        self.written = now.0;
    }

    /// What is due as time passes.
    pub(crate) fn due(&self, now: Timestamp) -> Due {
        let Some(heard) = self.heard else { return Due::Nothing };
        let from = heard.max(self.rested());
        let writes = now.0 < self.written + Self::WRITES;
        let at = if writes { from + Self::PATIENCE } else { from };
        match at - now.0 {
            // More than it ever has to wait: the clock was set back.
            left if left <= 0 || left > Self::REST + Self::PATIENCE => Due::Now,
            left => Due::In(left as u32),
        }
    }

    /// Whether something is to be drawn now that a letter was painted: the next one is some time away.
    pub(crate) fn is_due_after_letter(&self, now: Timestamp) -> bool {
        self.heard.is_some() && now.0 >= self.rested()
    }

    fn rested(&self) -> i64 {
        self.drawn + Self::REST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard_at(now: i64) -> Pace {
        let mut pace = Pace::new();
        pace.heard(Timestamp(now));
        pace
    }

    #[test]
    fn what_is_said_now_and_then_is_drawn_at_once() {
        let mut pace = Pace::new();
        assert_eq!(pace.due(Timestamp(1_000)), Due::Nothing);
        for now in [1_000, 1_150, 5_000] {
            pace.heard(Timestamp(now));
            assert_eq!(pace.due(Timestamp(now)), Due::Now, "{now}");
            pace.drawn(Timestamp(now));
            assert_eq!(pace.due(Timestamp(now)), Due::Nothing);
        }
    }

    #[test]
    fn what_is_said_in_quick_succession_is_drawn_together() {
        let mut pace = heard_at(1_000);
        pace.drawn(Timestamp(1_000));
        pace.heard(Timestamp(1_040));
        pace.heard(Timestamp(1_090));
        assert_eq!(pace.due(Timestamp(1_090)), Due::In(60));
        assert_eq!(pace.due(Timestamp(1_150)), Due::Now);
    }

    #[test]
    fn who_writes_sees_it_right_after_a_letter() {
        let mut pace = heard_at(1_000);
        pace.written(Timestamp(990));
        assert_eq!(pace.due(Timestamp(1_000)), Due::In(150));
        assert!(pace.is_due_after_letter(Timestamp(1_060)));
        pace.drawn(Timestamp(1_060));
        assert!(!pace.is_due_after_letter(Timestamp(1_300)), "nothing was said");
        pace.heard(Timestamp(1_100));
        pace.written(Timestamp(1_130));
        assert!(!pace.is_due_after_letter(Timestamp(1_140)), "it was drawn a moment ago");
        assert!(pace.is_due_after_letter(Timestamp(1_210)));
    }

    #[test]
    fn no_letter_is_waited_for_longer_than_a_moment() {
        let mut pace = heard_at(1_000);
        pace.written(Timestamp(990));
        assert_eq!(pace.due(Timestamp(1_149)), Due::In(1));
        assert_eq!(pace.due(Timestamp(1_150)), Due::Now);
        let mut pace = heard_at(1_000);
        pace.written(Timestamp(700));
        assert_eq!(pace.due(Timestamp(1_000)), Due::Now, "the last one was too long ago");
    }

    #[test]
    fn a_clock_that_is_set_back_holds_nothing_up() {
        let mut pace = heard_at(1_000_000);
        pace.drawn(Timestamp(1_000_000));
        pace.heard(Timestamp(1_000));
        assert_eq!(pace.due(Timestamp(1_000)), Due::Now);
    }
}
