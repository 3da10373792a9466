//! The line transport: chat over plain TCP, for `nc host 3001`, a first TCP client, or a short
//! script.
//!
//! One task per connection reads lines, executes them and writes the room's events, one after the
//! other; so a peer that does not read is not read from either. A client above its rate limit is read later:
//! no line is dropped. Every client is a guest and in at most one room; one that does not choose a room soon
//! joins the lobby. The grammar is in [`common::line`].

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
    refusal::Refusal,
};
use futures_util::FutureExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, Interest},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use self::{
    commands::{LineSession, Outcome, RoomChoice},
    input::{Foreign, Input, InputItem},
    subscriber::{LineSubscriber, QueuedItem, encode_lines},
};
use super::{
    listener::{Accepted, ConnectionLimits},
    proxy::read_proxy_header,
};
use crate::{
    address::{ClientAddress, is_loopback},
    chat::{
        Chat,
        identity::{Credentials, Identity},
    },
    error::Error,
};

/// How long a new client may choose a name and a room before it joins the lobby. A script does so
/// in its first lines, and the lobby should not see it join and leave.
const ROOM_CHOICE_TIME: Duration = Duration::from_millis(200);
/// How often a connection that its address opened too fast tries again to be let in.
const ADMISSION_INTERVAL: Duration = Duration::from_millis(100);
/// How many clients join the lobby at the same time. A crowd waits here, so that it does not fill
/// the store's queue, which all transports share.
const MAX_CONCURRENT_JOINS: usize = 16;
/// The time a client has to read the goodbye when the server stops.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a client that is turned away may take to read the reason, and how much of its input is
/// discarded meanwhile: closing a connection with unread input destroys what the peer has not read yet.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_DISCARDED: u64 = 1024 * 1024;
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
        while let Some(accepted) = self.stop.run_until_cancelled(limits.accept(&listener)).await {
            self.connections.spawn(self.clone().serve_connection(accepted, limits.clone()));
        }
        info!("closed tcp://{address}");
    }

    /// Serves one connection from the greeting to its end.
    async fn serve_connection(self, accepted: Accepted, limits: ConnectionLimits) {
        let Accepted { mut stream, peer, number, permit: _permit } = accepted;
        let opening = self.stop.run_until_cancelled(find_client(&mut stream, peer, &limits)).await;
        let (address, input) = match opening {
            Some(Ok((address, input))) => (address.with_connection(number), input),
            Some(Err(error)) => return debug!(%peer, "closed: {error}"),
            None => return,
        };
        // The connection of any other client is counted already.
        let is_proxied = limits.proxies().contains(peer.ip());
        let permit = is_proxied.then(|| limits.try_acquire_address(address));
        if let Some(None) = permit {
            return debug!(%address, "too many connections");
        }
        let Some(admitted) = self.stop.run_until_cancelled(self.admit(address)).await else { return };
        let identity = match admitted.map_err(Error::into_refusal) {
            Ok(identity) => identity,
            Err(refusal) => {
                debug!(%address, "turned away: {refusal}");
                // The kernel's buffer has room for these bytes; an error means that the peer is gone.
                let _ = stream.write_all(encode_lines(&[Line::Refused(refusal)]).as_bytes()).await;
                return;
            }
        };
        info!(%address, port = peer.port(), "connected");
        let subscriber = Arc::new(LineSubscriber::new());
        let session = self.chat.open_session(&identity, subscriber.clone(), address);
        let connection = Connection {
            stream,
            session: LineSession::new(session, subscriber.clone()),
            subscriber: subscriber.clone(),
            input,
            is_input_ended: false,
            delayed: None,
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
        info!(%address, port = peer.port(), "disconnected: {reason}");
    }

    /// Authenticates a new client. One whose address opens connections too fast waits: a script that says
    /// something and closes never learns that it was refused.
    async fn admit(&self, address: ClientAddress) -> Result<Identity, Error> {
        let deadline = Instant::now() + self.idle_timeout;
        while let Err(refusal) = self.chat.check_connection_rate(address) {
            if refusal != Refusal::TooFast || Instant::now() >= deadline {
                return Err(refusal.into());
            }
            sleep(ADMISSION_INTERVAL).await;
        }
        self.chat.authenticate(Credentials::default()).await
    }
}

