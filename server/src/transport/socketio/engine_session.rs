//! The Engine.IO session under a Socket.IO connection: one WebSocket, or the requests of
//! long-polling.
//!
//! The library does not tell how much is queued for a client or when the client was last active,
//! and it can not close a session whose queued is full. So each session has an [`EngineSession`],
//! which counts the queued bytes, checks that the client is active, and can end the session under
//! all circumstances: a WebSocket's TCP connection is shut down; with long-polling no TCP
//! connection belongs to the session, so its next request is refused. Either way the client sees
//! its transport fail, reconnects and requests what it missed.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::HttpBody,
    extract::{Request, State},
    http::{Method, StatusCode, Uri},
    middleware::Next,
    response::Response,
};
use common::refusal::Refusal;
use parking_lot::{Mutex, MutexGuard};
use socketioxide::{
    TransportType,
    socket::{Sid, Socket},
};
use tokio::time::{Instant, MissedTickBehavior, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    chat::{Chat, broadcast::Lagged},
    transport::{
        error::refusal_response,
        guard::{ClientInfo, SOCKETIO_PATH},
        raw_socket::{ConnectionHandle, MAX_QUEUED_BYTES},
    },
};

/// How long a client may be inactive. The library pings it more often than that.
const LEASE: Duration = Duration::from_secs(26);
/// With more queued bytes than this, no further command is handled. That leaves room for the
/// largest reply and the broadcasts that arrive meanwhile.
const DRAIN_THRESHOLD: usize = MAX_QUEUED_BYTES / 8;

/// How often [`EngineSession::wait_until_drained`] checks the queue.
const DRAIN_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// How often the leases of all sessions are checked.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(2);

/// One Engine.IO session.
pub(super) struct EngineSession {
    /// Cancelled when the server ends the session.
    pub(super) ended: CancellationToken,
    /// The client ended the session; the commands it sent before are still handled.
    client_left: AtomicBool,
    /// The WebSocket the session was opened over, if any. All output is written directly to it.
    pub(super) raw_socket: Option<ConnectionHandle>,
    /// The TCP connection that belongs to the session alone, once there is one.
    connection: Mutex<Option<ConnectionHandle>>,
    /// The number of long-polling requests received.
    poll_count: AtomicU64,
    queued: Mutex<QueuedBytes>,
    lease: Mutex<Lease>,
    /// Cancelled when the session can carry no more data.
    disconnected: CancellationToken,
    expired: AtomicBool,
}

/// The bytes that wait in the library's queue.
#[derive(Default)]
struct QueuedBytes {
    bytes: u64,
    /// The connection's count of written bytes when `bytes` was last updated.
    last_written: u64,
}

/// When the client was last active, as far as the periodic checks have seen.
struct Lease {
    activity: u64,
    since: Instant,
}

impl EngineSession {
    /// Creates the session of a socket that connects now.
    pub(super) fn new(socket: &Socket) -> EngineSession {
        let raw_socket = handshake_connection(socket).inspect(ConnectionHandle::take_over_writes);
        EngineSession {
            ended: CancellationToken::new(),
            client_left: AtomicBool::new(false),
            connection: Mutex::new(raw_socket.clone()),
            raw_socket,
            poll_count: AtomicU64::new(0),
            queued: Mutex::default(),
            lease: Mutex::new(Lease { activity: 0, since: Instant::now() }),
            disconnected: CancellationToken::new(),
            expired: AtomicBool::new(false),
        }
    }

    /// Waits until there is room for another reply: a client that requests much on a slow connection
    /// is slowed down, not disconnected. A client that has left gets no replies, so it does not wait.
    pub(super) async fn wait_until_drained(&self) {
        while !self.has_left() && self.queued_bytes() > DRAIN_THRESHOLD {
            sleep(DRAIN_CHECK_INTERVAL).await;
        }
    }

    fn queued_bytes(&self) -> usize {
        match &self.raw_socket {
            Some(connection) => connection.queued_bytes(),
            None => usize::try_from(self.update_queued().bytes).unwrap_or(usize::MAX),
        }
    }

