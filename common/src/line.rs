//! The line protocol over TCP, meant for `nc` and short scripts.
//!
//! The first character of a line from the server shows its kind. Such a line never holds anything
//! that controls a terminal: no escape sequences, no control characters except tabs, no change of
//! text direction. A line to the server is a message, or a command if it begins with a slash.
//! `docs/protocol.md` has the grammar; that of UDP is in [`datagram`](crate::datagram).

use std::fmt;

use crate::{
    message::{Body, Cid, Seq},
    person::DisplayName,
    protocol::{
        command::History,
        event::{Event, EventKind, Via},
    },
    refusal::Refusal,
    room::{RoomName, SeatLimit},
    text::is_display_control,
};

/// Begins a message from the history, sent before the reader joined or requested by `/history`.
const OLD_PREFIX: &str = "> ";
/// Begins a further line of the message before.
const CONTINUATION_PREFIX: char = '\t';
/// Begins a note of the server: a reply to a command, or who joined and left.
const NOTE_PREFIX: &str = "* ";
/// Begins a refusal.
const REFUSAL_PREFIX: &str = "! ";
/// Begins the reply to `/send`.
const REPLY_PREFIX: &str = "= ";
/// Ends the name of a message line.
const NAME_SEPARATOR: &str = ": ";
/// A name that begins with one of these is written in quotes.
const SPECIAL_CHARS: [char; 6] = ['*', '>', '!', '=', '"', '\\'];

/// One line from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first line of a message.
    Message { old: bool, name: String, text: String },
    /// A further line of the message before.
    Continuation { old: bool, text: String },
    /// A sentence of the server: the reply to a command, or something that happened.
    Note(String),
    /// A command or message was refused.
    Refused(Refusal),
    /// The reply to `/send` with this `cid`: the message's number in the log, or the refusal.
    Reply { cid: Cid, result: Result<Seq, Refusal> },
}

impl Line {
    /// Returns the lines for an event; `old` if it comes from the history. An old event that changes
    /// a message or the room has no line, because the history holds every message in its current state.
    pub fn from_event(event: &Event, old: bool) -> Vec<Line> {
        if let EventKind::Posted { body, via, .. } = &event.kind {
            return Line::from_message(event.person.name.as_str(), body, via.as_ref(), old);
        }
        let note = (!old).then(|| describe_change(&event.kind)).flatten();
        note.map(|note| Line::Note(format!("{} {note}", event.person.name))).into_iter().collect()
    }

    fn from_message(name: &str, body: &Body, via: Option<&Via>, old: bool) -> Vec<Line> {
        let name = via.map_or_else(|| name.to_owned(), |Via::Udp(from)| format!("{name} (udp {from})"));
        let mut texts = body.as_str().split('\n').map(str::to_owned);
        let first = Line::Message { old, name, text: texts.next().unwrap_or_default() };
        std::iter::once(first).chain(texts.map(|text| Line::Continuation { old, text })).collect()
    }

    /// Parses the output of [`fmt::Display`]. Any text is a valid line: an unknown form is a note.
    pub fn parse(line: &str) -> Line {
        if let Some(note) = line.strip_prefix(NOTE_PREFIX) {
            return Line::Note(note.to_owned());
        }
        if let Some(refusal) = line.strip_prefix(REFUSAL_PREFIX) {
            return Line::Refused(Refusal::from_decoding(&refusal));
        }
        if let Some(reply) = line.strip_prefix(REPLY_PREFIX) {
            return parse_reply(reply).unwrap_or_else(|| Line::Note(line.to_owned()));
        }
        let (old, line) = line.strip_prefix(OLD_PREFIX).map_or((false, line), |line| (true, line));
        if let Some(text) = line.strip_prefix(CONTINUATION_PREFIX) {
            return Line::Continuation { old, text: text.to_owned() };
        }
        match split_name(line) {
            Some((name, text)) => Line::Message { old, name, text: text.to_owned() },
            None => Line::Note(line.to_owned()),
        }
    }
}

/// Writes the line without a line break, in a form that is safe for any terminal.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Message { old, name, text } => {
                f.write_str(if *old { OLD_PREFIX } else { "" })?;
                f.write_str(&quote_name(&sanitize(name)))?;
                write!(f, "{NAME_SEPARATOR}{}", sanitize(text))
            }
            Line::Continuation { old, text } => {
                write!(f, "{}{CONTINUATION_PREFIX}{}", if *old { OLD_PREFIX } else { "" }, sanitize(text))
            }
            Line::Note(text) => write!(f, "{NOTE_PREFIX}{}", sanitize(text)),
            Line::Refused(refusal) => write!(f, "{REFUSAL_PREFIX}{refusal}"),
            Line::Reply { cid, result: Ok(seq) } => write!(f, "{REPLY_PREFIX}{} {}", cid.as_str(), seq.0),
            Line::Reply { cid, result: Err(refusal) } => {
                write!(f, "{REPLY_PREFIX}{} {REFUSAL_PREFIX}{refusal}", cid.as_str())
            }
        }
    }
}

