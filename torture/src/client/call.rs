//! One connection to the line door as a careful client keeps it.
//!
//! Nothing has a number there and nothing is acknowledged. But lines are carried out in their order,
//! and what is refused is refused in its turn: so a client that asks who is here after each message
//! knows, when the answer has come without a refusal before it, that the message was taken.
//! Pure: it is told which lines came and what was said, and writes the call down on the way.

use std::time::Instant;

use common::{line::Line, message::Body, refusal::Refusal, room::RoomName};

use crate::history::{Call, Fate, Spoken};

/// How the server ends what a join shows, and answers who is here.
const JOINED: &str = "You are in ";
const WHO: &str = "In ";

/// A call while it goes on.
pub(super) struct Ongoing {
    room: RoomName,
    is_inside: bool,
    asked: Option<Asked>,
    call: Call,
}

/// A question that is not answered yet.
struct Asked {
    since: Instant,
    /// Whether a message stands before it.
    is_about_message: bool,
    refused: Option<Refusal>,
}

impl Ongoing {
    /// A call that begins, and its first line.
    pub(super) fn begin(room: &RoomName, now: Instant) -> (Ongoing, String) {
        let asked = Asked { since: now, is_about_message: false, refused: None };
        let ongoing =
            Ongoing { room: room.clone(), is_inside: false, asked: Some(asked), call: Call::default() };
        (ongoing, format!("/join {room}\n"))
    }

    /// The lines that say this, or nothing, and ask whether it was heard.
    pub(super) fn say(&mut self, text: Option<Body>, now: Instant) -> String {
        let lines = text.as_ref().map_or_else(String::new, |text| format!("{text}\n")) + "/who\n";
        self.asked = Some(Asked { since: now, is_about_message: text.is_some(), refused: None });
        self.call.said.extend(text.map(|text| Spoken { text, sent: now, fate: Fate::Unknown }));
        lines
    }

    /// Takes in a line of the server's; the fate of a message when it was learned by that.
    pub(super) fn take_in(&mut self, line: Line, now: Instant) -> Option<Fate> {
        match line {
            Line::Said { old, text, .. } if old != self.is_inside => self.call.shown.push(text),
            Line::Refused(refusal) => {
                if let Some(asked) = &mut self.asked {
                    asked.refused.get_or_insert(refusal);
                }
            }
            Line::Note(note) if self.is_here(&note, JOINED) => {
                self.is_inside = true;
                self.call.joined = self.call.shown.len();
                self.asked = None;
            }
            // Of the room that one is in before one asks for another.
            Line::Note(note) if note.starts_with(JOINED) => self.call.shown.clear(),
            Line::Note(note) if self.is_inside && self.is_here(&note, WHO) => return self.answered(now),
            Line::Said { .. } | Line::More { .. } | Line::Note(_) | Line::Answer { .. } => {}
        }
        None
    }

    fn answered(&mut self, now: Instant) -> Option<Fate> {
        let asked = self.asked.take().filter(|asked| asked.is_about_message)?;
        let fate = asked.refused.map_or(Fate::Taken { at: now }, Fate::Refused);
        self.call.said.last_mut()?.fate = fate;
        Some(fate)
    }

    fn is_here(&self, note: &str, what: &str) -> bool {
        let rest = note.strip_prefix(what).and_then(|note| note.strip_prefix(self.room.as_str()));
        rest.is_some_and(|rest| rest.starts_with([';', ' ']))
    }

    /// Since when an answer is awaited, if one is.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        self.asked.as_ref().map(|asked| asked.since)
    }

    /// Whether a message is under way.
    pub(super) fn waits_for_fate(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| asked.is_about_message)
    }

    /// Whether this message was shown here, or said.
    pub(super) fn knows(&self, text: &Body) -> bool {
        // The last ones are asked for.
        self.call.shown.iter().rev().any(|shown| shown == text.as_str())
            || self.call.said.iter().rev().any(|said| said.text == *text)
    }

    /// Ends it; nothing when it never came into the room. `lasted` when it was there to the end of
    /// everything.
    pub(super) fn end(mut self, lasted: bool) -> Option<Call> {
        self.call.lasted = lasted;
        self.is_inside.then_some(self.call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Ongoing {
        let (mut ongoing, join) = Ongoing::begin(&RoomName::parse("방 1").unwrap(), Instant::now());
        assert_eq!(join, "/join 방 1\n");
        take_in(&mut ongoing, "> somebody: in the lobby\n* You are in lobby; nobody else is here.");
        take_in(&mut ongoing, "> a: one\n* b came\n* You are in 방 1; here are you, a.\na: two\na: three");
        ongoing
    }

    fn take_in(ongoing: &mut Ongoing, lines: &str) -> Option<Fate> {
        lines.lines().filter_map(|line| ongoing.take_in(Line::parse(line), Instant::now())).last()
    }

    fn body(text: &str) -> Body {
        Body::parse(text).unwrap()
    }

    #[test]
    fn what_the_join_shows_and_what_is_said_then_are_one_stretch() {
        let call = begun().end(true).unwrap();
        assert_eq!(call.shown, ["one", "two", "three"]);
        assert!(call.joined == 1 && call.lasted);
    }

    #[test]
    fn a_message_is_taken_when_the_question_behind_it_is_answered_without_a_refusal() {
        let mut ongoing = begun();
        assert_eq!(ongoing.say(Some(body("hello")), Instant::now()), "hello\n/who\n");
        assert_eq!(take_in(&mut ongoing, "a: meanwhile\n* In 방 10 here are you."), None);
        assert!(matches!(take_in(&mut ongoing, "* In 방 1 here are you, a."), Some(Fate::Taken { .. })));
        ongoing.say(Some(body("again")), Instant::now());
        let refused =
            take_in(&mut ongoing, "! not_stored: The server could not.\n* In 방 1 here are you, a.");
        assert_eq!(refused, Some(Fate::Refused(Refusal::NotStored)));
        assert_eq!(ongoing.say(None, Instant::now()), "/who\n");
        assert_eq!(take_in(&mut ongoing, "* In 방 1 here are you, a."), None, "there was no message");
        assert!(ongoing.waits_since().is_none() && ongoing.knows(&body("hello")));
    }

    #[test]
    fn a_call_that_is_cut_leaves_its_message_unknown() {
        let mut ongoing = begun();
        ongoing.say(Some(body("hello")), Instant::now());
        let call = ongoing.end(true).unwrap();
        assert_eq!(call.said[0].fate, Fate::Unknown);
        assert!(Ongoing::begin(&RoomName::parse("r").unwrap(), Instant::now()).0.end(true).is_none());
    }
}
