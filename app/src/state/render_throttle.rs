//! Throttles rendering of incoming messages: immediate when quiet, batched in bursts, never between
//! a keystroke and its paint. The clock is a parameter.

use common::message::Timestamp;

#[derive(Debug)]
pub(crate) struct RenderThrottle {
    /// The time at which the first message that is not rendered arrived.
    pending_since: Option<i64>,
    /// The time of the last render.
    last_render: i64,
    /// The time of the last keystroke.
    last_keystroke: i64,
}

/// When to render next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NextRender {
    None,
    Now,
    /// After this many milliseconds, or after the paint of a keystroke.
    After(u32),
}

impl RenderThrottle {
    /// The minimum time between two renders, in ms.
    const MIN_INTERVAL: i64 = 150;

    /// A keystroke older than this, in ms, does not announce another one.
    const TYPING_WINDOW: i64 = 300;

    /// The longest wait for the next keystroke, in ms.
    const MAX_TYPING_DELAY: i64 = 150;

    pub(crate) fn new() -> RenderThrottle {
        RenderThrottle { pending_since: None, last_render: i64::MIN / 2, last_keystroke: i64::MIN / 2 }
    }

    pub(crate) fn on_incoming(&mut self, now: Timestamp) {
        self.pending_since.get_or_insert(now.0);
    }

    pub(crate) fn on_render(&mut self, now: Timestamp) {
        (self.pending_since, self.last_render) = (None, now.0);
    }

    pub(crate) fn on_keystroke(&mut self, now: Timestamp) {
        self.last_keystroke = now.0;
    }

    /// Returns when to render.
    pub(crate) fn next_render(&self, now: Timestamp) -> NextRender {
        let Some(pending_since) = self.pending_since else { return NextRender::None };
        let earliest = pending_since.max(self.earliest_render());
        let is_typing = now.0 < self.last_keystroke + Self::TYPING_WINDOW;
        let due_at = if is_typing { earliest + Self::MAX_TYPING_DELAY } else { earliest };
        match due_at - now.0 {
            // A longer wait than possible means that the clock was set back.
            left if left <= 0 || left > Self::MIN_INTERVAL + Self::MAX_TYPING_DELAY => NextRender::Now,
            left => NextRender::After(left as u32),
        }
    }

    /// Whether to render right after the paint of a keystroke, when the next one is some time away.
    pub(crate) fn is_due_after_keystroke(&self, now: Timestamp) -> bool {
        self.pending_since.is_some() && now.0 >= self.earliest_render()
    }

    fn earliest_render(&self) -> i64 {
        self.last_render + Self::MIN_INTERVAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending_at(now: i64) -> RenderThrottle {
        let mut throttle = RenderThrottle::new();
        throttle.on_incoming(Timestamp(now));
        throttle
    }

    #[test]
    fn single_messages_are_rendered_at_once() {
        let mut throttle = RenderThrottle::new();
        assert_eq!(throttle.next_render(Timestamp(1_000)), NextRender::None);
        for now in [1_000, 1_150, 5_000] {
            throttle.on_incoming(Timestamp(now));
            assert_eq!(throttle.next_render(Timestamp(now)), NextRender::Now, "{now}");
            throttle.on_render(Timestamp(now));
            assert_eq!(throttle.next_render(Timestamp(now)), NextRender::None);
        }
    }

    #[test]
    fn messages_in_quick_succession_are_rendered_together() {
        let mut throttle = pending_at(1_000);
        throttle.on_render(Timestamp(1_000));
        throttle.on_incoming(Timestamp(1_040));
        throttle.on_incoming(Timestamp(1_090));
        assert_eq!(throttle.next_render(Timestamp(1_090)), NextRender::After(60));
        assert_eq!(throttle.next_render(Timestamp(1_150)), NextRender::Now);
    }

    #[test]
    fn while_typing_messages_are_rendered_right_after_a_keystroke() {
        let mut throttle = pending_at(1_000);
        throttle.on_keystroke(Timestamp(990));
        assert_eq!(throttle.next_render(Timestamp(1_000)), NextRender::After(150));
        assert!(throttle.is_due_after_keystroke(Timestamp(1_060)));
        throttle.on_render(Timestamp(1_060));
        assert!(!throttle.is_due_after_keystroke(Timestamp(1_300)), "no message has arrived");
        throttle.on_incoming(Timestamp(1_100));
        throttle.on_keystroke(Timestamp(1_130));
        assert!(!throttle.is_due_after_keystroke(Timestamp(1_140)), "it was rendered a moment ago");
        assert!(throttle.is_due_after_keystroke(Timestamp(1_210)));
    }

    #[test]
    fn the_wait_for_a_keystroke_is_bounded() {
        let mut throttle = pending_at(1_000);
        throttle.on_keystroke(Timestamp(990));
        assert_eq!(throttle.next_render(Timestamp(1_149)), NextRender::After(1));
        assert_eq!(throttle.next_render(Timestamp(1_150)), NextRender::Now);
        let mut throttle = pending_at(1_000);
        throttle.on_keystroke(Timestamp(700));
        assert_eq!(throttle.next_render(Timestamp(1_000)), NextRender::Now, "the last one was too long ago");
    }

    #[test]
    fn a_clock_that_is_set_back_delays_nothing() {
        let mut throttle = pending_at(1_000_000);
        throttle.on_render(Timestamp(1_000_000));
        throttle.on_incoming(Timestamp(1_000));
        assert_eq!(throttle.next_render(Timestamp(1_000)), NextRender::Now);
    }
}
