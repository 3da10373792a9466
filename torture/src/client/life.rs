//! A client's life: one connection after the other, until it is over.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use common::{
    event::{Page, Sent},
    message::{Body, Cid},
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::value::RawValue;
use tokio::{sync::watch, time::Duration};

use super::{
    Habits, LOOK, Progress,
    link::Link,
    room::{Room, Wish},
};
use crate::{
    board::{Board, Phase},
    connection::{Entered, Failure, Heard, answer, lost},
    door::Way,
    history::History,
    madang::Open,
};

/// More than this is not put into an outbox while nobody takes anything.
const OUTBOX: usize = 4;

/// A client while it lives.
pub(super) struct Life {
    name: DisplayName,
    rooms: Vec<Room>,
    habits: Habits,
    random: StdRng,
    phase: watch::Receiver<Phase>,
    board: Arc<Board>,
    progress: Arc<Progress>,
    /// What makes it the same person on its next connection.
    token: Option<String>,
    forgotten: u32,
    speaks_at: Instant,
    said: u64,
}

/// How one connection ended.
enum Ended {
    Over,
    Lost,
    /// The server asked to come back after this time.
    Restart(Duration),
}

/// A command that is not answered yet.
struct Awaited {
    id: u32,
    /// The room, as an index.
    room: usize,
    kind: Kind,
    since: Instant,
}

enum Kind {
    Join,
    Send,
    History,
}

impl Life {
    pub(super) fn new(
        name: DisplayName,
        room: RoomName,
        habits: Habits,
        seed: u64,
        board: Arc<Board>,
        progress: Arc<Progress>,
    ) -> Life {
        Life {
            name,
            rooms: vec![Room::new(room)],
            habits,
            random: StdRng::seed_from_u64(seed),
            phase: board.phase.subscribe(),
            board,
            progress,
            token: None,
            forgotten: 0,
            speaks_at: Instant::now(),
            said: 0,
        }
    }

    /// Lives until the board says that it is over.
    pub(super) async fn run(mut self) -> History {
        loop {
            let open = *self.board.open.borrow();
            let wait = match self.connect(open.http).await {
                Ok(mut link) => match self.converse(&mut link, open).await {
                    Ended::Over => break,
                    Ended::Lost => self.backoff(),
                    Ended::Restart(after) => after,
                },
                Err(Failure::Refused(Refusal::UnknownToken)) => {
                    self.token = None;
                    self.forgotten += 1;
                    self.backoff()
                }
                Err(_) => self.backoff(),
            };
            self.publish(false);
            let over = self.phase.wait_for(|phase| *phase == Phase::Over);
            if tokio::time::timeout(wait, over).await.is_ok() {
                break;
            }
        }
        let rooms = self.rooms.into_iter().map(|room| (room.name, room.history)).collect();
        History { client: self.name.to_string(), forgotten: self.forgotten, rooms }
    }

    fn backoff(&mut self) -> Duration {
        let longest = self.habits.backoff;
        self.random.random_range(longest / 8..=longest)
    }

    /// A connection as the person this client has been from its first one on.
    async fn connect(&mut self, address: SocketAddr) -> Result<Link, Failure> {
        let entering = async {
            match self.habits.way {
                Way::SocketIo(transport) => Link::by_socket_io(address, transport, &mut self.token).await,
                Way::Http { as_guest: true } => Link::by_http_as_guest(address).await,
                Way::Http { as_guest: false } => Link::by_http(address, &self.name, &mut self.token).await,
                Way::Lines => Err(lost("lines are a caller's")),
            }
        };
        let link = tokio::time::timeout(self.habits.patience, entering).await;
        link.map_err(|_| lost("no answer while connecting"))?
    }

    /// Lives on one connection until it or everything ends.
    async fn converse(&mut self, link: &mut Link, open: Open) -> Ended {
        self.board.connections.count();
        let mut awaited = VecDeque::new();
        for (at, room) in self.rooms.iter_mut().enumerate() {
            let since = Instant::now();
            let id = link.enter(&room.enter(link.local(), since));
            awaited.push_back(Awaited { id, room: at, kind: Kind::Join, since });
        }
        loop {
            self.send_wishes(link, &mut awaited);
            self.publish(true);
            let wake = self.wake(&awaited);
            tokio::select! {
                heard = link.hear() => match heard {
                    Ok(Heard::Answer { id, payload }) => {
                        let Some(at) = awaited.iter().position(|awaited| awaited.id == id) else { continue };
                        let Some(asked) = awaited.remove(at) else { continue };
                        if !self.answered(&asked, &payload, link, open) {
                            return Ended::Lost;
                        }
                    }
                    Ok(Heard::Event(told)) => {
                        if let Some(room) = self.rooms.iter_mut().find(|room| room.name == told.room) {
                            room.pushed(&told.event, Instant::now());
                        }
                    }
                    Ok(Heard::Heartbeat(told)) => {
                        if let Some(room) = self.rooms.iter_mut().find(|room| room.name == told.room) {
                            room.reaches(told.last);
                        }
                    }
                    Ok(Heard::Restart(restart)) => {
                        return Ended::Restart(Duration::from_millis(u64::from(restart.after)));
                    }
                    Err(_) => return Ended::Lost,
                },
                _ = self.phase.changed() => {}
                () = tokio::time::sleep_until(wake.into()) => self.speak(),
            }
            if *self.phase.borrow() == Phase::Over {
                self.rooms.iter_mut().for_each(Room::lasted);
                return Ended::Over;
            }
            let dead = |asked: &Awaited| asked.since.elapsed() >= self.habits.patience;
            if awaited.front().is_some_and(dead) {
                return Ended::Lost;
            }
        }
    }

