//! What lies under a Socket.IO session: the line to its client, over one TCP connection or over the
//! requests of long-polling.
//!
//! The library tells neither how much is queued for a client nor when it last gave a sign of life,
//! and it can not close a session whose queue is full. So each session has a [`Line`], which knows
//! how much waits to be sent, whether the client still moves, and how to end the session for good.
//! Over WebSocket the TCP connection is cut; over long-polling there is none that belongs to the
//! session, so its next request is refused. Either way the client sees its transport fail, connects
//! again and asks for what it missed.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
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
use socketioxide::{
    TransportType,
    socket::{Sid, Socket},
};
use tokio::time::{Instant, MissedTickBehavior, sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    chat::{Chat, notice::Lagging},
    gateway::{
        answer::refused,
        guard::{SOCKETS, Visitor},
        wire::{MAX_WAITING, Wire},
    },
    lock::lock,
};

/// How long a client may give no sign of life. The library pings it often enough.
const LEASE: Duration = Duration::from_secs(26);
/// With more than this waiting to be sent, in bytes, no further command is carried out; so that its
/// answer, the longest there is, finds room together with what the rooms tell meanwhile.
const ENOUGH_WAITING: usize = MAX_WAITING / 8;

/// How often it is looked whether enough of that has gone.
const DRAINING: Duration = Duration::from_millis(20);

/// How often leases are looked through.
const SWEEP: Duration = Duration::from_secs(2);

/// One session's line to its client.
pub(super) struct Line {
    /// Cancelled when the session was ended from here.
    pub(super) ended: CancellationToken,
    /// The client has ended the session: what it said before is still carried out.
    left: AtomicBool,
    /// The WebSocket that this session was opened over. What it is told goes right into it.
    pub(super) direct: Option<Wire>,
    /// The TCP connection that is this session's own, once there is one.
    wire: Mutex<Option<Wire>>,
    /// Requests of long-polling that came.
    polls: AtomicU64,
    queue: Mutex<Queue>,
    lease: Mutex<Lease>,
    /// Cancelled when nothing goes through any more.
    cut: CancellationToken,
    dead: AtomicBool,
}

/// How much waits to be sent.
#[derive(Default)]
struct Queue {
    bytes: u64,
    /// What the wire had carried when `bytes` was last brought up to date.
    written: u64,
}

/// When the client last gave a sign of life, as far as the sweeps have seen.
struct Lease {
    signs: u64,
    since: Instant,
}

impl Line {
    /// The line under a session that begins now.
    pub(super) fn new(socket: &Socket) -> Line {
        let direct = own_wire(socket).inspect(Wire::take_over);
        Line {
            ended: CancellationToken::new(),
            left: AtomicBool::new(false),
            wire: Mutex::new(direct.clone()),
            direct,
            polls: AtomicU64::new(0),
            queue: Mutex::default(),
            lease: Mutex::new(Lease { signs: 0, since: Instant::now() }),
            cut: CancellationToken::new(),
            dead: AtomicBool::new(false),
        }
    }

    /// Waits until so little waits to be sent that another answer may be added: whoever asks for
    /// much at once, on a slow line, is answered more slowly, and not cut for it. Nobody takes the
    /// answers of a client that has left.
    pub(super) async fn drained(&self) {
        while !self.has_left() && self.waiting() > ENOUGH_WAITING {
            sleep(DRAINING).await;
        }
    }

    fn waiting(&self) -> usize {
        match &self.direct {
            Some(wire) => wire.waiting(),
            None => usize::try_from(self.brought_up_to_date().bytes).unwrap_or(usize::MAX),
        }
    }

