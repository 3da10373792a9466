//! Executes the commands of one client, and shows its room's broadcasts as lines. Knows no socket.

use std::{sync::Arc, time::Duration};

use common::{
    line::{Line, LineCommand, render::quote_in_sentence},
    message::Seq,
    person::PersonId,
    protocol::{
        command::{Command, History, Leave, Rename},
        event::Event,
        reply::{Page, Reply},
    },
    refusal::Refusal,
    room::RoomName,
};

use super::{
    roster::{self, Roster},
    subscriber::{LineSubscriber, QueuedItem, encode_lines},
};
use crate::{chat::session::Session, error::Error};

/// How many of the latest messages are shown on joining a room.
const MESSAGES_ON_JOIN: usize = 10;
/// How long a `/send` may have to wait for the rate limit. One that would wait longer is answered with
/// `too_fast`: its client waits for the answer and repeats it.
const MAX_SEND_DELAY: Duration = Duration::from_secs(1);

/// One client's session in the chat, in at most one room.
pub(super) struct LineSession {
    session: Session,
    me: PersonId,
    subscriber: Arc<LineSubscriber>,
    pub(super) choice: RoomChoice,
    current_room: Option<CurrentRoom>,
}

/// Who has chosen the room. It decides what follows a refused `/join`: its client may believe to be in that
/// room, and must not be heard in the lobby.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoomChoice {
    /// Nobody yet; the lobby follows after a moment, or with the first message.
    Open,
    /// The server: the client is in the lobby because it has named no room.
    Lobby,
    /// The client has named the room in which it is or was.
    Client,
    /// The client has named a room that it could not enter, and none before. It is in the lobby or nowhere,
    /// and its messages are refused until it has entered a room.
    Refused,
}

/// The room the client is in.
struct CurrentRoom {
    name: RoomName,
    /// The last event that was shown. Queued events up to it were already in the page of the join.
    last_shown: Seq,
    roster: Roster,
}

/// The result of a command.
pub(super) enum Outcome {
    Reply(Vec<Line>),
    /// The client wants the connection to end.
    Quit,
}

impl LineSession {
    pub(super) fn new(session: Session, subscriber: Arc<LineSubscriber>) -> LineSession {
        let me = session.person().id;
        LineSession { session, me, subscriber, choice: RoomChoice::Open, current_room: None }
    }

    pub(super) fn greeting(&self) -> Line {
        let name = self.session.person().name;
        Line::Note(format!("Welcome to Madang, {name}. A line is a message; /help tells more."))
    }

    /// Refuses a line that is no valid command. It takes a token of the rate limit, as a command does.
    /// `is_join` says that the client wanted to enter a room.
    pub(super) fn refuse(&mut self, refusal: Refusal, is_join: bool) -> Result<Vec<Line>, Error> {
        self.session.charge()?;
        // The first line may be a misspelt `/join`.
        let may_be_join = refusal == Refusal::UnknownCommand && self.choice == RoomChoice::Open;
        Ok(if is_join || may_be_join { self.refuse_join(refusal) } else { vec![Line::Refused(refusal)] })
    }

    /// Executes a command. It may be repeated after `too_fast`.
    pub(super) async fn execute(&mut self, command: &LineCommand) -> Result<Outcome, Error> {
        let reply = match command {
            LineCommand::Message(_) if self.choice == RoomChoice::Refused => {
                self.session.charge()?;
                let remedy = "Enter a room first: /join ROOM, or /join lobby.".to_owned();
                vec![Line::Refused(Refusal::NotInRoom), Line::Note(remedy)]
            }
            LineCommand::Send(cid, _) if self.choice == RoomChoice::Refused => {
                self.session.charge()?;
                vec![Line::Reply { cid: cid.clone(), result: Err(Refusal::NotInRoom) }]
            }
            LineCommand::Message(body) => {
                self.charge_outside_rooms()?;
                self.session.send(body.clone()).await?;
                Vec::new()
            }
            LineCommand::Send(cid, body) => {
                self.charge_outside_rooms()?;
                let sent = self.session.send_once(cid.clone(), body.clone()).await;
                let result = match sent.map_err(Error::into_refusal) {
                    Err(Refusal::TooFast) if self.retry_delay() <= MAX_SEND_DELAY => {
                        return Err(Refusal::TooFast.into());
                    }
                    result => result.map(|sent| sent.seq),
                };
                vec![Line::Reply { cid: cid.clone(), result }]
            }
            LineCommand::Join(room) => match self.join(room.clone()).await.map_err(Error::into_refusal) {
                Ok(lines) => {
                    self.choice = RoomChoice::Client;
                    lines
                }
                Err(Refusal::TooFast) => return Err(Refusal::TooFast.into()),
                Err(refusal) => self.refuse_join(refusal),
            },
            LineCommand::Leave => {
                let room = self.room_name()?;
                self.session.handle(Command::Leave(Leave { room: room.clone() })).await?;
                (self.current_room, self.choice) = (None, RoomChoice::Client);
                notes([format!("You left {}. /join ROOM goes into another.", quoted(&room))])
            }
            LineCommand::Name(name) => {
                self.session.handle(Command::Rename(Rename { name: name.clone() })).await?;
                notes([format!("You are now {}.", self.session.person().name)])
            }
            LineCommand::Who => {
                let room = self.room_name()?;
                self.session.charge()?;
                let members = self.session.sample_members(&room, roster::MAX_NAMED)?;
                notes([format!("In {} {}.", quoted(&room), roster::describe(self.me, &members))])
            }
            LineCommand::History(limit) => self.history(*limit).await?,
            LineCommand::Help => {
                self.session.charge()?;
                notes(LineCommand::HELP)
            }
            LineCommand::Quit => return Ok(Outcome::Quit),
        };
        Ok(Outcome::Reply(reply))
    }

