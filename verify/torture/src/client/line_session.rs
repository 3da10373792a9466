//! One connection to the line transport, as a careful client keeps it.
//!
//! Plain lines have no numbers and no acknowledgements, but the server executes lines in order and refuses
//! each in its turn. So the client sends `/who` after each message: when its answer arrives without a
//! refusal before it, the message was stored. Does no I/O: the caller passes received lines in and sends what is
//! returned; the history is written on the way.

use std::time::Instant;

use common::{line::Line, message::Body, refusal::Refusal, room::RoomName};

use crate::history::{LineConnection, LineMessage, LineOutcome};

/// The notes that end a join and answer `/who`.
const JOINED: &str = "You are in ";
const WHO: &str = "In ";

/// One connection while it is open.
pub(super) struct LineSession {
    room: RoomName,
    is_joined: bool,
    question: Option<PendingQuestion>,
    connection: LineConnection,
}

/// A `/join` or `/who` that is not answered yet.
struct PendingQuestion {
    since: Instant,
    /// Whether a message was sent just before it.
    follows_message: bool,
    refusal: Option<Refusal>,
}

impl LineSession {
    /// Starts a connection; returns its first line.
    pub(super) fn start(room: &RoomName, now: Instant) -> (LineSession, String) {
        let question = PendingQuestion { since: now, follows_message: false, refusal: None };
        let session = LineSession {
            room: room.clone(),
            is_joined: false,
            question: Some(question),
            connection: LineConnection::default(),
        };
        (session, format!("/join {room}\n"))
    }

    /// Returns the lines that send `text`, if any, and ask `/who`.
    pub(super) fn send(&mut self, text: Option<Body>, now: Instant) -> String {
        let lines = text.as_ref().map_or_else(String::new, |text| format!("{text}\n")) + "/who\n";
        self.question = Some(PendingQuestion { since: now, follows_message: text.is_some(), refusal: None });
        self.connection.messages.extend(text.map(|text| LineMessage {
            text,
            sent_at: now,
            outcome: LineOutcome::Unknown,
        }));
        lines
    }

    /// Applies a line from the server; returns the outcome of the pending message once it is known.
    pub(super) fn on_line(&mut self, line: Line, now: Instant) -> Option<LineOutcome> {
        match line {
            Line::Message { old, text, .. } if old != self.is_joined => self.connection.received.push(text),
            Line::Refused(refusal) => {
                if let Some(question) = &mut self.question {
                    question.refusal.get_or_insert(refusal);
                }
            }
            Line::Note(note) if self.names_room(&note, JOINED) => {
                self.is_joined = true;
                self.connection.from_join = self.connection.received.len();
                self.question = None;
            }
            // These messages were shown by the join of the lobby, not of this client's room.
            Line::Note(note) if note.starts_with(JOINED) => self.connection.received.clear(),
            Line::Note(note) if self.is_joined && self.names_room(&note, WHO) => return self.on_answer(now),
            Line::Message { .. } | Line::Continuation { .. } | Line::Note(_) | Line::Reply { .. } => {}
        }
        None
    }

    fn on_answer(&mut self, now: Instant) -> Option<LineOutcome> {
        let question = self.question.take().filter(|question| question.follows_message)?;
        let outcome = question.refusal.map_or(LineOutcome::Accepted { at: now }, LineOutcome::Refused);
        self.connection.messages.last_mut()?.outcome = outcome;
        Some(outcome)
    }

    fn names_room(&self, note: &str, prefix: &str) -> bool {
        let rest = note.strip_prefix(prefix).and_then(|note| note.strip_prefix(self.room.as_str()));
        rest.is_some_and(|rest| rest.starts_with([';', ' ']))
    }

    /// Returns since when an answer is due, if one is.
    pub(super) fn reply_due_since(&self) -> Option<Instant> {
        self.question.as_ref().map(|question| question.since)
    }

    /// Returns whether a message waits for its outcome.
    pub(super) fn has_pending_message(&self) -> bool {
        self.question.as_ref().is_some_and(|question| question.follows_message)
    }

    /// Returns whether this text was received or sent on this connection.
    pub(super) fn has_text(&self, text: &Body) -> bool {
        // From the end: callers look for recent messages.
        self.connection.received.iter().rev().any(|text_received| text_received == text.as_str())
            || self.connection.messages.iter().rev().any(|message| message.text == *text)
    }

    /// Ends the connection; `None` if it never joined the room. `open_at_end` says whether it was still
    /// open when the campaign stopped.
    pub(super) fn end(mut self, open_at_end: bool) -> Option<LineConnection> {
        self.connection.open_at_end = open_at_end;
        self.is_joined.then_some(self.connection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> LineSession {
        let (mut session, join) = LineSession::start(&RoomName::parse("방 1").unwrap(), Instant::now());
        assert_eq!(join, "/join 방 1\n");
        on_line(&mut session, "> somebody: in the lobby\n* You are in lobby; nobody else is here.");
        on_line(&mut session, "> a: one\n* b came\n* You are in 방 1; here are you, a.\na: two\na: three");
        session
    }

    fn on_line(session: &mut LineSession, lines: &str) -> Option<LineOutcome> {
        lines.lines().filter_map(|line| session.on_line(Line::parse(line), Instant::now())).last()
    }

    fn body(text: &str) -> Body {
        Body::parse(text).unwrap()
    }

    #[test]
    fn messages_of_the_join_and_later_ones_form_one_sequence() {
        let connection = started().end(true).unwrap();
        assert_eq!(connection.received, ["one", "two", "three"]);
        assert!(connection.from_join == 1 && connection.open_at_end);
    }

    #[test]
    fn a_message_is_accepted_when_the_who_behind_it_is_answered_without_a_refusal() {
        let mut session = started();
        assert_eq!(session.send(Some(body("hello")), Instant::now()), "hello\n/who\n");
        assert_eq!(on_line(&mut session, "a: meanwhile\n* In 방 10 here are you."), None);
        assert!(matches!(
            on_line(&mut session, "* In 방 1 here are you, a."),
            Some(LineOutcome::Accepted { .. })
        ));
        session.send(Some(body("again")), Instant::now());
        let refusal =
            on_line(&mut session, "! not_stored: The server could not.\n* In 방 1 here are you, a.");
        assert_eq!(refusal, Some(LineOutcome::Refused(Refusal::NotStored)));
        assert_eq!(session.send(None, Instant::now()), "/who\n");
        assert_eq!(on_line(&mut session, "* In 방 1 here are you, a."), None, "there was no message");
        assert!(session.reply_due_since().is_none() && session.has_text(&body("hello")));
    }

    #[test]
    fn a_cut_connection_leaves_its_message_unknown() {
        let mut session = started();
        session.send(Some(body("hello")), Instant::now());
        let connection = session.end(true).unwrap();
        assert_eq!(connection.messages[0].outcome, LineOutcome::Unknown);
        assert!(LineSession::start(&RoomName::parse("r").unwrap(), Instant::now()).0.end(true).is_none());
    }
}
