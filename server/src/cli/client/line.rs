//! The client over TCP: the line protocol, with `/send` so that each message gets a reply.
//!
//! After joining, the server shows the last messages without their numbers. After a reconnect, the
//! client finds those it has already shown by comparing their text.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, anyhow};
use common::{
    backoff::Backoff,
    line::{Line, render::sanitize},
    message::Body,
    person::{DisplayName, PersonId},
    refusal::Refusal,
};
use futures_util::StreamExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::codec::{FramedRead, LinesCodec};

use super::{
    ClientCommand, ClientError, ClientEvent, ConnectOptions, HISTORY_ON_JOIN, Message, RECONNECT, next_delay,
};
use crate::cli::sleep_until_some;

/// The timeout for connecting and for joining the room, each.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often to send an empty line; the server closes a connection after ten minutes of silence.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(4 * 60);
/// The delay before repeating a message that was refused for the moment.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// The timeout for the reply to a message, and the TCP keepalive time.
const REPLY_TIMEOUT: Duration = Duration::from_secs(20);
/// The longest line in bytes: a name, a message and the separators.
const MAX_LINE: usize = 32 * 1024;
/// The server's reply to `/quit`.
const GOODBYE: &str = "Goodbye.";

/// Runs a client over TCP until it ends.
pub(super) async fn run(
    options: ConnectOptions,
    commands: mpsc::Receiver<ClientCommand>,
    events: mpsc::Sender<ClientEvent>,
) {
    let name = options.name.clone().unwrap_or_else(|| DisplayName::for_guest(PersonId(rand::random())));
    let mut client = LineClient {
        options,
        name,
        commands,
        events,
        pending: None,
        delivery: Delivery::Queued,
        shown: VecDeque::new(),
        was_connected: false,
    };
    let mut backoff = RECONNECT;
    loop {
        match client.run_connection(&mut backoff).await {
            Ok(()) => return,
            Err(ClientError::Refused(refusal)) if !refusal.is_retryable() => {
                client.emit(ClientEvent::Closed(refusal.sentence().to_owned())).await;
                return;
            }
            Err(ClientError::Refused(refusal)) => {
                client.emit(ClientEvent::Offline(refusal.sentence().to_owned())).await;
            }
            Err(ClientError::Connection(error)) => {
                client.emit(ClientEvent::Offline(format!("{error:#}"))).await;
            }
        }
        if !client.wait_to_reconnect(next_delay(&mut backoff)).await {
            return;
        }
    }
}

struct LineClient {
    options: ConnectOptions,
    name: DisplayName,
    commands: mpsc::Receiver<ClientCommand>,
    events: mpsc::Sender<ClientEvent>,
    /// The message that has no final reply yet.
    pending: Option<Message>,
    delivery: Delivery,
    /// The last messages that were shown, including this client's own, without labels.
    shown: VecDeque<Vec<Line>>,
    /// Whether there was a connection before, so that the history is compared with `shown`.
    was_connected: bool,
}

/// The delivery state of the pending message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Delivery {
    Queued,
    /// It was sent and may be in the log.
    Sent,
    /// It was seen in the history after a reconnect, so it is in the log; its reply was lost.
    Shown,
}

/// One connection.
struct Connection {
    lines: FramedRead<OwnedReadHalf, LinesCodec>,
    writer: OwnedWriteHalf,
}

impl Connection {
    async fn open(options: &ConnectOptions) -> anyhow::Result<Connection> {
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(options.address.authority())).await;
        let connected = connecting.map_err(|_| anyhow!("it does not answer")).and_then(|stream| Ok(stream?));
        let stream = connected.with_context(|| format!("connecting to {}", options.address))?;
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(REPLY_TIMEOUT).with_interval(REPLY_TIMEOUT / 4);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        let (reader, writer) = stream.into_split();
        Ok(Connection { lines: FramedRead::new(reader, LinesCodec::new_with_max_length(MAX_LINE)), writer })
    }

    async fn write(&mut self, line: &str) -> anyhow::Result<()> {
        self.writer.write_all(format!("{line}\n").as_bytes()).await.map_err(|_| connection_broken())
    }

    /// Reads the next line. Cancel-safe.
    async fn read(&mut self) -> anyhow::Result<Line> {
        let line = self.lines.next().await.context("the server closed the connection")?;
        Ok(Line::parse(&line.map_err(|_| connection_broken())?))
    }
}

