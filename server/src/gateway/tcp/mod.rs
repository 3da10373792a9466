//! The line door: `nc host 3001`, a pupil's first TCP client, a script of two lines.
//!
//! One task for each connection reads lines, carries them out and writes what the room says, in one
//! order; so a peer that does not read is not read either. Somebody here is a guest, in one room at
//! a time, and in the lobby who does not choose one at once. The grammar is [`common::line`]'s.

mod company;
mod ear;
mod input;

use std::{
    io,
    net::SocketAddr,
    ops::ControlFlow::{self, Break, Continue},
    sync::Arc,
    time::Duration,
};

use common::{
    event::{Command, Event, History, Leave, Page, Rename, Reply},
    line::{Line, Wish},
    message::Seq,
    person::PersonId,
    refusal::Refusal,
    room::RoomName,
};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use self::{
    company::Company,
    ear::{Ear, Heard},
    input::{Input, Piece},
};
use super::entrance::{Caps, Place};
use crate::{
    chat::{Chat, people::Claim, session::Session},
    failure::Failure,
};

/// How long somebody who has come may choose a name and a room, before they are in the lobby. A
/// script does it in its first lines, and nobody there needs to see it come and go.
const CHOICE: Duration = Duration::from_millis(200);
/// After this time without a byte, what was written is a line: the tutorial's client ends none.
const QUIET: Duration = Duration::from_millis(200);
/// The same for what is thrown away, because it was too long: on a slow line the rest of it takes a
/// while, and must not be taken for something new.
const QUIET_AT_LAST: Duration = Duration::from_secs(2);
/// How many of the last messages somebody sees who joins.
const LATEST: usize = 10;
/// How many find their room at once. A crowd waits at this door, not at the store that all share.
const GREETINGS: usize = 16;
/// How long a goodbye may take when the server stops.
const GOODBYE: Duration = Duration::from_secs(1);
/// How much is read, and how many notices are written, at once.
const CHUNK: usize = 4 * 1024;
const BATCH: usize = 64;

/// What every line needs to know. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines {
    chat: Chat,
    idle: Duration,
    greetings: Arc<Semaphore>,
    stop: CancellationToken,
    connections: TaskTracker,
}

impl Lines {
    pub(super) fn new(
        chat: Chat,
        idle: Duration,
        stop: CancellationToken,
        connections: TaskTracker,
    ) -> Lines {
        Lines { chat, idle, greetings: Arc::new(Semaphore::new(GREETINGS)), stop, connections }
    }

    /// Talks with everybody who connects, until the server stops.
    pub(super) async fn serve(self, listener: TcpListener, caps: Caps) {
        let address = listener.local_addr().map_or_else(|error| error.to_string(), |at| at.to_string());
        info!("listening for lines on tcp://{address}");
        while let Some((stream, peer, place)) = self.stop.run_until_cancelled(caps.accept(&listener)).await {
            self.connections.spawn(self.clone().talk(stream, peer, place));
        }
        info!("closed tcp://{address}");
    }

    /// One connection from its greeting to its end.
    async fn talk(self, mut stream: TcpStream, peer: SocketAddr, _place: Place) {
        let entering = async {
            self.chat.knock(peer.ip())?;
            self.chat.identify(Claim::default()).await
        };
        let identity = match entering.await.map_err(Failure::tell) {
            Ok(identity) => identity,
            Err(refusal) => {
                debug!(%peer, "turned away: {refusal}");
                // A few bytes: the kernel takes them, or the peer is gone.
                let _ = stream.write_all(ear::text(&[Line::Refused(refusal)]).as_bytes()).await;
                return;
            }
        };
        info!(%peer, "connected");
        let (ear, heard) = Ear::new();
        let session = self.chat.enter(&identity, ear.clone(), peer.ip());
        let me = identity.person.id;
        let conversation = Conversation {
            stream,
            session,
            me,
            ear: ear.clone(),
            heard,
            input: Input::default(),
            greetings: self.greetings.clone(),
            has_chosen: false,
            inside: None,
            is_deaf: false,
        };
        let why = tokio::select! {
            why = conversation.hold(&self) => why,
            () = ear.cut.cancelled() => "it did not keep up",
            () = async { self.stop.cancelled().await; sleep(GOODBYE).await } => "it did not take its goodbye",
        };
        info!(%peer, "disconnected: {why}");
    }
}

/// One connection.
struct Conversation {
    stream: TcpStream,
    session: Session,
    me: PersonId,
    ear: Arc<Ear>,
    heard: mpsc::Receiver<Arc<Heard>>,
    input: Input,
    greetings: Arc<Semaphore>,
    /// A room was chosen, or else it was the lobby.
    has_chosen: bool,
    inside: Option<Inside>,
    /// Nothing reaches the peer any more. What it said before is still carried out: a script writes
    /// its line and is gone.
    is_deaf: bool,
}

