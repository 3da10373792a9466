//! A client with numbered events and acknowledgements, over Socket.IO or HTTP. It opens one connection
//! after the other until the campaign stops.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use common::{
    message::{Body, Cid},
    person::DisplayName,
    protocol::reply::{Page, Sent},
    refusal::Refusal,
    room::RoomName,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::value::RawValue;
use tokio::{sync::watch, time::Duration};

use super::{
    ClientOptions, POLL_INTERVAL, Progress,
    event_connection::EventConnection,
    room::{Room, RoomRequest},
};
use crate::{
    controls::{Controls, Phase},
    history::History,
    server::ServerAddresses,
    socketio::{Incoming, JoinReply, RequestError, lost, parse_reply},
    transports::ClientTransport,
};

/// Creates no further message while this many wait in the outbox.
const MAX_OUTBOX: usize = 4;

/// A running client.
pub(super) struct EventClient {
    name: DisplayName,
    rooms: Vec<Room>,
    options: ClientOptions,
    random: StdRng,
    phase: watch::Receiver<Phase>,
    controls: Arc<Controls>,
    progress: Arc<Progress>,
    /// The token or cookie that makes it the same person on its next connection.
    token: Option<String>,
    unknown_tokens: u32,
    next_message_at: Instant,
    sent_count: u64,
}

/// How one connection ended.
enum ConnectionEnd {
    Over,
    Lost,
    /// The server asked to reconnect after this time.
    Restart(Duration),
}

/// A command whose reply has not arrived.
struct PendingRequest {
    id: u32,
    /// Index into `EventClient::rooms`.
    room: usize,
    kind: RequestKind,
    since: Instant,
}

enum RequestKind {
    Join,
    Send,
    History,
}

impl EventClient {
    pub(super) fn new(
        name: DisplayName,
        room: RoomName,
        options: ClientOptions,
        seed: u64,
        controls: Arc<Controls>,
        progress: Arc<Progress>,
    ) -> EventClient {
        EventClient {
            name,
            rooms: vec![Room::new(room)],
            options,
            random: StdRng::seed_from_u64(seed),
            phase: controls.phase.subscribe(),
            controls,
            progress,
            token: None,
            unknown_tokens: 0,
            next_message_at: Instant::now(),
            sent_count: 0,
        }
    }

    /// Runs until the controls say `Stop`, and returns the history.
    pub(super) async fn run(mut self) -> History {
        loop {
            let addresses = *self.controls.addresses.borrow();
            let wait = match self.connect(addresses.http).await {
                Ok(mut connection) => match self.run_connection(&mut connection, addresses).await {
                    ConnectionEnd::Over => break,
                    ConnectionEnd::Lost => self.backoff(),
                    ConnectionEnd::Restart(after) => after,
                },
                Err(RequestError::Refused(Refusal::UnknownToken)) => {
                    self.token = None;
                    self.unknown_tokens += 1;
                    self.backoff()
                }
                Err(_) => self.backoff(),
            };
            self.publish_progress(false);
            let over = self.phase.wait_for(|phase| *phase == Phase::Stop);
            if tokio::time::timeout(wait, over).await.is_ok() {
                break;
            }
        }
        let rooms = self.rooms.into_iter().map(|room| (room.name, room.history)).collect();
        History { client: self.name.to_string(), unknown_tokens: self.unknown_tokens, rooms }
    }

    fn backoff(&mut self) -> Duration {
        let longest = self.options.max_backoff;
        self.random.random_range(longest / 8..=longest)
    }

    /// Opens a connection as the person this client has been from its first one on.
    async fn connect(&mut self, address: SocketAddr) -> Result<EventConnection, RequestError> {
        let connecting = async {
            match self.options.transport {
                ClientTransport::SocketIo(transport) => {
                    EventConnection::open_socket_io(address, transport, &mut self.token).await
                }
                ClientTransport::Http { as_guest: true } => EventConnection::open_http_guest(address).await,
                ClientTransport::Http { as_guest: false } => {
                    EventConnection::open_http(address, &self.name, &mut self.token).await
                }
                ClientTransport::Line => Err(lost("the line transport has its own client")),
            }
        };
        let connection = tokio::time::timeout(self.options.reply_timeout, connecting).await;
        connection.map_err(|_| lost("no answer while connecting"))?
    }

