//! A client of the line door: one call after the other, one message after the other.
//!
//! When a call is lost it does not know whether its last message was taken, and never says it again:
//! nothing at this door would recognise it. It also asks when it has nothing to say, because that is
//! how somebody with a line learns that it is dead.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use common::{line::Line, message::Body, person::DisplayName, room::RoomName};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::tcp::{OwnedReadHalf, OwnedWriteHalf},
    sync::watch,
    time::{Duration, sleep_until, timeout},
};

use super::{Habits, LOOK, Progress, call::Ongoing};
use crate::{
    board::{Board, Phase},
    history::{Fate, History, RoomHistory},
    line::dial,
    madang::Open,
};

/// How long somebody with nothing to say waits until asking whether the line is alive.
const SILENCE: Duration = Duration::from_secs(1);

/// A caller while it lives.
pub(super) struct Caller {
    name: DisplayName,
    room: RoomName,
    history: RoomHistory,
    habits: Habits,
    random: StdRng,
    phase: watch::Receiver<Phase>,
    board: Arc<Board>,
    progress: Arc<Progress>,
    speaks_at: Instant,
    said: u64,
}

impl Caller {
    pub(super) fn new(
        name: DisplayName,
        room: RoomName,
        habits: Habits,
        seed: u64,
        board: Arc<Board>,
        progress: Arc<Progress>,
    ) -> Caller {
        Caller {
            name,
            room,
            history: RoomHistory::default(),
            habits,
            random: StdRng::seed_from_u64(seed),
            phase: board.phase.subscribe(),
            board,
            progress,
            speaks_at: Instant::now(),
            said: 0,
        }
    }

    /// Calls until the board says that it is over.
    pub(super) async fn run(mut self) -> History {
        while !self.is_over() {
            let open = *self.board.open.borrow();
            if let Ok(Ok(wire)) = timeout(self.habits.patience, Wire::open(open)).await {
                self.call(wire, open).await;
            }
            self.publish(None);
            let longest = self.habits.backoff;
            let wait = self.random.random_range(longest / 8..=longest);
            // Over already, or not in this time; the loop looks itself.
            let _ = timeout(wait, self.phase.wait_for(|phase| *phase == Phase::Over)).await;
        }
        let rooms = [(self.room, self.history)].into();
        History { client: self.name.to_string(), rooms, ..History::default() }
    }

    fn is_over(&self) -> bool {
        *self.phase.borrow() == Phase::Over
    }

    /// One call, from its first line until it or everything ends.
    async fn call(&mut self, mut wire: Wire, open: Open) {
        self.board.connections.count();
        let (mut ongoing, join) = Ongoing::begin(&self.room, Instant::now());
        let mut heard_at = Instant::now();
        let mut is_alive = wire.write(&join).await;
        while is_alive && !self.is_over() {
            let wake = ongoing.waits_since().map_or(self.speaks_at, |since| since + self.habits.patience);
            tokio::select! {
                line = wire.next() => match line {
                    Some(line) => {
                        heard_at = Instant::now();
                        match ongoing.take_in(line, heard_at) {
                            Some(Fate::Taken { at }) => self.board.note_ack(open, at),
                            Some(Fate::Refused(_)) => self.board.refusals.count(),
                            Some(Fate::Unknown) | None => {}
                        }
                    }
                    None => is_alive = false,
                },
                _ = self.phase.changed() => {}
                () = sleep_until(wake.into()) => match ongoing.waits_since() {
                    // No answer in time.
                    Some(_) => is_alive = false,
                    None => {
                        let text = self.speak();
                        if text.is_some() || heard_at.elapsed() >= SILENCE {
                            is_alive = wire.write(&ongoing.say(text, Instant::now())).await;
                        }
                    }
                },
            }
            self.publish(is_alive.then_some(&ongoing));
        }
        self.history.calls.extend(ongoing.end(is_alive));
    }

    /// What is to be said now, if anything.
    fn speak(&mut self) -> Option<Body> {
        let now = Instant::now();
        if *self.phase.borrow() != Phase::Speak {
            self.speaks_at = now + LOOK;
            return None;
        }
        self.speaks_at = now + self.habits.pace.mul_f64(self.random.random_range(0.5..1.5));
        self.said += 1;
        // A line may be cut, and no beginning of one may be that of another.
        let mark: u32 = self.random.random();
        Body::parse(&format!("{mark:08x} {}: {}번째 줄", self.name, self.said)).ok()
    }

    fn publish(&self, ongoing: Option<&Ongoing>) {
        let has_sent = ongoing.is_some_and(|ongoing| !ongoing.waits_for_fate());
        let end = self.board.end(&self.room);
        let knows_all = ongoing.zip(end).is_some_and(|(ongoing, end)| ongoing.knows(&end));
        self.progress.sent.store(has_sent, Ordering::Relaxed);
        self.progress.shown.store(knows_all, Ordering::Relaxed);
        self.progress.told.store(knows_all, Ordering::Relaxed);
    }
}

/// A line in both directions.
struct Wire {
    incoming: BufReader<OwnedReadHalf>,
    /// The beginning of a line whose end has not come.
    begun: Vec<u8>,
    outgoing: OwnedWriteHalf,
}

impl Wire {
    async fn open(open: Open) -> std::io::Result<Wire> {
        let (incoming, outgoing) = dial(open.tcp).await?.into_split();
        Ok(Wire { incoming: BufReader::new(incoming), begun: Vec::new(), outgoing })
    }

    async fn write(&mut self, lines: &str) -> bool {
        self.outgoing.write_all(lines.as_bytes()).await.is_ok()
    }

    /// The next line; `None` when the line is dead, also in the middle of one. Cancel safe.
    async fn next(&mut self) -> Option<Line> {
        self.incoming.read_until(b'\n', &mut self.begun).await.ok()?;
        let line = std::mem::take(&mut self.begun);
        let line = String::from_utf8(line).ok()?;
        Some(Line::parse(line.strip_suffix('\n')?))
    }
}
