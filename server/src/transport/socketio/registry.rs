//! All Engine.IO sessions: adds them up to a limit, expires those of vanished clients, and ends the
//! rest when the server stops.

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::refusal::Refusal;
use parking_lot::Mutex;
use socketioxide::socket::{Sid, Socket};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::{engine_session::EngineSession, handshakes::Handshakes};
use crate::{
    address::ClientAddress,
    chat::Chat,
    transport::{permits::Permits, raw_socket::ConnectionHandle},
};

/// How often the leases of all sessions are checked.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(2);
/// With this many pending upgrades, those whose connection is closed are removed.
const PENDING_UPGRADES_LIMIT: usize = 1_000;

/// All Engine.IO sessions. Cheap to clone.
#[derive(Clone)]
pub(in crate::transport) struct EngineSessions(Arc<Registry>);

struct Registry {
    /// Limits the rate of handshakes.
    chat: Chat,
    /// A session over long-polling has no TCP connection of its own, so the limits of connections do not
    /// bound them.
    permits: Permits,
    handshakes: Handshakes,
    table: Mutex<SessionTable>,
}

#[derive(Default)]
struct SessionTable {
    sessions: HashMap<Sid, Arc<EngineSession>>,
    /// WebSockets of sessions that have not entered the namespace yet: a client may upgrade before that.
    pending_upgrades: HashMap<Sid, ConnectionHandle>,
}

impl EngineSessions {
    pub(super) fn new(chat: Chat, permits: Permits) -> EngineSessions {
        EngineSessions(Arc::new(Registry {
            chat,
            permits,
            handshakes: Handshakes::new(),
            table: Mutex::default(),
        }))
    }

    /// The sessions over long-polling that have not entered the namespace yet.
    pub(super) fn handshakes(&self) -> &Handshakes {
        &self.0.handshakes
    }

    /// Limits the rate at which an address may open sessions.
    pub(super) fn check_connection_rate(&self, address: ClientAddress) -> Result<(), Refusal> {
        self.0.chat.check_connection_rate(address)
    }

    /// Adds the session of a new socket. The refusal is `unavailable` when there are too many.
    pub(super) fn add(&self, socket: &Socket, address: ClientAddress) -> Result<Arc<EngineSession>, Refusal> {
        let permit = self.0.permits.try_acquire(address).ok_or(Refusal::Unavailable)?;
        let mut table = self.0.table.lock();
        let session = Arc::new(EngineSession::new(socket, permit));
        if let Some(connection) = table.pending_upgrades.remove(&socket.id) {
            session.attach(connection);
        }
        table.sessions.insert(socket.id, session.clone());
        Ok(session)
    }

    /// Removes a session that has ended.
    pub(super) fn remove(&self, id: Sid) {
        self.0.table.lock().sessions.remove(&id);
    }

    /// The number of sessions.
    pub(super) fn count(&self) -> usize {
        self.0.table.lock().sessions.len()
    }

    /// Expires inactive sessions periodically until `stop` is cancelled.
    pub(super) async fn run_expiry(self, stop: CancellationToken) {
        let mut interval = tokio::time::interval(EXPIRY_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(interval.tick()).await.is_some() {
            let now = Instant::now();
            for (id, session) in self.all() {
                if session.is_within_lease(now) {
                    continue;
                }
                if session.disconnected.is_cancelled() {
                    // By now the client's next poll has been refused, so the entry is no longer needed.
                    self.remove(id);
                } else {
                    session.expire();
                }
            }
        }
    }

    /// Disconnects all remaining sessions.
    pub(super) fn disconnect_all(&self) {
        for (_, session) in self.all() {
            session.disconnect();
        }
    }

    fn all(&self) -> Vec<(Sid, Arc<EngineSession>)> {
        self.0.table.lock().sessions.iter().map(|(id, session)| (*id, session.clone())).collect()
    }

    /// Finds a session that is in the namespace.
    pub(super) fn get(&self, id: Sid) -> Option<Arc<EngineSession>> {
        self.0.table.lock().sessions.get(&id).cloned()
    }

    /// Attaches the WebSocket to which a session upgraded, or keeps it until the session enters the namespace.
    pub(super) fn attach_websocket(&self, id: Sid, connection: ConnectionHandle) {
        let mut table = self.0.table.lock();
        if let Some(session) = table.sessions.get(&id) {
            session.attach(connection);
            return;
        }
        if table.pending_upgrades.len() >= PENDING_UPGRADES_LIMIT {
            table.pending_upgrades.retain(|_, connection| connection.is_open());
        }
        table.pending_upgrades.insert(id, connection);
    }
}