/// The room this connection is in.
struct Inside {
    room: RoomName,
    /// The last event that was shown. What is told may have been in the page of the join.
    shown: Seq,
    company: Company,
}

impl Conversation {
    /// Talks until one of both ends it, and says why.
    async fn hold(mut self, Lines { idle, stop, .. }: &Lines) -> &'static str {
        let name = self.session.person().name;
        self.note(&format!("Welcome to Madang, {name}. A line is a message; /help tells more.")).await;
        let choose_until = Instant::now() + CHOICE;
        let mut quiet_at = None;
        let mut idle_at = Instant::now() + *idle;
        loop {
            let quiet = async {
                match quiet_at {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let mut batch = Vec::new();
            tokio::select! {
                () = stop.cancelled() => {
                    self.note("Madang is closing; come back in a moment.").await;
                    return "the server stops";
                }
                _ = self.heard.recv_many(&mut batch, BATCH) => {
                    self.ear.took(&batch);
                    self.show(&batch).await;
                    idle_at = Instant::now() + *idle;
                }
                _ = self.stream.readable() => {
                    let is_over = self.read().is_break();
                    if let Break(why) = self.carry_out().await {
                        return why;
                    }
                    if is_over {
                        return "it ended";
                    }
                    let now = Instant::now();
                    quiet_at = match self.input.is_skipping() {
                        true => Some(now + QUIET_AT_LAST),
                        false => self.input.is_within_line().then_some(now + QUIET),
                    };
                    idle_at = now + *idle;
                }
                () = quiet => {
                    quiet_at = None;
                    self.input.pause();
                    if let Break(why) = self.carry_out().await {
                        return why;
                    }
                }
                () = sleep_until(choose_until), if !self.has_chosen => self.go_to_lobby().await,
                () = sleep_until(idle_at) => {
                    self.note("Nothing was said for a long time. Goodbye.").await;
                    return "it was idle";
                }
            }
        }
    }

    /// Nothing was chosen, or something was said before it was.
    async fn go_to_lobby(&mut self) {
        self.has_chosen = true;
        let lines = {
            let greetings = self.greetings.clone();
            // Not while writing: who does not read must not hold up the others.
            let _turn = greetings.acquire().await;
            self.join(RoomName::lobby()).await.unwrap_or_else(|failure| vec![Line::Refused(failure.tell())])
        };
        self.write(&lines).await;
    }

    /// Takes what came, or learns that nothing will come any more.
    fn read(&mut self) -> ControlFlow<()> {
        let mut chunk = [0; CHUNK];
        match self.stream.try_read(&mut chunk) {
            Ok(read) if read > 0 => {
                self.input.push(&chunk[..read]);
                Continue(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Continue(()),
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => Break(()),
            // A program that says its word and ends without having read its greeting resets the
            // connection, and can not know it: that is an end like any other.
            Ok(_) | Err(_) => {
                self.input.end();
                Break(())
            }
        }
    }

    /// Carries out the lines that came; the reason when the connection is to end.
    async fn carry_out(&mut self) -> ControlFlow<&'static str> {
        while let Some(piece) = self.input.next() {
            let wish = match piece {
                Piece::Line(line) => Wish::parse(&line),
                Piece::Unusable(refusal) => Err(refusal),
                Piece::Stranger => return Break("it does not speak in lines"),
            };
            match wish {
                Ok(None) => {}
                Ok(Some(Wish::Quit)) => {
                    self.note("Goodbye.").await;
                    return Break("it said goodbye");
                }
                Ok(Some(wish)) => {
                    let chooses = matches!(wish, Wish::Name(_) | Wish::Join(_) | Wish::Help);
                    if !self.has_chosen && !chooses {
                        self.go_to_lobby().await;
                    }
                    let granted = self.grant(wish).await;
                    let lines = granted.unwrap_or_else(|failure| vec![Line::Refused(failure.tell())]);
                    self.write(&lines).await;
                }
                Err(refusal) => {
                    let refusal = self.session.ask().err().unwrap_or(refusal);
                    self.write(&[Line::Refused(refusal)]).await;
                }
            }
            // Who says much at once hears the others in between, or would soon be too far behind.
            self.show_what_waits().await;
        }
        Continue(())
    }

    /// Does what is wished; tells what there is to say about it.
    async fn grant(&mut self, wish: Wish) -> Result<Vec<Line>, Failure> {
        match wish {
            Wish::Say(body) => self.session.say(body).await.map(|_| Vec::new()),
            Wish::Send(cid, body) => {
                let sent = self.session.say_once(cid.clone(), body).await;
                Ok(vec![Line::Answer { cid, sent: sent.map(|sent| sent.seq).map_err(Failure::tell) }])
            }
            Wish::Join(room) => self.join(room).await,
            Wish::Leave => {
                let room = self.room()?;
                self.session.handle(Command::Leave(Leave { room: room.clone() })).await?;
                self.inside = None;
                Ok(notes([format!("You left {room}. /join ROOM goes into another.")]))
            }
            Wish::Name(name) => {
                self.session.handle(Command::Rename(Rename { name })).await?;
                Ok(notes([format!("You are now {}.", self.session.person().name)]))
            }
            Wish::Who => {
                let room = self.room()?;
                self.session.ask()?;
                let present = self.session.glance(&room, company::KNOWN)?;
                Ok(notes([format!("In {room} {}.", company::say(self.me, &present))]))
            }
            Wish::History(limit) => self.history(limit).await,
            Wish::Help => {
                self.session.ask()?;
                Ok(notes(Wish::HELP))
            }
            // Ends the conversation, which is not for here.
            Wish::Quit => Ok(Vec::new()),
        }
    }

    /// Goes into a room, and then out of the one before. When that fails, nothing changes.
    async fn join(&mut self, room: RoomName) -> Result<Vec<Line>, Failure> {
        // Nobody who comes while we do may be missed.
        self.ear.mind_people(true);
        let walked = self.walk_to(room).await;
        self.ear.mind_people(self.inside.as_ref().is_some_and(|inside| !inside.company.is_crowd()));
        walked
    }

    async fn walk_to(&mut self, room: RoomName) -> Result<Vec<Line>, Failure> {
        let Page { events, .. } = self.session.walk_to(room.clone()).await?;
        let present = self.session.glance(&room, company::KNOWN)?;
        let mut lines = old(&events[events.len().saturating_sub(LATEST)..]);
        lines.push(Line::Note(format!("You are in {room}; {}.", company::say(self.me, &present))));
        let last = events.last().map_or(Seq(0), |event| event.seq);
        // Who was here already has not been shown all of it yet: some still waits in the queue.
        let stayed = self.inside.as_ref().filter(|inside| inside.room == room);
        let shown = stayed.map_or(last, |inside| inside.shown);
        self.inside = Some(Inside { room, shown, company: Company::new(self.me, present) });
        self.has_chosen = true;
        Ok(lines)
    }

    async fn history(&mut self, limit: u32) -> Result<Vec<Line>, Failure> {
        let before = Some(Seq(u64::MAX));
        let history = History { room: self.room()?, before, after: None, around: None, limit: Some(limit) };
        let Reply::Page(page) = self.session.handle(Command::History(history)).await? else {
            return Err(Refusal::Internal.into());
        };
        let mut lines = old(&page.events);
        lines.push(Line::Note(match page.more_before {
            true => "There is more before these.".to_owned(),
            false => "This is all.".to_owned(),
        }));
        Ok(lines)
    }

    fn room(&self) -> Result<RoomName, Refusal> {
        self.inside.as_ref().map(|inside| inside.room.clone()).ok_or(Refusal::NotInRoom)
    }

    /// Writes what the room told, but for what it said before and what was said here.
    async fn show(&mut self, batch: &[Arc<Heard>]) {
        let mut text = String::new();
        for heard in batch {
            let Some(inside) = &mut self.inside else { break };
            match &**heard {
                Heard::Event { room, seq, person, lines } if *room == inside.room && *seq > inside.shown => {
                    inside.shown = *seq;
                    if *person != self.me {
                        text.push_str(lines);
                    }
                }
                Heard::Presence(told) if told.room == inside.room => {
                    text.push_str(&ear::text(&notes(inside.company.apply(&told.changes))));
                    self.ear.mind_people(!inside.company.is_crowd());
                }
                Heard::Removed(room) if *room == inside.room => {
                    let note = format!("The owner of {room} has removed you. /join ROOM goes into another.");
                    text.push_str(&ear::text(&notes([note])));
                    self.inside = None;
                }
                // Of a room that was left, or in the page of the join already.
                Heard::Event { .. } | Heard::Presence(_) | Heard::Removed(_) => {}
            }
        }
        self.send(&text).await;
    }

    async fn show_what_waits(&mut self) {
        let waiting: Vec<Arc<Heard>> =
            std::iter::from_fn(|| self.heard.try_recv().ok()).take(BATCH).collect();
        self.ear.took(&waiting);
        self.show(&waiting).await;
    }

    async fn note(&mut self, text: &str) {
        self.write(&notes([text])).await;
    }

    async fn write(&mut self, lines: &[Line]) {
        self.send(&ear::text(lines)).await;
    }

    async fn send(&mut self, text: &str) {
        self.is_deaf = self.is_deaf || self.stream.write_all(text.as_bytes()).await.is_err();
    }
}

fn notes<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Vec<Line> {
    texts.into_iter().map(|text| Line::Note(text.into())).collect()
}

fn old(events: &[Event]) -> Vec<Line> {
    events.iter().flat_map(|event| Line::of_event(event, true)).collect()
}
