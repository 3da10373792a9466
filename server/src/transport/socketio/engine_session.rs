//! The Engine.IO session under a Socket.IO connection: one WebSocket, or the requests of
//! long-polling.
//!
//! The library does not tell how much is queued for a client or when the client was last active,
//! and it can not close a session whose queue is full. So each session has an [`EngineSession`],
//! which counts the queued bytes, checks that the client is active, and can end the session under
//! all circumstances: a WebSocket's TCP connection is shut down; with long-polling no TCP
//! connection belongs to the session, so its next request is refused. Either way the client sees
//! its transport fail, reconnects and requests what it missed.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use parking_lot::{Mutex, MutexGuard};
use socketioxide::{TransportType, socket::Socket};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::{encode::frame_length, query::is_websocket};
use crate::{
    chat::broadcast::Lagged,
    transport::{
        guard::ClientInfo,
        permits::Permit,
        raw_socket::{ConnectionHandle, MAX_QUEUED_BYTES},
    },
};

/// How long a client may be inactive. The library pings it more often than that.
const LEASE: Duration = Duration::from_secs(26);
/// With more queued bytes than this, no further command is handled. That leaves room for the
/// largest reply and the broadcasts that arrive meanwhile.
const DRAIN_THRESHOLD: usize = MAX_QUEUED_BYTES / 8;

/// How often the queues are checked by what waits for them.
const DRAIN_CHECK_INTERVAL: Duration = Duration::from_millis(20);

/// One Engine.IO session.
pub(super) struct EngineSession {
    /// Cancelled when the server ends the session.
    pub(super) ended: CancellationToken,
    /// Cancelled when the client has ended the session; the commands it sent before are still handled.
    client_left: CancellationToken,
    /// Whether nothing is read from the client for now.
    is_reading_paused: AtomicBool,
    /// Counts the session until its client is gone and its commands are executed.
    _permit: Permit,
    /// The WebSocket the session was opened over, if any. All output is written directly to it.
    pub(super) raw_socket: Option<ConnectionHandle>,
    /// The TCP connection that belongs to the session alone, once there is one.
    connection: Mutex<Option<ConnectionHandle>>,
    /// The number of long-polling requests received.
    poll_count: AtomicU64,
    queued: Mutex<QueuedBytes>,
    lease: Mutex<Lease>,
    /// Cancelled when the session can carry no more data.
    pub(super) disconnected: CancellationToken,
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
    pub(super) fn new(socket: &Socket, permit: Permit) -> EngineSession {
        let raw_socket = handshake_connection(socket).inspect(ConnectionHandle::take_over_writes);
        EngineSession {
            ended: CancellationToken::new(),
            client_left: CancellationToken::new(),
            is_reading_paused: AtomicBool::new(false),
            _permit: permit,
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
        self.client_left.cancel();
    }

    pub(super) fn has_left(&self) -> bool {
        self.client_left.is_cancelled()
    }

    /// Waits until the client has ended the session.
    pub(super) async fn left(&self) {
        self.client_left.cancelled().await;
    }

    /// Stops reading from the client, because too much of what it sent waits.
    pub(super) fn pause_reading(&self) {
        self.is_reading_paused.store(true, Ordering::Relaxed);
        if let Some(connection) = &*self.connection.lock() {
            connection.pause_reading();
        }
    }

    /// Reads from the client again.
    pub(super) fn resume_reading(&self) {
        if self.is_reading_paused.swap(false, Ordering::Relaxed)
            && let Some(connection) = &*self.connection.lock()
        {
            connection.resume_reading();
        }
    }

    /// Waits while nothing is read from the client. For the requests of long-polling, which share connections.
    pub(super) async fn wait_while_paused(&self) {
        while self.is_reading_paused.load(Ordering::Relaxed) && !self.disconnected.is_cancelled() {
            sleep(DRAIN_CHECK_INTERVAL).await;
        }
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
    pub(super) fn is_within_lease(&self, now: Instant) -> bool {
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

    /// Sets the TCP connection that belongs to the session alone: its bytes are counted, and it is shut down
    /// with the session.
    pub(super) fn attach(&self, connection: ConnectionHandle) {
        let mut locked = self.connection.lock();
        if self.is_reading_paused.load(Ordering::Relaxed) {
            connection.pause_reading();
        }
        *locked = Some(connection);
    }

    /// Counts a long-polling request as activity of the client.
    pub(super) fn count_poll(&self) {
        self.poll_count.fetch_add(1, Ordering::Relaxed);
    }

    /// Subtracts the bytes of a response to a poll from the queued ones.
    pub(super) fn count_sent(&self, bytes: u64) {
        let mut queued = self.queued.lock();
        queued.bytes = queued.bytes.saturating_sub(bytes);
    }
}

/// The connection of the handshake, if it became the session's WebSocket. After a first poll a
/// proxy may already use that connection for requests of other clients.
fn handshake_connection(socket: &Socket) -> Option<ConnectionHandle> {
    let handshake = socket.req_parts();
    let client = handshake.extensions.get::<ClientInfo>().filter(|_| is_websocket(&handshake.uri))?;
    Some(client.connection.clone())
}