impl LineClient {
    /// Opens a connection and runs it to its end; `Ok` if there are no more commands.
    async fn run_connection(&mut self, backoff: &mut Backoff) -> Result<(), ClientError> {
        let mut connection = Connection::open(&self.options).await?;
        let history = timeout(CONNECT_TIMEOUT, self.join(&mut connection)).await;
        let history = history.map_err(|_| anyhow!("{} does not let us in", self.options.address))??;
        self.show_history(history).await;
        self.emit(ClientEvent::Online { me: self.name.clone() }).await;
        backoff.reset();
        // A message that was pending when the connection broke is sent again.
        let mut send_at = self.pending.is_some().then(Instant::now);
        let mut reply_deadline = None;
        let mut keepalive_at = Instant::now() + KEEPALIVE_INTERVAL;
        loop {
            tokio::select! {
                line = connection.read() => {
                    if self.handle(line?).await {
                        send_at = Some(Instant::now() + RETRY_DELAY);
                    }
                }
                () = sleep_until_some(reply_deadline), if self.pending.is_some() && send_at.is_none() => {
                    return Err(anyhow!("the server does not answer").into());
                }
                () = sleep_until_some(send_at) => {
                    send_at = None;
                    reply_deadline = Some(Instant::now() + REPLY_TIMEOUT);
                    if let Some(Message { cid, body }) = &self.pending {
                        self.delivery = self.delivery.max(Delivery::Sent);
                        connection.write(&format!("/send {} {body}", cid.as_str())).await?;
                    }
                }
                command = self.commands.recv(), if self.pending.is_none() => match command {
                    None => return self.quit(connection).await,
                    Some(ClientCommand::Send(message)) => {
                        self.set_pending(message);
                        send_at = Some(Instant::now());
                    }
                    Some(ClientCommand::Rename(name)) => {
                        connection.write(&format!("/name {name}")).await?;
                        self.name = name;
                        self.emit(ClientEvent::Online { me: self.name.clone() }).await;
                    }
                    Some(ClientCommand::Who) => connection.write("/who").await?,
                    Some(ClientCommand::History(limit)) => connection.write(&format!("/history {limit}")).await?,
                },
                () = sleep_until(keepalive_at) => {
                    keepalive_at = Instant::now() + KEEPALIVE_INTERVAL;
                    connection.write("").await?;
                }
            }
        }
    }

    /// Waits before reconnecting; returns false if there are no more commands.
    async fn wait_to_reconnect(&mut self, delay: Duration) -> bool {
        let deadline = Instant::now() + delay;
        loop {
            tokio::select! {
                () = sleep_until(deadline) => return true,
                command = self.commands.recv(), if self.pending.is_none() => match command {
                    None => return false,
                    Some(ClientCommand::Send(message)) => self.set_pending(message),
                    Some(ClientCommand::Rename(name)) => self.name = name,
                    // The answer would come too late, so these commands are refused instead of queued.
                    Some(ClientCommand::Who | ClientCommand::History(_)) => {
                        self.emit(ClientEvent::Notes(vec![Line::Refused(Refusal::Unavailable)])).await;
                    }
                },
            }
        }
    }

    fn set_pending(&mut self, message: Message) {
        self.pending = Some(message);
        self.delivery = Delivery::Queued;
    }

    /// Sends the name, joins the room and returns its last messages.
    async fn join(&mut self, connection: &mut Connection) -> Result<Vec<Line>, ClientError> {
        let room = &self.options.room;
        connection.write(&format!("/name {}\n/join {room}", self.name)).await?;
        let (rename_reply, join_reply) = (rename_reply(&self.name), format!("You are in {room}; "));
        let (mut is_named, mut history) = (false, Vec::new());
        loop {
            match connection.read().await? {
                Line::Note(note) if is_named && note.starts_with(&join_reply) => return Ok(history),
                Line::Refused(refusal) => return Err(refusal.into()),
                line @ (Line::Message { old: true, .. } | Line::Continuation { old: true, .. }) => {
                    history.push(line);
                }
                // The server puts a connection into the lobby if its first line is slow, so lines
                // before this one may be those of the lobby.
                line => {
                    is_named = is_named || line == Line::Note(rename_reply.clone());
                    history.clear();
                }
            }
        }
    }

    /// Emits the room's last messages; after a reconnect, only those that were not shown yet.
    async fn show_history(&mut self, history: Vec<Line>) {
        if !std::mem::replace(&mut self.was_connected, true) {
            self.emit(ClientEvent::History(history)).await;
            return;
        }
        let messages = group_messages(history.into_iter().map(as_new));
        let unlabelled: Vec<Vec<Line>> = messages.iter().map(|lines| without_labels(lines)).collect();
        let known = overlap(self.shown.make_contiguous(), &unlabelled);
        if known == 0 && messages.len() >= HISTORY_ON_JOIN as usize {
            let note = "More may have been said in between; /history shows it.".to_owned();
            self.emit(ClientEvent::Notes(vec![Line::Note(note)])).await;
        }
        for mut message in messages.into_iter().skip(known) {
            let is_mine = self.delivery == Delivery::Sent && self.is_pending_message(&message);
            if is_mine {
                self.delivery = Delivery::Shown;
                message = without_labels(&message);
            }
            self.show(message, is_mine).await;
        }
    }

