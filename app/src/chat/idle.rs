//! Detects focus and inactivity, and reports the away state to the server.

use std::sync::atomic::Ordering::Relaxed;

use common::protocol::command::Away;

use super::{Chat, is_page_focused};
use crate::{task::run_after, time_format, view::listen_on_window_untyped};

/// The time without activity after which the person is away, in ms.
const AWAY_AFTER: i64 = 5 * 60 * 1_000;

/// Events that count as activity; a hidden page receives none of them.
const ACTIVITY_EVENTS: [&str; 6] =
    ["keydown", "pointerdown", "pointermove", "wheel", "focus", "visibilitychange"];

impl Chat {
    /// Listens for changes of focus and for activity.
    pub(super) fn watch_focus(self) {
        for event in ACTIVITY_EVENTS {
            listen_on_window_untyped(event, move |_| self.on_activity());
        }
        for event in ["focus", "blur", "visibilitychange", "pagehide"] {
            listen_on_window_untyped(event, move |_| {
                self.set_focused(is_page_focused());
                self.save_position();
                self.write_cache();
            });
        }
        self.schedule_away();
    }

    /// Reports the away state on a new connection, which starts as not away.
    pub(super) fn report_away(self) {
        if self.is_away.load(Relaxed) {
            self.fire_and_forget(&Away { away: true });
        }
    }

    /// Runs on every keystroke and pointer move, so it only stores the time.
    fn on_activity(self) {
        self.last_activity.store(time_format::now().0, Relaxed);
        if self.is_away.swap(false, Relaxed) {
            self.fire_and_forget(&Away { away: false });
            self.schedule_away();
        }
    }

    fn schedule_away(self) {
        // `max(0)`: a clock that was set back does not make anybody away.
        let idle_for = (time_format::now().0 - self.last_activity.load(Relaxed)).max(0);
        if idle_for < AWAY_AFTER {
            return run_after((AWAY_AFTER - idle_for) as u32, move || self.schedule_away());
        }
        self.is_away.store(true, Relaxed);
        self.report_away();
    }
}
