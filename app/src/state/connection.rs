//! The state of the connection, the backoff between attempts, and a clock that never goes back.

use common::backoff::Backoff;

/// The state of the connection as the interface shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    /// No connection needed yet.
    #[default]
    Idle,
    /// Connecting for the first time.
    Connecting,
    /// Socket.IO's CONNECT has succeeded, not merely the WebSocket.
    Online,
    /// The server has announced a restart.
    Restarting,
    /// Lost a moment ago; usually restored before anybody notices.
    Interrupted,
    /// Lost for longer than a moment.
    Offline,
}

impl ConnectionState {
    /// How long an interruption is not shown, in ms.
    pub(crate) const INTERRUPTION_GRACE: u32 = 5_000;

    /// How much longer than announced a restart may take, in ms.
    pub(crate) const RESTART_GRACE: u32 = 10_000;

    /// The state after the connection is lost.
    pub(crate) fn on_lost(self) -> ConnectionState {
        match self {
            ConnectionState::Online => ConnectionState::Interrupted,
            ConnectionState::Idle | ConnectionState::Connecting => ConnectionState::Connecting,
            ConnectionState::Restarting | ConnectionState::Interrupted | ConnectionState::Offline => self,
        }
    }

    /// The state after a moment without a connection.
    pub(crate) fn on_still_lost(self) -> ConnectionState {
        match self {
            ConnectionState::Connecting | ConnectionState::Interrupted => ConnectionState::Offline,
            ConnectionState::Idle
            | ConnectionState::Online
            | ConnectionState::Restarting
            | ConnectionState::Offline => self,
        }
    }

    /// The state when a restart takes too long.
    pub(crate) fn on_restart_overdue(self) -> ConnectionState {
        if self == ConnectionState::Restarting { ConnectionState::Offline } else { self }
    }
}

/// The delays between attempts to connect, from one second up to ten.
pub(crate) const RECONNECT: Backoff = Backoff::new(1_000, 10_000);

/// The browser's wall clock, made monotonic: a user may set it back by an hour while the page
/// waits. Unlike the browser's monotonic clock it counts the time a device sleeps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    last: f64,
    set_back_by: f64,
}

impl Clock {
    /// Returns the time in ms for the wall clock `wall`. If that went back, no time has passed
    /// since the last call.
    pub(crate) fn now(&mut self, wall: f64) -> f64 {
        self.set_back_by += (self.last - self.set_back_by - wall).max(0.0);
        self.last = wall + self.set_back_by;
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_does_not_lengthen_a_wait() {
        let mut clock = Clock::default();
        let walls = [10_000.0, 10_500.0, 6_500.0, 7_000.0, 7_000.0, 3_000.0, 3_250.0, 90_250.0];
        let times = walls.map(|wall| clock.now(wall));
        assert_eq!(times, [10_000.0, 10_500.0, 10_500.0, 11_000.0, 11_000.0, 11_000.0, 11_250.0, 98_250.0]);
    }

    #[test]
    fn a_short_interruption_is_not_offline() {
        assert_eq!(ConnectionState::Online.on_lost(), ConnectionState::Interrupted);
        assert_eq!(ConnectionState::Online.on_lost().on_still_lost(), ConnectionState::Offline);
        assert_eq!(ConnectionState::Offline.on_lost(), ConnectionState::Offline);
        assert_eq!(ConnectionState::Connecting.on_lost(), ConnectionState::Connecting);
        assert_eq!(
            ConnectionState::Online.on_still_lost(),
            ConnectionState::Online,
            "back before anybody noticed"
        );
    }

    #[test]
    fn a_restart_is_not_offline_unless_it_takes_too_long() {
        assert_eq!(ConnectionState::Restarting.on_lost().on_still_lost(), ConnectionState::Restarting);
        assert_eq!(ConnectionState::Restarting.on_restart_overdue(), ConnectionState::Offline);
        assert_eq!(ConnectionState::Online.on_restart_overdue(), ConnectionState::Online, "back in time");
    }
}