    fn is_pending_message(&self, lines: &[Line]) -> bool {
        self.pending
            .as_ref()
            .is_some_and(|message| without_labels(lines) == message_lines(&self.name, &message.body))
    }

    /// Handles a line; returns whether the pending message must be sent again.
    async fn handle(&mut self, line: Line) -> bool {
        match line {
            Line::Reply { cid, result } => {
                let Some(message) = self.pending.take_if(|message| message.cid == cid) else { return false };
                match result {
                    Ok(_) => {
                        if self.delivery != Delivery::Shown {
                            self.show(message_lines(&self.name, &message.body), true).await;
                        }
                        self.emit(ClientEvent::Delivered(cid)).await;
                    }
                    Err(refusal) if refusal.is_retryable() => {
                        self.pending = Some(message);
                        self.emit(ClientEvent::Retrying(refusal)).await;
                        return true;
                    }
                    Err(refusal) => self.emit(ClientEvent::Refused(cid, refusal)).await,
                }
            }
            line @ Line::Message { old: false, .. } => self.show(vec![line], false).await,
            line @ Line::Continuation { old: false, .. } => {
                if let Some(last) = self.shown.back_mut() {
                    last.push(line.clone());
                }
                self.emit(ClientEvent::Message { lines: vec![line], is_mine: false }).await;
            }
            // The reply to the `/quit` of the client, not of the user.
            Line::Note(note) if note == GOODBYE => {}
            line => self.emit(ClientEvent::Notes(vec![line])).await,
        }
        false
    }

    /// Sends `/quit` and handles the replies to earlier commands.
    async fn quit(&mut self, mut connection: Connection) -> Result<(), ClientError> {
        connection.write("/quit").await?;
        while let Ok(Ok(line)) = timeout(CONNECT_TIMEOUT, connection.read()).await {
            self.handle(line).await;
        }
        Ok(())
    }

    /// Emits a message and adds it to `shown`.
    async fn show(&mut self, lines: Vec<Line>, is_mine: bool) {
        self.shown.push_back(without_labels(&lines));
        if self.shown.len() > HISTORY_ON_JOIN as usize {
            self.shown.pop_front();
        }
        self.emit(ClientEvent::Message { lines, is_mine }).await;
    }

    async fn emit(&self, event: ClientEvent) {
        // If the receiver is gone, the command channel is closed as well, which ends the client.
        let _ = self.events.send(event).await;
    }
}

/// Returns the error for a broken connection, without the operating system's reason.
fn connection_broken() -> anyhow::Error {
    anyhow!("the connection broke")
}

/// Returns the server's reply to `/name`.
fn rename_reply(name: &DisplayName) -> String {
    format!("You are now {name}.")
}

/// Returns a single-line message as the server shows it to others.
fn message_lines(name: &DisplayName, body: &Body) -> Vec<Line> {
    vec![Line::Message {
        old: false,
        name: sanitize(name.as_str()),
        label: String::new(),
        text: sanitize(body.as_str()),
    }]
}

/// Removes the mark of the history from a line.
fn as_new(line: Line) -> Line {
    match line {
        Line::Message { name, label, text, .. } => Line::Message { old: false, name, label, text },
        Line::Continuation { text, .. } => Line::Continuation { old: false, text },
        other => other,
    }
}

/// Removes the labels, which can differ each time that a message is shown.
fn without_labels(lines: &[Line]) -> Vec<Line> {
    lines.iter().cloned().map(Line::without_label).collect()
}

/// Groups lines into messages.
fn group_messages(lines: impl Iterator<Item = Line>) -> Vec<Vec<Line>> {
    let mut messages: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match (&line, messages.last_mut()) {
            (Line::Continuation { .. }, Some(last)) => last.push(line),
            _ => messages.push(vec![line]),
        }
    }
    messages
}

/// Returns how many of the first messages of `latest` are at the end of `shown`.
fn overlap(shown: &[Vec<Line>], latest: &[Vec<Line>]) -> usize {
    let max = shown.len().min(latest.len());
    (0..=max).rev().find(|count| shown.ends_with(&latest[..*count])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Vec<Line> {
        vec![Line::Message {
            old: false,
            name: "지은".to_owned(),
            label: String::new(),
            text: text.to_owned(),
        }]
    }

    #[test]
    fn messages_that_were_shown_are_recognised_and_the_rest_is_new() {
        let all: Vec<Vec<Line>> = ["a", "b", "b", "c", "d"].map(message).into();
        assert_eq!(overlap(&all[..3], &all[1..]), 2);
        assert_eq!(overlap(&all[..3], &all[3..]), 0);
        assert_eq!(overlap(&all[2..], &all[2..]), 3);
        assert_eq!(overlap(&[], &all), 0);
    }
}
