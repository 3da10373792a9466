//! A client of the line protocol: one connection after the other, one message after the other.
//!
//! When a connection is lost it cannot know whether its last message was stored, and never sends it again:
//! plain lines carry no `cid` that the server could recognise. When idle it sends `/who`, because only that
//! shows a dead connection.

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

use super::{ClientOptions, POLL_INTERVAL, Progress, line_session::LineSession};
use crate::{
    controls::{Controls, Phase},
    history::{History, LineOutcome, RoomHistory},
    net::dial,
    server::ServerAddresses,
};

/// How long a connection may be idle before `/who` checks that it is alive.
const PROBE_AFTER: Duration = Duration::from_secs(1);

/// A running client.
pub(super) struct LineClient {
    name: DisplayName,
    room: RoomName,
    history: RoomHistory,
    options: ClientOptions,
    random: StdRng,
    phase: watch::Receiver<Phase>,
    controls: Arc<Controls>,
    progress: Arc<Progress>,
    next_message_at: Instant,
    sent_count: u64,
}

impl LineClient {
    pub(super) fn new(
        name: DisplayName,
        room: RoomName,
        options: ClientOptions,
        seed: u64,
        controls: Arc<Controls>,
        progress: Arc<Progress>,
    ) -> LineClient {
        LineClient {
            name,
            room,
            history: RoomHistory::default(),
            options,
            random: StdRng::seed_from_u64(seed),
            phase: controls.phase.subscribe(),
            controls,
            progress,
            next_message_at: Instant::now(),
            sent_count: 0,
        }
    }

    /// Connects over and over until the controls say `Stop`.
    pub(super) async fn run(mut self) -> History {
        while !self.is_stopped() {
            let addresses = *self.controls.addresses.borrow();
            if let Ok(Ok(connection)) = timeout(self.options.reply_timeout, Connection::open(addresses)).await
            {
                self.run_connection(connection, addresses).await;
            }
            self.publish_progress(None);
            let longest = self.options.max_backoff;
            let wait = self.random.random_range(longest / 8..=longest);
            // It times out, or the phase is `Stop` already; the loop checks.
            let _ = timeout(wait, self.phase.wait_for(|phase| *phase == Phase::Stop)).await;
        }
        let rooms = [(self.room, self.history)].into();
        History { client: self.name.to_string(), rooms, ..History::default() }
    }

    fn is_stopped(&self) -> bool {
        *self.phase.borrow() == Phase::Stop
    }

    /// Runs one connection, from its first line until it is lost or the campaign stops.
    async fn run_connection(&mut self, mut connection: Connection, addresses: ServerAddresses) {
        self.controls.connections.increment();
        let (mut session, join) = LineSession::start(&self.room, Instant::now());
        let mut last_received_at = Instant::now();
        let mut is_alive = connection.write(&join).await;
        while is_alive && !self.is_stopped() {
            let wake = session
                .reply_due_since()
                .map_or(self.next_message_at, |since| since + self.options.reply_timeout);
            tokio::select! {
                line = connection.next() => match line {
                    Some(line) => {
                        last_received_at = Instant::now();
                        match session.on_line(line, last_received_at) {
                            Some(LineOutcome::Accepted { at }) => self.controls.record_ack(addresses, at),
                            Some(LineOutcome::Refused(_)) => self.controls.refusals.increment(),
                            Some(LineOutcome::Unknown) | None => {}
                        }
                    }
                    None => is_alive = false,
                },
                _ = self.phase.changed() => {}
                () = sleep_until(wake.into()) => match session.reply_due_since() {
                    // The reply is overdue.
                    Some(_) => is_alive = false,
                    None => {
                        let text = self.next_text();
                        if text.is_some() || last_received_at.elapsed() >= PROBE_AFTER {
                            is_alive = connection.write(&session.send(text, Instant::now())).await;
                        }
                    }
                },
            }
            self.publish_progress(is_alive.then_some(&session));
        }
        self.history.line_connections.extend(session.end(is_alive));
    }

    /// Returns the text to send now, if one is due.
    fn next_text(&mut self) -> Option<Body> {
        let now = Instant::now();
        if *self.phase.borrow() != Phase::Send {
            self.next_message_at = now + POLL_INTERVAL;
            return None;
        }
        self.next_message_at = now + self.options.pace.mul_f64(self.random.random_range(0.5..1.5));
        self.sent_count += 1;
        // A cut line may be stored as its beginning, so no text may be a prefix of another.
        let tag: u32 = self.random.random();
        Body::parse(&format!("{tag:08x} {}: {}번째 줄", self.name, self.sent_count)).ok()
    }

    fn publish_progress(&self, session: Option<&LineSession>) {
        let has_sent = session.is_some_and(|session| !session.has_pending_message());
        let final_message = self.controls.final_message(&self.room);
        let shows_all = session.zip(final_message).is_some_and(|(session, text)| session.has_text(&text));
        self.progress.sent_all.store(has_sent, Ordering::Relaxed);
        self.progress.shown_all.store(shows_all, Ordering::Relaxed);
        self.progress.received_pushes.store(shows_all, Ordering::Relaxed);
    }
}

/// A TCP connection to the line transport.
struct Connection {
    incoming: BufReader<OwnedReadHalf>,
    /// The beginning of a line whose line break has not arrived.
    partial_line: Vec<u8>,
    outgoing: OwnedWriteHalf,
}

impl Connection {
    async fn open(addresses: ServerAddresses) -> std::io::Result<Connection> {
        let (incoming, outgoing) = dial(addresses.tcp).await?.into_split();
        Ok(Connection { incoming: BufReader::new(incoming), partial_line: Vec::new(), outgoing })
    }

    async fn write(&mut self, lines: &str) -> bool {
        self.outgoing.write_all(lines.as_bytes()).await.is_ok()
    }

    /// Returns the next line; `None` when the connection ended, even within a line. Cancel safe.
    async fn next(&mut self) -> Option<Line> {
        self.incoming.read_until(b'\n', &mut self.partial_line).await.ok()?;
        let line = std::mem::take(&mut self.partial_line);
        let line = String::from_utf8(line).ok()?;
        Some(Line::parse(line.strip_suffix('\n')?))
    }
}
