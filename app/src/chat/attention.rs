//! Whether somebody is here: looks at the page, or at least has touched it lately.

use std::sync::atomic::Ordering::Relaxed;

use common::event::Away;

use super::{Chat, is_looked_at};
use crate::{task::later, view::listen_to, when};

/// For how long nobody may touch the page until we are away, in ms.
const AWAY_AFTER: i64 = 5 * 60 * 1_000;

/// What somebody does who is here; nothing of it happens in a page that is out of sight.
const SIGNS: [&str; 6] = ["keydown", "pointerdown", "pointermove", "wheel", "focus", "visibilitychange"];

impl Chat {
    /// Notices from now on whether somebody looks at the page, and whether we are away.
    pub(super) fn watch_looks(self) {
        for sign in SIGNS {
            listen_to(sign, move |_| self.somebody_is_here());
        }
        for looks in ["focus", "blur", "visibilitychange", "pagehide"] {
            listen_to(looks, move |_| {
                self.look(is_looked_at());
                self.keep_place();
                self.shelve_now();
            });
        }
        self.wait_until_away();
    }

    /// Tells the others on a new connection, which takes everybody to be here.
    pub(super) fn tell_if_away(self) {
        if self.away.load(Relaxed) {
            self.mention(&Away { away: true });
        }
    }

    /// Is called at every press of a key and move of the mouse: the time is all it may take.
    fn somebody_is_here(self) {
        self.touched.store(when::now().0, Relaxed);
        if self.away.swap(false, Relaxed) {
            self.mention(&Away { away: false });
            self.wait_until_away();
        }
    }

    fn wait_until_away(self) {
        // A clock that was put back takes nobody away.
        let quiet = (when::now().0 - self.touched.load(Relaxed)).max(0);
        if quiet < AWAY_AFTER {
            return later((AWAY_AFTER - quiet) as u32, move || self.wait_until_away());
        }
        self.away.store(true, Relaxed);
        self.tell_if_away();
    }
}