    /// Joins the lobby, because the client has named no room.
    pub(super) async fn enter_lobby(&mut self) -> Result<Vec<Line>, Error> {
        match self.join(RoomName::lobby()).await.map_err(Error::into_refusal) {
            Ok(lines) => {
                self.choice = RoomChoice::Lobby;
                Ok(lines)
            }
            Err(Refusal::TooFast) => Err(Refusal::TooFast.into()),
            Err(refusal) => {
                // The client may try it again; the server would try for ever.
                self.choice = RoomChoice::Refused;
                Err(refusal.into())
            }
        }
    }

    /// How long to wait after `too_fast`.
    pub(super) fn retry_delay(&self) -> Duration {
        self.session.retry_delay()
    }

    /// Joins a room and then leaves the previous one. If joining fails, nothing changes.
    async fn join(&mut self, room: RoomName) -> Result<Vec<Line>, Error> {
        // Presence changes during the join must be queued.
        self.subscriber.set_presence_wanted(true);
        let result = self.switch_room(room).await;
        let is_crowd = self.current_room.as_ref().is_none_or(|room| room.roster.is_crowd());
        self.subscriber.set_presence_wanted(!is_crowd);
        result
    }

    /// The reply to a `/join` that was refused. The client stays where it is.
    fn refuse_join(&mut self, refusal: Refusal) -> Vec<Line> {
        let mut lines = vec![Line::Refused(refusal)];
        if self.choice != RoomChoice::Client {
            self.choice = RoomChoice::Refused;
            if self.current_room.is_none() {
                lines.push(Line::Note("No room was entered; /join ROOM goes into one.".to_owned()));
            }
        }
        lines
    }

    /// Takes a token for a message that will be refused because the client is in no room.
    fn charge_outside_rooms(&mut self) -> Result<(), Refusal> {
        if self.current_room.is_none() { self.session.charge() } else { Ok(()) }
    }

    async fn switch_room(&mut self, requested: RoomName) -> Result<Vec<Line>, Error> {
        let (name, Page { events, .. }) = self.session.switch_room(requested.clone()).await?;
        let members = self.session.sample_members(&name, roster::MAX_NAMED)?;
        let mut lines = Vec::new();
        if requested != name {
            lines = notes([format!("{} leads to the room {}.", quoted(&requested), quoted(&name))]);
        }
        lines.extend(old_lines(&events[events.len().saturating_sub(MESSAGES_ON_JOIN)..]));
        // Clients wait for the name that they have asked for.
        lines.push(Line::Note(format!("You are in {requested}; {}.", roster::describe(self.me, &members))));
        let last = events.last().map_or(Seq(0), |event| event.seq);
        // A client that was already in the room has events in its queue that it was not shown yet.
        let same_room = self.current_room.as_ref().filter(|current| current.name == name);
        let last_shown = same_room.map_or(last, |current| current.last_shown);
        self.current_room = Some(CurrentRoom { name, last_shown, roster: Roster::new(self.me, members) });
        Ok(lines)
    }

    async fn history(&mut self, limit: u32) -> Result<Vec<Line>, Error> {
        let before = Some(Seq(u64::MAX));
        let history =
            History { room: self.room_name()?, before, after: None, around: None, limit: Some(limit) };
        let Reply::Page(page) = self.session.handle(Command::History(history)).await? else {
            return Err(Refusal::Internal.into());
        };
        let mut lines = old_lines(&page.events);
        lines.push(Line::Note(match page.more_before {
            true => "There is more before these.".to_owned(),
            false => "This is all.".to_owned(),
        }));
        Ok(lines)
    }

    fn room_name(&mut self) -> Result<RoomName, Refusal> {
        self.charge_outside_rooms()?;
        self.current_room.as_ref().map(|current| current.name.clone()).ok_or(Refusal::NotInRoom)
    }

    /// Returns the text of queued items, without the client's own messages and those already shown.
    pub(super) fn show(&mut self, items: &[Arc<QueuedItem>]) -> String {
        let mut text = String::new();
        for item in items {
            let Some(current) = &mut self.current_room else { break };
            match &**item {
                QueuedItem::Event { room, seq, person, lines }
                    if *room == current.name && *seq > current.last_shown =>
                {
                    current.last_shown = *seq;
                    if *person != self.me {
                        text.push_str(lines);
                    }
                }
                QueuedItem::Presence(presence) if presence.room == current.name => {
                    text.push_str(&encode_lines(&notes(current.roster.apply(&presence.changes))));
                    self.subscriber.set_presence_wanted(!current.roster.is_crowd());
                }
                QueuedItem::Kicked(kicked) if kicked.room == current.name => {
                    let room = quoted(&kicked.room);
                    let note = match kicked.refusal() {
                        Refusal::RoomDeleted => format!("{room} was deleted. /join ROOM goes into another."),
                        _ => format!("The owner of {room} has removed you. /join ROOM goes into another."),
                    };
                    text.push_str(&encode_lines(&notes([note])));
                    self.current_room = None;
                }
                // From a room that was left, or already in the page of the join.
                QueuedItem::Event { .. } | QueuedItem::Presence(_) | QueuedItem::Kicked(_) => {}
            }
        }
        text
    }
}

fn quoted(room: &RoomName) -> String {
    quote_in_sentence(room.as_str())
}

fn notes<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Vec<Line> {
    texts.into_iter().map(|text| Line::Note(text.into())).collect()
}

fn old_lines(events: &[Event]) -> Vec<Line> {
    events.iter().flat_map(|event| Line::from_event(event, true)).collect()
}
