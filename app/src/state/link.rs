//! How the page stands with the server, and how long it waits before it tries again.

/// The connection as a person cares about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// Nobody to connect as yet.
    #[default]
    Idle,
    /// On the way for the first time.
    Connecting,
    /// The server has let us in: Socket.IO's CONNECT, not merely an open socket.
    Online,
    /// The server has said that it goes away for a moment, and when to come back.
    Restarting,
    /// Lost a moment ago; mostly it is back before anybody notices.
    Interrupted,
    /// Lost for longer than a moment.
    Offline,
}

impl Link {
    /// How long an interruption goes unmentioned, in milliseconds.
    pub(crate) const UNMENTIONED: u32 = 5_000;

    /// How much longer than announced a restart may take, in milliseconds.
    pub(crate) const RESTART_GRACE: u32 = 10_000;

    /// What losing the connection makes of it.
    pub(crate) fn lost(self) -> Link {
        match self {
            Link::Online => Link::Interrupted,
            Link::Idle | Link::Connecting => Link::Connecting,
            Link::Restarting | Link::Interrupted | Link::Offline => self,
        }
    }

    /// What a moment without a connection makes of it.
    pub(crate) fn still_lost(self) -> Link {
        match self {
            Link::Connecting | Link::Interrupted => Link::Offline,
            Link::Idle | Link::Online | Link::Restarting | Link::Offline => self,
        }
    }

    /// What a restart that takes too long makes of it.
    pub(crate) fn overdue(self) -> Link {
        if self == Link::Restarting { Link::Offline } else { self }
    }
}

/// The waiting times between attempts: twice as long each time, up to ten seconds, and never the
/// same for two pages, so that a restarted server is not met by everybody at once.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: f64 = 500.0;
    const LONGEST: f64 = 10_000.0;

    /// The next wait in milliseconds; `random` is at least 0 and below 1.
    pub(crate) fn next(&mut self, random: f64) -> u32 {
        let full = (Self::FIRST * 2f64.powi(self.failures.min(16) as i32 + 1)).min(Self::LONGEST);
        self.failures += 1;
        (full * (0.5 + random / 2.0)) as u32
    }

    /// The server has let us in.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// The browser's clock, but one that never goes back. Somebody may set theirs by an hour while we wait
/// for something, and would wait for that hour too. It counts the time of a sleep, as the browser's
/// steady clock does not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    last: f64,
    put_back: f64,
}

impl Clock {
    /// The time in ms, where the browser says that it is `wall`. When that was put back no time has
    /// passed since it was last looked at.
    pub(crate) fn now(&mut self, wall: f64) -> f64 {
        self.put_back += (self.last - self.put_back - wall).max(0.0);
        self.last = wall + self.put_back;
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_put_back_stops_nobody_who_waits() {
        let mut clock = Clock::default();
        let walls = [10_000.0, 10_500.0, 6_500.0, 7_000.0, 7_000.0, 3_000.0, 3_250.0, 90_250.0];
        let times = walls.map(|wall| clock.now(wall));
        assert_eq!(times, [10_000.0, 10_500.0, 10_500.0, 11_000.0, 11_000.0, 11_000.0, 11_250.0, 98_250.0]);
    }

    #[test]
    fn waiting_grows_from_half_a_second_to_ten() {
        let mut backoff = Backoff::default();
        let shortest: Vec<u32> = (0..6).map(|_| backoff.next(0.0)).collect();
        assert_eq!(shortest, [500, 1_000, 2_000, 4_000, 5_000, 5_000]);
        assert!((9_900..=10_000).contains(&backoff.next(0.999)));
        backoff.reset();
        assert_eq!(backoff.next(0.0), 500);
    }

    #[test]
    fn a_short_interruption_is_not_offline() {
        assert_eq!(Link::Online.lost(), Link::Interrupted);
        assert_eq!(Link::Online.lost().still_lost(), Link::Offline);
        assert_eq!(Link::Offline.lost(), Link::Offline);
        assert_eq!(Link::Connecting.lost(), Link::Connecting);
        assert_eq!(Link::Online.still_lost(), Link::Online, "back before anybody noticed");
    }

    #[test]
    fn a_restart_is_not_offline_unless_it_takes_too_long() {
        assert_eq!(Link::Restarting.lost().still_lost(), Link::Restarting);
        assert_eq!(Link::Restarting.overdue(), Link::Offline);
        assert_eq!(Link::Online.overdue(), Link::Online, "back in time");
    }
}