    fn send_wishes(&mut self, link: &mut Link, awaited: &mut VecDeque<Awaited>) {
        let since = Instant::now();
        for (at, room) in self.rooms.iter_mut().enumerate() {
            while let Some(wish) = room.wish(since) {
                let (id, kind) = match wish {
                    Wish::Send(send) => (link.send(&send), Kind::Send),
                    Wish::History(history) => {
                        self.board.pages.count();
                        (link.history(&history), Kind::History)
                    }
                };
                awaited.push_back(Awaited { id, room: at, kind, since });
            }
        }
    }

    /// Takes an answer in; false when this connection is of no use any more.
    fn answered(&mut self, asked: &Awaited, payload: &RawValue, link: &mut Link, open: Open) -> bool {
        let (room, now) = (&mut self.rooms[asked.room], Instant::now());
        let refused = match asked.kind {
            Kind::Join => match answer::<Entered>(payload) {
                Ok(entered) => {
                    room.joined(&entered, now);
                    link.follow(&room.name, entered.last);
                    return true;
                }
                Err(failure) => failure,
            },
            Kind::Send => match answer::<Sent>(payload) {
                Ok(sent) => {
                    self.board.note_ack(open, now);
                    self.board.note_last(&room.name, sent.seq);
                    room.sent(Ok(&sent), now);
                    return true;
                }
                Err(failure) => failure,
            },
            Kind::History => match answer::<Page>(payload) {
                Ok(page) => {
                    room.page(Ok(&page), now);
                    return true;
                }
                Err(failure) => failure,
            },
        };
        self.board.refusals.count();
        match (refused, &asked.kind) {
            (Failure::Refused(refusal), Kind::Send) if refusal != Refusal::NotInRoom => {
                room.sent(Err(refusal), now);
                true
            }
            (Failure::Refused(refusal), Kind::History) if refusal != Refusal::NotInRoom => {
                room.page(Err(refusal), now);
                true
            }
            _ => false,
        }
    }

    /// When something is to be done although nothing comes in.
    fn wake(&self, awaited: &VecDeque<Awaited>) -> Instant {
        let mut wakes = vec![self.speaks_at];
        wakes.extend(awaited.front().map(|asked| asked.since + self.habits.patience));
        wakes.extend(self.rooms.iter().filter_map(Room::waits_until));
        wakes.into_iter().min().unwrap_or(self.speaks_at)
    }

    /// Says something, if it is time to.
    fn speak(&mut self) {
        let now = Instant::now();
        if now < self.speaks_at {
            return;
        }
        if *self.phase.borrow() != Phase::Speak {
            self.speaks_at = now + LOOK;
            return;
        }
        self.speaks_at = now + self.habits.pace.mul_f64(self.random.random_range(0.5..1.5));
        let at = self.random.random_range(0..self.rooms.len());
        if self.rooms[at].unsent() >= OUTBOX {
            return;
        }
        self.said += 1;
        let cid = Cid::parse(&format!("{}-{}", self.name, self.said));
        let body = Body::parse(&format!("{}: {}번째 말", self.name, self.said));
        if let (Ok(cid), Ok(body)) = (cid, body) {
            self.rooms[at].say(cid, body);
        }
    }

    fn publish(&self, connected: bool) {
        let all = |good: &dyn Fn(&Room) -> bool| connected && self.rooms.iter().all(good);
        let last = |room: &Room| self.board.last(&room.name);
        self.progress.sent.store(all(&|room| room.unsent() == 0), Ordering::Relaxed);
        self.progress.shown.store(all(&|room| room.has(last(room))), Ordering::Relaxed);
        self.progress.told.store(all(&|room| room.was_told(last(room))), Ordering::Relaxed);
    }
}
