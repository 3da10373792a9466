//! The line transport: chat over plain TCP, for `nc host 3001`, a first TCP client, or a short
//! script.
//!
//! One task per connection reads lines, executes them and writes the room's events, one after the
//! other; so a peer that does not read is not read from either. Every client is a guest and in at most
//! one room; one that does not choose a room soon joins the lobby. The grammar is in [`common::line`].

mod commands;
mod input;
mod roster;
mod subscriber;

use std::{
    io,
    net::SocketAddr,
    ops::ControlFlow::{self, Break, Continue},
    sync::Arc,
    time::Duration,
};

use common::{
    line::{Line, LineCommand},
    room::RoomName,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use self::{
    commands::{LineSession, Outcome},
    input::{Input, InputItem},
    subscriber::{LineSubscriber, QueuedItem, encode_lines},
};
use super::listener::{ConnectionLimits, ConnectionPermit};
use crate::{
    chat::{Chat, identity::Credentials},
    error::Error,
};

/// How long a new client may choose a name and a room before it joins the lobby. A script does so
/// in its first lines, and the lobby should not see it join and leave.
const ROOM_CHOICE_TIME: Duration = Duration::from_millis(200);
/// After this time without a byte, an unfinished line counts as a line: the tutorial's TCP client sends no
/// line breaks.
const LINE_TIMEOUT: Duration = Duration::from_millis(200);
/// The same for the rest of a line that is too long: on a slow connection it takes longer to arrive,
/// and must not be taken for a new line.
const SKIPPED_LINE_TIMEOUT: Duration = Duration::from_secs(2);
/// How many clients join the lobby at the same time. A crowd waits here, so that it does not fill
/// the store's queue, which all transports share.
const MAX_CONCURRENT_JOINS: usize = 16;
/// The time a client has to read the goodbye when the server stops.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
/// The most bytes read, and the most queued items written, at once.
const READ_SIZE: usize = 4 * 1024;
const MAX_ITEMS_PER_WRITE: usize = 64;
/// The reason to end a connection whose queue was full.
const TOO_SLOW: &str = "it did not keep up";

/// The state shared by all connections. Cheap to clone.
#[derive(Clone)]
pub(super) struct LineTransport {
    chat: Chat,
    idle_timeout: Duration,
    join_permits: Arc<Semaphore>,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl LineTransport {
    pub(super) fn new(
        chat: Chat,
        idle_timeout: Duration,
        stop: CancellationToken,
        connections: TaskTracker,
    ) -> LineTransport {
        LineTransport {
            chat,
            idle_timeout,
            join_permits: Arc::new(Semaphore::new(MAX_CONCURRENT_JOINS)),
            stop,
            connections,
        }
    }

    /// Serves every accepted connection until the server stops.
    pub(super) async fn serve(self, listener: TcpListener, limits: ConnectionLimits) {
        let address = listener.local_addr().map_or_else(|error| error.to_string(), |at| at.to_string());
        info!("listening for lines on tcp://{address}");
        while let Some((stream, peer, permit)) = self.stop.run_until_cancelled(limits.accept(&listener)).await
        {
            self.connections.spawn(self.clone().serve_connection(stream, peer, permit));
        }
        info!("closed tcp://{address}");
    }

    /// Serves one connection from the greeting to its end.
    async fn serve_connection(self, mut stream: TcpStream, peer: SocketAddr, _permit: ConnectionPermit) {
        let authentication = async {
            self.chat.check_connection_rate(peer.ip())?;
            self.chat.authenticate(Credentials::default()).await
        };
        let identity = match authentication.await.map_err(Error::into_refusal) {
            Ok(identity) => identity,
            Err(refusal) => {
                debug!(%peer, "turned away: {refusal}");
                // The kernel's buffer has room for these bytes; an error means that the peer is gone.
                let _ = stream.write_all(encode_lines(&[Line::Refused(refusal)]).as_bytes()).await;
                return;
            }
        };
        info!(%peer, "connected");
        let subscriber = Arc::new(LineSubscriber::new());
        let session = self.chat.open_session(&identity, subscriber.clone(), peer.ip());
        let connection = Connection {
            stream,
            session: LineSession::new(session, subscriber.clone()),
            subscriber: subscriber.clone(),
            input: Input::default(),
            join_permits: self.join_permits.clone(),
            write_closed: false,
        };
        let reason = tokio::select! {
            reason = connection.run(&self) => reason,
            // Also while a write waits for a peer that does not read.
            () = subscriber.queue.closed() => TOO_SLOW,
            () = async {
                self.stop.cancelled().await;
                sleep(GOODBYE_TIMEOUT).await;
            } => "it did not take its goodbye",
        };
        info!(%peer, "disconnected: {reason}");
    }
}

/// One client's connection.
struct Connection {
    stream: TcpStream,
    session: LineSession,
    subscriber: Arc<LineSubscriber>,
    input: Input,
    join_permits: Arc<Semaphore>,
    /// Writing has failed. The lines received before are still executed, because a script may send
    /// its message and close at once.
    write_closed: bool,
}

impl Connection {
    /// Serves the connection until one side ends it; returns the reason.
    async fn run(mut self, LineTransport { idle_timeout, stop, .. }: &LineTransport) -> &'static str {
        self.write(&[self.session.greeting()]).await;
        let choice_deadline = Instant::now() + ROOM_CHOICE_TIME;
        let mut line_deadline = None;
        let mut idle_deadline = Instant::now() + *idle_timeout;
        loop {
            let line_timeout = async {
                match line_deadline {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => {
                    self.note("Madang is closing; come back in a moment.").await;
                    return "the server stops";
                }
                items = self.subscriber.queue.pop_many(MAX_ITEMS_PER_WRITE) => {
                    if items.is_empty() {
                        return TOO_SLOW;
                    }
                    self.show(&items).await;
                    idle_deadline = Instant::now() + *idle_timeout;
                }
                _ = self.stream.readable() => {
                    let is_at_end = self.read_input().is_break();
                    if let Break(reason) = self.execute_lines().await {
                        return reason;
                    }
                    if is_at_end {
                        return "it ended";
                    }
                    let now = Instant::now();
                    line_deadline = match self.input.is_skipping() {
                        true => Some(now + SKIPPED_LINE_TIMEOUT),
                        false => self.input.is_within_line().then_some(now + LINE_TIMEOUT),
                    };
                    idle_deadline = now + *idle_timeout;
                }
                () = line_timeout => {
                    line_deadline = None;
                    self.input.flush_after_pause();
                    if let Break(reason) = self.execute_lines().await {
                        return reason;
                    }
                }
                () = sleep_until(choice_deadline), if !self.session.has_chosen_room => self.go_to_lobby().await,
                () = sleep_until(idle_deadline) => {
                    self.note("Nothing was said for a long time. Goodbye.").await;
                    return "it was idle";
                }
            }
        }
    }

    /// Reads available bytes; `Break` at the end of the input.
    fn read_input(&mut self) -> ControlFlow<()> {
        let mut buffer = [0; READ_SIZE];
        match self.stream.try_read(&mut buffer) {
            Ok(read) if read > 0 => {
                self.input.push(&buffer[..read]);
                Continue(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Continue(()),
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Break(()),
            // A script that sends its message and closes without reading the greeting causes a
            // reset, although it did nothing wrong: handle it like a normal end.
            Ok(_) | Err(_) => {
                self.input.end();
                Break(())
            }
        }
    }

    /// Executes the complete lines; `Break` with the reason if the connection is to end.
    async fn execute_lines(&mut self) -> ControlFlow<&'static str> {
        while let Some(item) = self.input.next() {
            let command = match item {
                InputItem::Line(line) => LineCommand::parse(&line),
                InputItem::Invalid(refusal) => Err(refusal),
                InputItem::ForeignProtocol => return Break("it does not speak in lines"),
            };
            match command {
                Ok(None) => {}
                Ok(Some(command)) => self.execute(command).await?,
                Err(refusal) => {
                    let refused = self.session.refuse(refusal);
                    self.write(&[refused]).await;
                }
            }
            // A client that sends many lines must receive events in between, or its queue would overflow.
            self.show_queued().await;
        }
        Continue(())
    }

    /// Executes a command and writes the reply; `Break` with the reason if the connection is to end.
    async fn execute(&mut self, command: LineCommand) -> ControlFlow<&'static str> {
        if !self.session.has_chosen_room && !may_precede_room(&command) {
            self.go_to_lobby().await;
        }
        match self.session.execute(command).await {
            Ok(Outcome::Reply(lines)) => self.write(&lines).await,
            Ok(Outcome::Quit) => {
                self.note("Goodbye.").await;
                return Break("it said goodbye");
            }
            Err(error) => self.write(&[Line::Refused(error.into_refusal())]).await,
        }
        Continue(())
    }

    /// Joins the lobby, because no room was chosen in time or before the first message.
    async fn go_to_lobby(&mut self) {
        self.session.has_chosen_room = true;
        let lines = {
            let join_permits = self.join_permits.clone();
            // Released before writing, so that a client that does not read does not block the others.
            let _permit = join_permits.acquire().await;
            self.session
                .join(RoomName::lobby())
                .await
                .unwrap_or_else(|error| vec![Line::Refused(error.into_refusal())])
        };
        self.write(&lines).await;
    }

    async fn show_queued(&mut self) {
        let items = self.subscriber.queue.try_pop_many(MAX_ITEMS_PER_WRITE);
        self.show(&items).await;
    }

    async fn show(&mut self, items: &[Arc<QueuedItem>]) {
        let text = self.session.show(items);
        self.send(&text).await;
    }

    async fn note(&mut self, text: &str) {
        self.write(&[Line::Note(text.to_owned())]).await;
    }

    async fn write(&mut self, lines: &[Line]) {
        self.send(&encode_lines(lines)).await;
    }

    async fn send(&mut self, text: &str) {
        self.write_closed = self.write_closed || self.stream.write_all(text.as_bytes()).await.is_err();
    }
}

/// Whether a client may give this command before it is in a room; any other one takes it to the lobby.
fn may_precede_room(command: &LineCommand) -> bool {
    matches!(command, LineCommand::Name(_) | LineCommand::Join(_) | LineCommand::Help | LineCommand::Quit)
}