    /// The library's queue, without what the wire has carried away.
    fn brought_up_to_date(&self) -> MutexGuard<'_, Queue> {
        let written = lock(&self.wire).as_ref().map_or(0, Wire::written);
        let mut queue = lock(&self.queue);
        // What goes through uncounted (pings, the handshake's answer) must not count against what
        // still waits; so the count may be a little low, and is never too high.
        queue.bytes = queue.bytes.saturating_sub(written.saturating_sub(queue.written));
        queue.written = written;
        queue
    }

    /// Counts a text of so many bytes as queued, unless too much waits already.
    pub(super) fn queue(&self, text: usize, transport: TransportType) -> Result<(), Lagging> {
        let mut queue = self.brought_up_to_date();
        let bytes = match transport {
            TransportType::Websocket => framed(text),
            TransportType::Polling => text as u64,
        };
        if queue.bytes > 0 && queue.bytes + bytes > MAX_WAITING as u64 {
            return Err(Lagging);
        }
        queue.bytes += bytes;
        Ok(())
    }

    /// Notes that the client has ended the session.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_left(&self) -> bool {
        self.left.load(Ordering::Relaxed)
    }

    /// Ends the session however full its queues are.
    pub(super) fn cut(&self) {
        self.cut.cancel();
        if !self.has_left() {
            self.ended.cancel();
        }
        if let Some(wire) = &*lock(&self.wire) {
            wire.cut();
        }
    }

    /// Whether the session ended because its client gave no sign of life any more.
    pub(super) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Whether the client has given a sign of life within its lease, up to now.
    fn is_alive(&self, now: Instant) -> bool {
        let signs = self.polls.load(Ordering::Relaxed) + lock(&self.wire).as_ref().map_or(0, Wire::read);
        let mut lease = lock(&self.lease);
        if lease.signs != signs {
            *lease = Lease { signs, since: now };
        }
        now - lease.since <= LEASE
    }

    /// Ends the session of a client that is dead.
    pub(super) fn bury(&self) {
        self.dead.store(true, Ordering::Relaxed);
        self.cut();
    }

    /// A poll has carried a body of so many bytes away.
    fn polled(&self, bytes: u64) {
        let mut queue = lock(&self.queue);
        queue.bytes = queue.bytes.saturating_sub(bytes);
    }
}

/// The connection of the handshake, when the session stayed on it. That of a first poll may carry
/// somebody else's requests by now.
fn own_wire(socket: &Socket) -> Option<Wire> {
    let handshake = socket.req_parts();
    let visitor = handshake.extensions.get::<Visitor>().filter(|_| is_websocket(&handshake.uri))?;
    Some(visitor.peer.wire.clone())
}

/// Whether a request is for a WebSocket, in the library's eyes.
fn is_websocket(uri: &Uri) -> bool {
    parameter(uri, "transport").and_then(|value| value.split('=').next()) == Some("websocket")
}

/// What a request's query says under this name, read exactly as the library reads it: whoever could
/// be two things to the two of us would get hold of a connection that carries other people's requests.
fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    uri.query()?.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

/// A text of so many bytes as a server's WebSocket frame (RFC 6455 §5.2).
fn framed(text: usize) -> u64 {
    let head = match text {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    };
    text as u64 + head
}

/// The lines of all sessions. Cheap to clone.
#[derive(Clone)]
pub(in crate::gateway) struct Lines(Arc<Known>);

struct Known {
    chat: Chat,
    /// The most sessions at once.
    max: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    lines: HashMap<Sid, Arc<Line>>,
    /// WebSockets that came for sessions which have not entered the namespace yet: a client may
    /// change to one before it does.
    early: HashMap<Sid, Wire>,
}

/// From how many early WebSockets on those are forgotten whose connection is over.
const MANY_EARLY: usize = 1_000;

impl Lines {
    pub(super) fn new(chat: Chat, max: usize) -> Lines {
        Lines(Arc::new(Known { chat, max, sessions: Mutex::default() }))
    }

    /// Adds the line of a session that begins. The refusal is `unavailable`: there are too many.
    pub(super) fn add(&self, socket: &Socket) -> Result<Arc<Line>, Refusal> {
        let mut sessions = lock(&self.0.sessions);
        if sessions.lines.len() >= self.0.max {
            return Err(Refusal::Unavailable);
        }
        let line = Arc::new(Line::new(socket));
        if let Some(wire) = sessions.early.remove(&socket.id) {
            *lock(&line.wire) = Some(wire);
        }
        sessions.lines.insert(socket.id, line.clone());
        Ok(line)
    }