    /// Subtracts the bytes that the connection has written since the last update.
    fn update_queued(&self) -> MutexGuard<'_, QueuedBytes> {
        let written = self.connection.lock().as_ref().map_or(0, ConnectionHandle::bytes_written);
        let mut queued = self.queued.lock();
        // Pings and the handshake's response are written without having been counted, so the count
        // may be a little too low; it is never too high.
        queued.bytes = queued.bytes.saturating_sub(written.saturating_sub(queued.last_written));
        queued.last_written = written;
        queued
    }

    /// Counts a text as queued; fails if the queue is full.
    pub(super) fn count_queued(&self, length: usize, transport: TransportType) -> Result<(), Lagged> {
        let mut queued = self.update_queued();
        let bytes = match transport {
            TransportType::Websocket => frame_length(length),
            TransportType::Polling => length as u64,
        };
        if queued.bytes > 0 && queued.bytes + bytes > MAX_QUEUED_BYTES as u64 {
            return Err(Lagged);
        }
        queued.bytes += bytes;
        Ok(())
    }

    /// Records that the client has ended the session.
    pub(super) fn mark_left(&self) {
        self.client_left.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_left(&self) -> bool {
        self.client_left.load(Ordering::Relaxed)
    }

    /// Ends the session, however full its queues are.
    pub(super) fn disconnect(&self) {
        self.disconnected.cancel();
        if !self.has_left() {
            self.ended.cancel();
        }
        if let Some(connection) = &*self.connection.lock() {
            connection.shutdown();
        }
    }

    /// Whether the session ended because its client was inactive for too long.
    pub(super) fn is_expired(&self) -> bool {
        self.expired.load(Ordering::Relaxed)
    }

    /// Whether the client was active within its lease.
    fn is_within_lease(&self, now: Instant) -> bool {
        let activity = self.poll_count.load(Ordering::Relaxed)
            + self.connection.lock().as_ref().map_or(0, ConnectionHandle::bytes_read);
        let mut lease = self.lease.lock();
        if lease.activity != activity {
            *lease = Lease { activity, since: now };
        }
        now - lease.since <= LEASE
    }

    /// Ends the session of a client whose lease has expired.
    pub(super) fn expire(&self) {
        self.expired.store(true, Ordering::Relaxed);
        self.disconnect();
    }

    /// Counts bytes as sent in the response to a poll.
    fn count_polled(&self, bytes: u64) {
        let mut queued = self.queued.lock();
        queued.bytes = queued.bytes.saturating_sub(bytes);
    }
}

/// The connection of the handshake, if it became the session's WebSocket. After a first poll a
/// proxy may already use that connection for requests of other clients.
fn handshake_connection(socket: &Socket) -> Option<ConnectionHandle> {
    let handshake = socket.req_parts();
    let client = handshake.extensions.get::<ClientInfo>().filter(|_| is_websocket(&handshake.uri))?;
    Some(client.peer.connection.clone())
}

/// Whether engineioxide takes this request for a WebSocket.
fn is_websocket(uri: &Uri) -> bool {
    query_parameter(uri, "transport").and_then(|value| value.split('=').next()) == Some("websocket")
}

/// Returns a query parameter. It must parse the query exactly as engineioxide does, or a client
/// could make us treat a shared proxy connection as its WebSocket (request smuggling).
fn query_parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// The length of a text as a WebSocket frame of a server (RFC 6455 §5.2).
fn frame_length(length: usize) -> u64 {
    let head = match length {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    };
    length as u64 + head
}

/// All Engine.IO sessions. Cheap to clone.
#[derive(Clone)]
pub(in crate::transport) struct EngineSessions(Arc<Registry>);

struct Registry {
    chat: Chat,
    /// The largest number of sessions.
    max: usize,
    table: Mutex<SessionTable>,
}

#[derive(Default)]
struct SessionTable {
    sessions: HashMap<Sid, Arc<EngineSession>>,
    /// WebSockets of sessions that have not entered the namespace yet: a client may upgrade before that.
    pending_upgrades: HashMap<Sid, ConnectionHandle>,
}

/// With this many pending upgrades, those whose connection is closed are removed.
const PENDING_UPGRADES_LIMIT: usize = 1_000;