/// Describes a change to a message or to the room in one line, to follow the person's name.
fn describe_change(kind: &EventKind) -> Option<String> {
    Some(match kind {
        EventKind::Posted { .. }
        | EventKind::Tombstone { .. }
        | EventKind::Edited { body: None, .. }
        | EventKind::Unknown => {
            return None;
        }
        EventKind::Edited { body: Some(body), .. } => {
            format!("changed a message: {}", body.as_str().replace('\n', " / "))
        }
        EventKind::Deleted { .. } => "took back a message".to_owned(),
        EventKind::Reacted { emoji, on: true, .. } => format!("put {emoji} under a message"),
        EventKind::Reacted { emoji, on: false, .. } => format!("took {emoji} away from a message"),
        EventKind::RoomChanged { topic, seats } => {
            let topic = topic.as_ref().map(|topic| match topic.is_empty() {
                true => "took the topic away".to_owned(),
                false => format!("changed the topic: {topic}"),
            });
            let seats = seats.map(|SeatLimit(seats)| match seats {
                Some(seats) => format!("set the seats to {}", seats.get()),
                None => "lifted the limit of seats".to_owned(),
            });
            seats.into_iter().chain(topic).collect::<Vec<_>>().join(" and ")
        }
    })
}

/// Removes the characters that control a display: UAX 9 overrides, C0 and C1 controls, and with them
/// the first byte of escape sequences.
pub fn sanitize(text: &str) -> String {
    // Needed although text is validated when it is parsed: old events passed older rules.
    text.chars().filter(|c| *c == '\t' || !is_display_control(*c)).collect()
}

/// Writes a name as it is shown before a message: in quotes if the line could look like another kind.
pub fn quote_name(name: &str) -> String {
    if !name.contains(':') && !name.starts_with(SPECIAL_CHARS) && !name.starts_with(char::is_whitespace) {
        return name.to_owned();
    }
    let mut quoted = String::from('"');
    for c in name.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Parses the text after [`REPLY_PREFIX`].
fn parse_reply(reply: &str) -> Option<Line> {
    let (cid, outcome) = reply.split_once(' ')?;
    let result = match outcome.strip_prefix(REFUSAL_PREFIX) {
        Some(refusal) => Err(Refusal::from_decoding(&refusal)),
        None => Ok(Seq(outcome.parse().ok()?)),
    };
    Some(Line::Reply { cid: Cid::parse(cid).ok()?, result })
}

/// Splits a message line into the name and the text.
fn split_name(line: &str) -> Option<(String, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let (name, text) = line.split_once(NAME_SEPARATOR)?;
        return Some((name.to_owned(), text));
    };
    let (mut name, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => return Some((name, characters.as_str().strip_prefix(NAME_SEPARATOR)?)),
            '\\' => name.push(characters.next()?),
            c => name.push(c),
        }
    }
}

/// One line to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineCommand {
    Message(Body),
    /// Sends a message and gets a reply with the same `cid`; a retry is safe.
    Send(Cid, Body),
    Join(RoomName),
    Leave,
    Name(DisplayName),
    Who,
    History(u32),
    Help,
    Quit,
}

impl LineCommand {
    /// The reply to `/help`.
    pub const HELP: [&str; 4] = [
        "A line is a message to everybody else in the room. Commands:",
        "/join ROOM, /leave, /name NAME, /who, /history N, /me TEXT, /help, /quit",
        "/send CID TEXT is a message that is answered: = CID NUMBER when it is on the disk.",
        "A message that begins with a slash is written with two.",
    ];

