//! Executes the commands of one client, and shows its room's broadcasts as lines. Knows no socket.

use std::sync::Arc;

use common::{
    line::{Line, LineCommand},
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

/// One client's session in the chat, in at most one room.
pub(super) struct LineSession {
    session: Session,
    me: PersonId,
    subscriber: Arc<LineSubscriber>,
    /// Whether a room was chosen: by the client, or after a while the lobby by the server.
    pub(super) has_chosen_room: bool,
    current_room: Option<CurrentRoom>,
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
        LineSession { session, me, subscriber, has_chosen_room: false, current_room: None }
    }

    pub(super) fn greeting(&self) -> Line {
        let name = self.session.person().name;
        Line::Note(format!("Welcome to Madang, {name}. A line is a message; /help tells more."))
    }

    /// Refuses a line that is no valid command. It takes a token of the rate limit, as a command does.
    pub(super) fn refuse(&mut self, refusal: Refusal) -> Line {
        Line::Refused(self.session.charge().err().unwrap_or(refusal))
    }

    pub(super) async fn execute(&mut self, command: LineCommand) -> Result<Outcome, Error> {
        let reply = match command {
            LineCommand::Message(body) => {
                self.session.send(body).await?;
                Vec::new()
            }
            LineCommand::Send(cid, body) => {
                let sent = self.session.send_once(cid.clone(), body).await;
                vec![Line::Reply { cid, result: sent.map(|sent| sent.seq).map_err(Error::into_refusal) }]
            }
            LineCommand::Join(room) => self.join(room).await?,
            LineCommand::Leave => {
                let room = self.room_name()?;
                self.session.handle(Command::Leave(Leave { room: room.clone() })).await?;
                self.current_room = None;
                notes([format!("You left {room}. /join ROOM goes into another.")])
            }
            LineCommand::Name(name) => {
                self.session.handle(Command::Rename(Rename { name })).await?;
                notes([format!("You are now {}.", self.session.person().name)])
            }
            LineCommand::Who => {
                let room = self.room_name()?;
                self.session.charge()?;
                let members = self.session.sample_members(&room, roster::MAX_NAMED)?;
                notes([format!("In {room} {}.", roster::describe(self.me, &members))])
            }
            LineCommand::History(limit) => self.history(limit).await?,
            LineCommand::Help => {
                self.session.charge()?;
                notes(LineCommand::HELP)
            }
            LineCommand::Quit => return Ok(Outcome::Quit),
        };
        Ok(Outcome::Reply(reply))
    }

    /// Joins a room and then leaves the previous one. If joining fails, nothing changes.
    pub(super) async fn join(&mut self, room: RoomName) -> Result<Vec<Line>, Error> {
        // Presence changes during the join must be queued.
        self.subscriber.set_presence_wanted(true);
        let result = self.switch_room(room).await;
        let is_crowd = self.current_room.as_ref().is_none_or(|room| room.roster.is_crowd());
        self.subscriber.set_presence_wanted(!is_crowd);
        result
    }

    async fn switch_room(&mut self, name: RoomName) -> Result<Vec<Line>, Error> {
        let Page { events, .. } = self.session.switch_room(name.clone()).await?;
        let members = self.session.sample_members(&name, roster::MAX_NAMED)?;
        let mut lines = old_lines(&events[events.len().saturating_sub(MESSAGES_ON_JOIN)..]);
        lines.push(Line::Note(format!("You are in {name}; {}.", roster::describe(self.me, &members))));
        let last = events.last().map_or(Seq(0), |event| event.seq);
        // A client that was already in the room has events in its queue that it was not shown yet.
        let same_room = self.current_room.as_ref().filter(|current| current.name == name);
        let last_shown = same_room.map_or(last, |current| current.last_shown);
        self.current_room = Some(CurrentRoom { name, last_shown, roster: Roster::new(self.me, members) });
        self.has_chosen_room = true;
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

    fn room_name(&self) -> Result<RoomName, Refusal> {
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
                    let room = &kicked.room;
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

fn notes<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Vec<Line> {
    texts.into_iter().map(|text| Line::Note(text.into())).collect()
}

fn old_lines(events: &[Event]) -> Vec<Line> {
    events.iter().flat_map(|event| Line::from_event(event, true)).collect()
}