impl EngineSessions {
    pub(super) fn new(chat: Chat, max: usize) -> EngineSessions {
        EngineSessions(Arc::new(Registry { chat, max, table: Mutex::default() }))
    }

    /// Adds the session of a new socket. The refusal is `unavailable` when there are too many.
    pub(super) fn add(&self, socket: &Socket) -> Result<Arc<EngineSession>, Refusal> {
        let mut table = self.0.table.lock();
        if table.sessions.len() >= self.0.max {
            return Err(Refusal::Unavailable);
        }
        let session = Arc::new(EngineSession::new(socket));
        if let Some(connection) = table.pending_upgrades.remove(&socket.id) {
            *session.connection.lock() = Some(connection);
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

    fn get(&self, id: Sid) -> Option<Arc<EngineSession>> {
        self.0.table.lock().sessions.get(&id).cloned()
    }

    /// Makes a WebSocket the session's own connection.
    fn attach_websocket(&self, id: Sid, connection: ConnectionHandle) {
        let mut table = self.0.table.lock();
        if let Some(session) = table.sessions.get(&id) {
            *session.connection.lock() = Some(connection);
            return;
        }
        if table.pending_upgrades.len() >= PENDING_UPGRADES_LIMIT {
            table.pending_upgrades.retain(|_, connection| connection.is_open());
        }
        table.pending_upgrades.insert(id, connection);
    }
}

/// The middleware in front of the library: limits the rate of handshakes, counts each session's
/// traffic, and refuses the requests of disconnected sessions.
pub(in crate::transport) async fn track_request(
    State(sessions): State<EngineSessions>,
    request: Request,
    next: Next,
) -> Response {
    let Some(client) =
        request.extensions().get::<ClientInfo>().filter(|_| request.uri().path().starts_with(SOCKETIO_PATH))
    else {
        return next.run(request).await;
    };
    let Some(sid) = query_parameter(request.uri(), "sid") else {
        if let Err(refusal) = sessions.0.chat.check_connection_rate(client.peer.address) {
            return refusal_response(StatusCode::TOO_MANY_REQUESTS, refusal);
        }
        return next.run(request).await;
    };
    let Ok(id) = sid.parse() else {
        return next.run(request).await;
    };
    let session = sessions.get(id);
    if session.as_ref().is_some_and(|session| session.disconnected.is_cancelled()) {
        return refusal_response(StatusCode::BAD_REQUEST, Refusal::Unavailable);
    }
    if let Some(session) = &session {
        session.poll_count.fetch_add(1, Ordering::Relaxed);
    }
    if is_websocket(request.uri()) {
        let connection = client.peer.connection.clone();
        let response = next.run(request).await;
        // Before the upgrade a proxy may use the connection for requests of other sessions.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            sessions.attach_websocket(id, connection);
        }
        return response;
    }
    let Some(session) = session else {
        // The session has not entered the namespace yet, or does not exist; the library knows which.
        return next.run(request).await;
    };
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    // A poll can wait for long; end it when the session is disconnected.
    let response = session.disconnected.run_until_cancelled(next.run(request)).await;
    let Some(response) = response else {
        return refusal_response(StatusCode::BAD_REQUEST, Refusal::Unavailable);
    };
    session.count_polled(response.body().size_hint().lower());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_as_the_library_reads_it() {
        for (query, websocket, sid) in [
            ("EIO=4&transport=websocket", true, None),
            ("EIO=4&transport=websocket&sid=a", true, Some("a")),
            ("EIO=4&transport=polling&x=transport=websocket", false, None),
            ("EIO=4&xtransport=websocket&transport=polling", false, None),
            ("EIO=4&transport=polling&transport=websocket", false, None),
            ("EIO=4&transport=websocket=x&sid", true, None),
            ("EIO=4&transport=websocket&%73id=a", true, None),
            ("EIO=4&transport=polling&sid=a&sid=b", false, Some("a")),
        ] {
            let uri: Uri = format!("http://127.0.0.1/socket.io/?{query}").parse().unwrap();
            assert_eq!((is_websocket(&uri), query_parameter(&uri, "sid")), (websocket, sid), "{query}");
        }
    }
}