/// Returns the address of the client, which a trusted proxy names, and what the client has sent already.
async fn find_client(
    stream: &mut TcpStream,
    peer: SocketAddr,
    limits: &ConnectionLimits,
) -> io::Result<(ClientAddress, Input)> {
    let mut input = Input::default();
    if !limits.proxies().contains(peer.ip()) {
        return Ok((ClientAddress::new(peer.ip()), input));
    }
    // Programs on this machine talk to this port directly too, also if its address is listed for a proxy.
    let opening = read_proxy_header(stream, !is_loopback(peer.ip())).await?;
    if !opening.rest.is_empty() {
        input.push(&opening.rest);
    }
    Ok((opening.client.map_or(ClientAddress::of_proxy(peer.ip()), ClientAddress::new), input))
}

/// One client's connection.
struct Connection {
    stream: TcpStream,
    session: LineSession,
    subscriber: Arc<LineSubscriber>,
    input: Input,
    /// The peer has sent everything.
    is_input_ended: bool,
    /// A request above the rate limit, and when it is tried again. Until then nothing is read, so that the
    /// lines behind it wait in the kernel's buffer, whose size is bounded.
    delayed: Option<(Request, Instant)>,
    join_permits: Arc<Semaphore>,
    /// Writing has failed. The lines received before are still executed, because a script may send
    /// its message and close at once.
    write_closed: bool,
}

/// The moments at which a connection does something by itself.
struct Deadlines {
    idle_timeout: Duration,
    /// When a client that has named no room enters the lobby.
    choice: Instant,
    /// When a pause ends the unfinished line.
    pause: Option<Instant>,
    /// Something was read since `pause` was set.
    has_read: bool,
    /// When a connection without traffic is closed.
    idle: Instant,
    /// When the waiting lines of a peer that is gone are given up.
    gone: Option<Instant>,
}

impl Deadlines {
    fn new(idle_timeout: Duration) -> Deadlines {
        let now = Instant::now();
        Deadlines {
            idle_timeout,
            choice: now + ROOM_CHOICE_TIME,
            pause: None,
            // What came with the header of a proxy, if anything.
            has_read: true,
            idle: now + idle_timeout,
            gone: None,
        }
    }

    fn note_traffic(&mut self) {
        self.idle = Instant::now() + self.idle_timeout;
    }

    /// Follows what the connection has read and executed.
    fn update(&mut self, connection: &Connection) {
        let now = Instant::now();
        if connection.delayed.is_some() {
            // What waits is traffic as well, but not for ever.
            self.note_traffic();
            if self.gone.is_none() && connection.is_peer_gone() {
                self.gone = Some(now + self.idle_timeout);
            }
        } else if self.has_read {
            self.has_read = false;
            self.pause = connection.input.pause_that_ends_line().map(|pause| now + pause);
        }
    }
}

/// What a client wants from the chat.
enum Request {
    Command(LineCommand),
    /// To be told why its line is refused.
    Refuse {
        refusal: Refusal,
        is_join: bool,
    },
    /// To be in the lobby, as it has named no room.
    EnterLobby,
}