    /// Parses a line without its line break; `None` for an empty line. The refusals are those of the
    /// arguments, `unknown_command`, and `bad_request` for a wrong number of arguments.
    pub fn parse(line: &str) -> Result<Option<LineCommand>, Refusal> {
        let line = line.trim();
        let Some(rest) = line.strip_prefix('/') else {
            return if line.is_empty() {
                Ok(None)
            } else {
                Body::parse(line).map(LineCommand::Message).map(Some)
            };
        };
        if rest.starts_with('/') {
            return Body::parse(rest).map(LineCommand::Message).map(Some);
        }
        let (name, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = rest.trim();
        let command = match name {
            "join" => LineCommand::Join(RoomName::parse(rest)?),
            "name" => LineCommand::Name(DisplayName::parse(rest)?),
            "history" if rest.is_empty() => LineCommand::History(History::DEFAULT),
            "history" => LineCommand::History(rest.parse().map_err(|_| Refusal::BadRequest)?),
            // All clients show text between asterisks as emphasised, so this needs no kind of its own.
            "me" => LineCommand::Message(Body::parse(&format!("*{}*", Body::parse(rest)?))?),
            "send" => {
                let (cid, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                LineCommand::Send(Cid::parse(cid)?, Body::parse(text)?)
            }
            // `/quit smoking` is probably a message, so it must not close the connection.
            "leave" | "who" | "help" | "quit" if !rest.is_empty() => return Err(Refusal::BadRequest),
            "leave" => LineCommand::Leave,
            "who" => LineCommand::Who,
            "help" => LineCommand::Help,
            "quit" => LineCommand::Quit,
            _ => return Err(Refusal::UnknownCommand),
        };
        Ok(Some(command))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(not(target_arch = "wasm32"))]
    use proptest::prelude::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;
    use crate::{
        message::{Cid, Emoji, Seq, Timestamp},
        person::{Person, PersonId},
        room::{Seats, Topic},
    };

    fn event(name: &str, text: &str, via: Option<Via>) -> Event {
        Event {
            seq: Seq(1),
            at: Timestamp(0),
            person: Person { id: PersonId(1), name: DisplayName::from_store(name.to_owned()) },
            kind: EventKind::Posted {
                cid: Cid::from_random(1),
                body: Body::from_store(text.to_owned()),
                via,
                reply_to: None,
                state: None,
            },
        }
    }

    fn lines_of(event: &Event, old: bool) -> Vec<String> {
        Line::from_event(event, old).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_message_is_a_name_and_a_text_with_further_lines_indented() {
        let lines = lines_of(&event("지은", "안녕\n\n잘 지내?", None), false);
        assert_eq!(lines, ["지은: 안녕", "\t", "\t잘 지내?"]);
        assert_eq!(lines_of(&event("지은", "하나\n둘", None), true), ["> 지은: 하나", "> \t둘"]);
        let udp = Some(Via::Udp("127.0.0.1".to_owned()));
        assert_eq!(lines_of(&event("build", "green", udp), false), ["build (udp 127.0.0.1): green"]);
    }

    #[test]
    fn a_change_of_a_message_is_a_note_when_it_happens_and_not_in_the_history() {
        let target = Seq(1);
        let cases = [
            (
                EventKind::Edited { target, body: Body::parse("하나\n둘").ok() },
                "* 지은 changed a message: 하나 / 둘",
            ),
            (EventKind::Deleted { target }, "* 지은 took back a message"),
            (
                EventKind::Reacted { target, emoji: Emoji::parse("👍").unwrap(), on: true },
                "* 지은 put 👍 under a message",
            ),
            (
                EventKind::RoomChanged {
                    topic: Topic::parse("오늘 저녁").ok(),
                    seats: Some(SeatLimit(Seats::parse(5).ok())),
                },
                "* 지은 set the seats to 5 and changed the topic: 오늘 저녁",
            ),
            (
                EventKind::RoomChanged { topic: None, seats: Some(SeatLimit(None)) },
                "* 지은 lifted the limit of seats",
            ),
        ];
        for (kind, line) in cases {
            let event = Event { kind, ..event("지은", "x", None) };
            assert_eq!(lines_of(&event, false), [line]);
            assert!(lines_of(&event, true).is_empty());
        }
        let tombstone = EventKind::Tombstone { cid: Cid::from_random(1), rev: Seq(2) };
        let event = Event { kind: tombstone, ..event("지은", "x", None) };
        assert!(lines_of(&event, false).is_empty() && lines_of(&event, true).is_empty());
    }

    #[test]
    fn no_name_makes_a_message_look_like_another_kind_of_line() {
        let cases = [
            ("* root", r#""* root": x"#),
            ("> a", r#""> a": x"#),
            ("!", r#""!": x"#),
            ("= a", r#""= a": x"#),
            ("a: b", r#""a: b": x"#),
            (r#""a\"#, r#""\"a\\": x"#),
            ("a*b", "a*b: x"),
        ];
        for (name, line) in cases {
            assert_eq!(lines_of(&event(name, "x", None), false), [line]);
            let message = Line::Message { old: false, name: name.to_owned(), text: "x".to_owned() };
            assert_eq!(Line::parse(line), message);
        }
    }

    #[test]
    fn no_line_controls_a_terminal() {
        let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\u{8}\u{202e}txt\u{2066}\u{85}\u{2028}\u{7f}ok";
        let line = lines_of(&event(hostile, hostile, None), false).concat();
        assert_eq!(line, r#"[2J]0;title31mtxtok: [2J]0;title31mtxtok"#);
    }

    #[test]
    fn every_command_is_parsed() {
        let body = |text: &str| LineCommand::Message(Body::parse(text).unwrap());
        let cases = [
            ("안녕", body("안녕")),
            ("  two words ", body("two words")),
            ("//usr/bin", body("/usr/bin")),
            ("/me 손을 흔든다", body("*손을 흔든다*")),
            ("/join 우리 반", LineCommand::Join(RoomName::parse("우리 반").unwrap())),
            ("/name\t지은", LineCommand::Name(DisplayName::parse("지은").unwrap())),
            ("/leave", LineCommand::Leave),
            ("/who ", LineCommand::Who),
            (
                "/send a-1  /two words ",
                LineCommand::Send(Cid::parse("a-1").unwrap(), Body::parse("/two words").unwrap()),
            ),
            ("/history", LineCommand::History(50)),
            ("/history 3", LineCommand::History(3)),
            ("/help", LineCommand::Help),
            ("/quit", LineCommand::Quit),
        ];
        for (line, command) in cases {
            assert_eq!(LineCommand::parse(line), Ok(Some(command)), "{line}");
        }
        assert_eq!(LineCommand::parse(" \t "), Ok(None));
    }

    #[test]
    fn an_invalid_command_is_refused_and_not_sent_as_a_message() {
        let cases = [
            ("/dance", Refusal::UnknownCommand),
            ("/", Refusal::UnknownCommand),
            ("/JOIN r", Refusal::UnknownCommand),
            ("/quit smoking", Refusal::BadRequest),
            ("/history ten", Refusal::BadRequest),
            ("/join", Refusal::NameEmpty),
            ("/join a/b", Refusal::RoomNameNotALink),
            ("/me", Refusal::MessageEmpty),
            ("/me \u{200B}", Refusal::MessageEmpty),
            ("/send", Refusal::CidInvalid),
            ("/send a.b text", Refusal::CidInvalid),
            ("/send a-1", Refusal::MessageEmpty),
            ("bell\u{7}", Refusal::MessageUnreadable),
        ];
        for (line, refusal) in cases {
            assert_eq!(LineCommand::parse(line), Err(refusal), "{line}");
        }
    }

    #[test]
    fn lines_of_the_server_are_marked() {
        let cid = Cid::parse("a-1").unwrap();
        let sent = Line::Reply { cid: cid.clone(), result: Ok(Seq(7)) };
        assert_eq!(sent.to_string(), "= a-1 7");
        let refused = Line::Reply { cid, result: Err(Refusal::TooFast) };
        assert!(refused.to_string().starts_with("= a-1 ! too_fast: "));
        for line in [Line::Note("You left.".to_owned()), Line::Refused(Refusal::TooFast), sent, refused] {
            assert_eq!(Line::parse(&line.to_string()), line);
        }
        assert!(Line::Refused(Refusal::TooFast).to_string().starts_with("! too_fast: "));
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn written_lines_are_safe_and_can_be_parsed_again(
            name in any::<String>(),
            text in any::<String>(),
            old in any::<bool>(),
        ) {
            for line in Line::from_event(&event(&name, &text, None), old) {
                let written = line.to_string();
                prop_assert!(written.chars().all(|c| c == '\t' || !is_display_control(c)), "{written:?}");
                let read = Line::parse(&written);
                prop_assert_eq!(read.to_string(), written, "{:?}", read);
                let kind = std::mem::discriminant;
                prop_assert_eq!(kind(&read), kind(&line));
            }
        }

        #[test]
        fn a_sanitized_line_survives_writing_and_parsing(
            name in "[^\\p{C}\\p{Z}][^\\p{C}\\u{2028}\\u{2029}]{0,31}",
            text in "[^\\p{C}\\u{2028}\\u{2029}]{0,80}",
            old in any::<bool>(),
        ) {
            prop_assume!(sanitize(&name) == name && sanitize(&text) == text);
            for line in [Line::Message { old, name, text: text.clone() }, Line::Continuation { old, text: text.clone() }, Line::Note(text)] {
                prop_assert_eq!(Line::parse(&line.to_string()), line);
            }
        }

        #[test]
        fn no_line_makes_the_parser_panic(line in any::<String>()) {
            let _ = (LineCommand::parse(&line), Line::parse(&line));
            let _ = LineCommand::parse(&format!("/{line}"));
        }
    }
}