    /// Runs one connection until it is lost or the campaign stops.
    async fn run_connection(
        &mut self,
        connection: &mut EventConnection,
        addresses: ServerAddresses,
    ) -> ConnectionEnd {
        self.controls.connections.increment();
        let mut pending = VecDeque::new();
        for (at, room) in self.rooms.iter_mut().enumerate() {
            let since = Instant::now();
            let id = connection.join(&room.start_join(connection.local_address(), since));
            pending.push_back(PendingRequest { id, room: at, kind: RequestKind::Join, since });
        }
        loop {
            self.send_room_requests(connection, &mut pending);
            self.publish_progress(true);
            let wake_at = self.wake_at(&pending);
            tokio::select! {
                incoming = connection.receive() => match incoming {
                    Ok(Incoming::Reply { id, payload }) => {
                        let Some(at) = pending.iter().position(|pending| pending.id == id) else { continue };
                        let Some(request) = pending.remove(at) else { continue };
                        if !self.on_reply(&request, &payload, connection, addresses) {
                            return ConnectionEnd::Lost;
                        }
                    }
                    Ok(Incoming::Event(pushed)) => {
                        if let Some(room) = self.rooms.iter_mut().find(|room| room.name == pushed.room) {
                            room.on_push(&pushed.event, Instant::now());
                        }
                    }
                    Ok(Incoming::Heartbeat(heartbeat)) => {
                        if let Some(room) = self.rooms.iter_mut().find(|room| room.name == heartbeat.room) {
                            room.advance_known_last(heartbeat.last);
                        }
                    }
                    Ok(Incoming::Restart(restart)) => {
                        return ConnectionEnd::Restart(Duration::from_millis(u64::from(restart.after)));
                    }
                    Err(_) => return ConnectionEnd::Lost,
                },
                _ = self.phase.changed() => {}
                () = tokio::time::sleep_until(wake_at.into()) => self.queue_message(),
            }
            if *self.phase.borrow() == Phase::Stop {
                self.rooms.iter_mut().for_each(Room::mark_open_at_end);
                return ConnectionEnd::Over;
            }
            let is_overdue = |request: &PendingRequest| request.since.elapsed() >= self.options.reply_timeout;
            if pending.front().is_some_and(is_overdue) {
                return ConnectionEnd::Lost;
            }
        }
    }

    fn send_room_requests(
        &mut self,
        connection: &mut EventConnection,
        pending: &mut VecDeque<PendingRequest>,
    ) {
        let since = Instant::now();
        for (at, room) in self.rooms.iter_mut().enumerate() {
            while let Some(room_request) = room.next_request(since) {
                let (id, kind) = match room_request {
                    RoomRequest::Send(send) => (connection.send(&send), RequestKind::Send),
                    RoomRequest::History(history) => {
                        self.controls.history_pages.increment();
                        (connection.history(&history), RequestKind::History)
                    }
                };
                pending.push_back(PendingRequest { id, room: at, kind, since });
            }
        }
    }

    /// Applies a reply; false when this connection can no longer be used.
    fn on_reply(
        &mut self,
        request: &PendingRequest,
        payload: &RawValue,
        connection: &mut EventConnection,
        addresses: ServerAddresses,
    ) -> bool {
        let (room, now) = (&mut self.rooms[request.room], Instant::now());
        let error = match request.kind {
            RequestKind::Join => match parse_reply::<JoinReply>(payload) {
                Ok(reply) => {
                    room.on_join_reply(&reply, now);
                    connection.subscribe(&room.name, reply.last);
                    return true;
                }
                Err(error) => error,
            },
            RequestKind::Send => match parse_reply::<Sent>(payload) {
                Ok(sent) => {
                    self.controls.record_ack(addresses, now);
                    self.controls.record_seq(&room.name, sent.seq);
                    room.on_send_reply(Ok(&sent), now);
                    return true;
                }
                Err(error) => error,
            },
            RequestKind::History => match parse_reply::<Page>(payload) {
                Ok(page) => {
                    room.on_page(Ok(&page), now);
                    return true;
                }
                Err(error) => error,
            },
        };
        self.controls.refusals.increment();
        match (error, &request.kind) {
            (RequestError::Refused(refusal), RequestKind::Send) if refusal != Refusal::NotInRoom => {
                room.on_send_reply(Err(refusal), now);
                true
            }
            (RequestError::Refused(refusal), RequestKind::History) if refusal != Refusal::NotInRoom => {
                room.on_page(Err(refusal), now);
                true
            }
            _ => false,
        }
    }

    /// Returns when to act even though nothing arrives.
    fn wake_at(&self, pending: &VecDeque<PendingRequest>) -> Instant {
        let mut wakes = vec![self.next_message_at];
        wakes.extend(pending.front().map(|request| request.since + self.options.reply_timeout));
        wakes.extend(self.rooms.iter().filter_map(Room::retry_at));
        wakes.into_iter().min().unwrap_or(self.next_message_at)
    }

    /// Puts a message into an outbox, if one is due.
    fn queue_message(&mut self) {
        let now = Instant::now();
        if now < self.next_message_at {
            return;
        }
        if *self.phase.borrow() != Phase::Send {
            self.next_message_at = now + POLL_INTERVAL;
            return;
        }
        self.next_message_at = now + self.options.pace.mul_f64(self.random.random_range(0.5..1.5));
        let at = self.random.random_range(0..self.rooms.len());
        if self.rooms[at].outbox_len() >= MAX_OUTBOX {
            return;
        }
        self.sent_count += 1;
        let cid = Cid::parse(&format!("{}-{}", self.name, self.sent_count));
        let body = Body::parse(&format!("{}: {}번째 말", self.name, self.sent_count));
        if let (Ok(cid), Ok(body)) = (cid, body) {
            self.rooms[at].queue_message(cid, body);
        }
    }

    fn publish_progress(&self, connected: bool) {
        let all = |holds: &dyn Fn(&Room) -> bool| connected && self.rooms.iter().all(holds);
        let last = |room: &Room| self.controls.last_seq(&room.name);
        self.progress.sent_all.store(all(&|room| room.outbox_len() == 0), Ordering::Relaxed);
        self.progress.shown_all.store(all(&|room| room.shows_up_to(last(room))), Ordering::Relaxed);
        self.progress.received_pushes.store(all(&|room| room.received_up_to(last(room))), Ordering::Relaxed);
    }
}