impl Connection {
    /// Serves the connection until one side ends it; returns the reason.
    async fn run(mut self, LineTransport { idle_timeout, stop, .. }: &LineTransport) -> &'static str {
        self.write(&[self.session.greeting()]).await;
        let mut deadlines = Deadlines::new(*idle_timeout);
        loop {
            if let Break(reason) = self.execute_lines().await {
                return reason;
            }
            if self.is_input_ended && self.delayed.is_none() {
                return "it ended";
            }
            deadlines.update(&self);
            let retry_at = self.delayed.as_ref().map(|(_, at)| *at);
            let is_delayed = retry_at.is_some();
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
                    deadlines.note_traffic();
                }
                () = sleep_until_some(retry_at) => {}
                () = sleep_until_some(deadlines.gone), if is_delayed => {
                    return "it is gone, and had sent too much";
                }
                _ = self.stream.readable(), if !is_delayed => {
                    self.read_input();
                    deadlines.note_traffic();
                    deadlines.has_read = true;
                }
                () = sleep_until_some(deadlines.pause), if !is_delayed => {
                    deadlines.pause = None;
                    self.input.flush_after_pause();
                }
                () = sleep_until(deadlines.choice), if !is_delayed && self.session.choice == RoomChoice::Open => {
                    self.delayed = Some((Request::EnterLobby, deadlines.choice));
                }
                () = sleep_until(deadlines.idle), if !is_delayed => {
                    self.note("Nothing was said for a long time. Goodbye.").await;
                    return "it was idle";
                }
            }
        }
    }

    /// Reads available bytes.
    fn read_input(&mut self) {
        let mut buffer = [0; READ_SIZE];
        match self.stream.try_read(&mut buffer) {
            Ok(read) if read > 0 => self.input.push(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // A script that sends its message and closes without reading the greeting causes a
            // reset, although it did nothing wrong: handle it like a normal end.
            Ok(_) => self.end_input(),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => self.end_input(),
            Err(_) => self.is_input_ended = true,
        }
    }

    fn end_input(&mut self) {
        self.input.end();
        self.is_input_ended = true;
    }

    /// Whether the peer has closed the connection, and not only its sending half.
    fn is_peer_gone(&self) -> bool {
        let ready = self.stream.ready(Interest::READABLE | Interest::WRITABLE).now_or_never();
        self.write_closed || matches!(ready, Some(Ok(ready)) if ready.is_write_closed())
    }

    /// Executes the lines that were received, until one has to wait for the rate limit; `Break` with the reason
    /// if the connection is to end.
    async fn execute_lines(&mut self) -> ControlFlow<&'static str> {
        while let Some(request) = self.next_request().await? {
            match self.execute(&request).await {
                Ok(Outcome::Reply(lines)) => self.write(&lines).await,
                Ok(Outcome::Quit) => {
                    self.note("Goodbye.").await;
                    return Break("it said goodbye");
                }
                Err(error) => match error.into_refusal() {
                    Refusal::TooFast => {
                        self.delayed = Some((request, Instant::now() + self.session.retry_delay()));
                    }
                    refusal => self.write(&[Line::Refused(refusal)]).await,
                },
            }
            // A client that sends many lines must receive events in between, or its queue would overflow.
            self.show_queued().await;
        }
        Continue(())
    }

    /// Returns the next request, unless one has to wait; `Break` with the reason if the connection is to end.
    async fn next_request(&mut self) -> ControlFlow<&'static str, Option<Request>> {
        if let Some((_, at)) = &self.delayed {
            let is_due = *at <= Instant::now();
            return Continue(if is_due { self.delayed.take().map(|(request, _)| request) } else { None });
        }
        while let Some(item) = self.input.next() {
            let (command, is_join) = match item {
                InputItem::Line(line) => (LineCommand::parse(&line), LineCommand::is_join(&line)),
                InputItem::Invalid(refusal) => (Err(refusal), false),
                InputItem::Foreign(foreign) => {
                    self.turn_away(foreign).await;
                    return Break("it does not speak in lines");
                }
            };
            match command {
                Ok(None) => {}
                Ok(Some(command)) => return Continue(Some(Request::Command(command))),
                Err(refusal) => return Continue(Some(Request::Refuse { refusal, is_join })),
            }
        }
        Continue(None)
    }

    async fn execute(&mut self, request: &Request) -> Result<Outcome, Error> {
        let lines = match request {
            Request::Command(command) => {
                if self.session.choice == RoomChoice::Open && !may_precede_room(command) {
                    let lines = self.enter_lobby().await?;
                    self.write(&lines).await;
                }
                return self.session.execute(command).await;
            }
            Request::Refuse { refusal, is_join } => self.session.refuse(*refusal, *is_join)?,
            Request::EnterLobby => self.enter_lobby().await?,
        };
        Ok(Outcome::Reply(lines))
    }

    /// Joins the lobby, because no room was chosen in time or before the first message.
    async fn enter_lobby(&mut self) -> Result<Vec<Line>, Error> {
        let join_permits = self.join_permits.clone();
        // Released before writing, so that a client that does not read does not block the others.
        let _permit = join_permits.acquire().await;
        self.session.enter_lobby().await
    }

    /// Tells a client that sends no lines why its connection ends.
    async fn turn_away(&mut self, foreign: Foreign) {
        let (refusal, reason) = foreign.reason();
        self.write(&[Line::Refused(refusal), Line::Note(reason.to_owned())]).await;
        let linger = async {
            self.stream.shutdown().await?;
            tokio::io::copy(&mut (&mut self.stream).take(MAX_DISCARDED), &mut tokio::io::sink()).await
        };
        // It may be gone, or not end in time.
        let _ = timeout(LINGER_TIMEOUT, linger).await;
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

/// Sleeps until `moment`; never returns for `None`.
async fn sleep_until_some(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// Whether a client may give this command before it is in a room; any other one takes it to the lobby.
fn may_precede_room(command: &LineCommand) -> bool {
    matches!(command, LineCommand::Name(_) | LineCommand::Join(_) | LineCommand::Help | LineCommand::Quit)
}