    /// Forgets a session that is over.
    pub(super) fn forget(&self, id: Sid) {
        lock(&self.0.sessions).lines.remove(&id);
    }

    /// How many sessions there are.
    pub(super) fn count(&self) -> usize {
        lock(&self.0.sessions).lines.len()
    }

    /// Ends every session whose client has been silent for too long, until `stop`.
    pub(super) async fn sweep(self, stop: CancellationToken) {
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(sweeps.tick()).await.is_some() {
            let now = Instant::now();
            for (id, line) in self.all() {
                if line.is_alive(now) {
                    continue;
                }
                if line.cut.is_cancelled() {
                    // Its client has had the time to ask once more and be refused.
                    self.forget(id);
                } else {
                    line.bury();
                }
            }
        }
    }

    /// Cuts whatever is left.
    pub(super) fn cut_all(&self) {
        for (_, line) in self.all() {
            line.cut();
        }
    }

    fn all(&self) -> Vec<(Sid, Arc<Line>)> {
        lock(&self.0.sessions).lines.iter().map(|(id, line)| (*id, line.clone())).collect()
    }

    fn get(&self, id: Sid) -> Option<Arc<Line>> {
        lock(&self.0.sessions).lines.get(&id).cloned()
    }

    /// This WebSocket is the session's own from now on.
    fn note_websocket(&self, id: Sid, wire: Wire) {
        let mut sessions = lock(&self.0.sessions);
        if let Some(line) = sessions.lines.get(&id) {
            *lock(&line.wire) = Some(wire);
            return;
        }
        if sessions.early.len() >= MANY_EARLY {
            sessions.early.retain(|_, wire| wire.is_open());
        }
        sessions.early.insert(id, wire);
    }
}

/// The middleware in front of the library: lets handshakes in at a bounded rate, notes what goes
/// through each session's line, and refuses the requests of sessions that were cut.
pub(in crate::gateway) async fn watch(State(lines): State<Lines>, request: Request, next: Next) -> Response {
    let Some(visitor) =
        request.extensions().get::<Visitor>().filter(|_| request.uri().path().starts_with(SOCKETS))
    else {
        return next.run(request).await;
    };
    let Some(sid) = parameter(request.uri(), "sid") else {
        if let Err(refusal) = lines.0.chat.knock(visitor.peer.address) {
            return refused(StatusCode::TOO_MANY_REQUESTS, refusal);
        }
        return next.run(request).await;
    };
    let Ok(id) = sid.parse() else {
        return next.run(request).await;
    };
    let line = lines.get(id);
    if line.as_ref().is_some_and(|line| line.cut.is_cancelled()) {
        return refused(StatusCode::BAD_REQUEST, Refusal::Unavailable);
    }
    if let Some(line) = &line {
        line.polls.fetch_add(1, Ordering::Relaxed);
    }
    if is_websocket(request.uri()) {
        let wire = visitor.peer.wire.clone();
        let response = next.run(request).await;
        // Before that the connection may be used for other requests, with as many other names.
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            lines.note_websocket(id, wire);
        }
        return response;
    }
    let Some(line) = line else {
        // A session that has not entered the namespace yet, or none at all: the library knows.
        return next.run(request).await;
    };
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    // A poll may wait for long, and must not for somebody who has nothing to hear any more.
    let polling = line.cut.run_until_cancelled(next.run(request)).await;
    let Some(response) = polling else {
        return refused(StatusCode::BAD_REQUEST, Refusal::Unavailable);
    };
    line.polled(response.body().size_hint().lower());
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
            assert_eq!((is_websocket(&uri), parameter(&uri, "sid")), (websocket, sid), "{query}");
        }
    }
}
