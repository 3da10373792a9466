//! The TCP connections under Socket.IO sessions: noting them, and ending a session for good.
//!
//! The library can not close a session whose queue is full. Over WebSocket the TCP connection is
//! cut; over long-polling there is none that belongs to the session, so its next request is refused.
//! Either way the client sees its transport fail, connects again and asks for what it missed.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use axum::{
    extract::{Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use common::refusal::Refusal;
use socketioxide::socket::{Sid, Socket};
use tokio_util::sync::CancellationToken;
use url::form_urlencoded;

use super::PATH;
use crate::{
    chat::Chat,
    gateway::{accept::Wire, guard::Visitor, http::refused},
    lock::lock,
};

/// How many sessions are remembered as cut. Beyond it all are forgotten: the oldest are over, and
/// one that is not stays silent until its heartbeat ends it.
const MAX_CUT: usize = 10_000;
/// From how many noted upgrades on those are looked through whose connection is over.
const MANY_UPGRADES: usize = 1_000;

/// What is known of the sessions' TCP connections. Cheap to clone.
#[derive(Clone)]
pub(in crate::gateway) struct Lines(Arc<Known>);

struct Known {
    chat: Chat,
    upgraded: Mutex<HashMap<Sid, Wire>>,
    cut: Mutex<HashSet<Sid>>,
}

impl Lines {
    pub(super) fn new(chat: Chat) -> Lines {
        Lines(Arc::new(Known { chat, upgraded: Mutex::default(), cut: Mutex::default() }))
    }

    /// Ends a session however full its queues are.
    pub(super) fn cut(&self, socket: &Socket) {
        if let Some(ended) = socket.extensions.get::<CancellationToken>() {
            ended.cancel();
        }
        let mut cut = lock(&self.0.cut);
        if cut.len() >= MAX_CUT {
            cut.clear();
        }
        cut.insert(socket.id);
        drop(cut);
        let upgraded = lock(&self.0.upgraded).get(&socket.id).cloned();
        if let Some(wire) = upgraded.or_else(|| first_wire(socket)) {
            wire.cut();
        }
    }

    /// Forgets a session that is over.
    pub(super) fn forget(&self, id: Sid) {
        lock(&self.0.upgraded).remove(&id);
        lock(&self.0.cut).remove(&id);
    }

    fn note_upgrade(&self, id: Sid, wire: Wire) {
        let mut upgraded = lock(&self.0.upgraded);
        if upgraded.len() >= MANY_UPGRADES {
            upgraded.retain(|_, wire| wire.is_open());
        }
        upgraded.insert(id, wire);
    }
}

/// The connection of the handshake, when the session stayed on it. That of a first poll may carry
/// somebody else's requests by now.
fn first_wire(socket: &Socket) -> Option<Wire> {
    let handshake = socket.req_parts();
    let direct = handshake.uri.query().is_some_and(|query| query.contains("transport=websocket"));
    direct.then(|| handshake.extensions.get::<Visitor>().map(|visitor| visitor.peer.wire.clone())).flatten()
}

/// The middleware in front of the library: lets handshakes in at a bounded rate, notes upgrades,
/// and refuses the requests of sessions that were cut.
pub(in crate::gateway) async fn watch(State(lines): State<Lines>, request: Request, next: Next) -> Response {
    let Some(visitor) =
        request.extensions().get::<Visitor>().filter(|_| request.uri().path().starts_with(PATH))
    else {
        return next.run(request).await;
    };
    let query = request.uri().query().unwrap_or_default();
    let sid = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "sid");
    match sid.map(|(_, sid)| sid.parse::<Sid>()) {
        None => {
            if let Err(refusal) = lines.0.chat.knock(visitor.peer.address) {
                return refused(StatusCode::TOO_MANY_REQUESTS, refusal);
            }
        }
        Some(Ok(id)) if lock(&lines.0.cut).contains(&id) => {
            return refused(StatusCode::BAD_REQUEST, Refusal::Unavailable);
        }
        Some(Ok(id)) if query.contains("transport=websocket") => {
            lines.note_upgrade(id, visitor.peer.wire.clone());
        }
        Some(_) => {}
    }
    next.run(request).await
}
