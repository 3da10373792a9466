//! The line protocol: what a person at `nc` and a script of two lines read and write over TCP.
//!
//! A line from the server shows by its first character what it is, and holds nothing that could
//! steer a terminal: no escape sequence, no control character but tabs, no change of direction.
//! A line to the server is a message, or a command when it begins with a slash.
//! `docs/protocol.md` has the grammar; UDP's is in [`datagram`](crate::datagram).

use std::fmt;

use crate::{
    event::{Event, History, Via, What},
    message::{Body, Cid, Seq},
    person::DisplayName,
    refusal::Refusal,
    room::{Limit, RoomName},
    text::steers_display,
};

/// How a message begins that was said before, and is shown to somebody who asked or came late.
const OLD: &str = "> ";
/// How a further line of the message before begins.
const MORE: char = '\t';
/// How the server's own words begin: answers to commands, who came, who left.
const NOTE: &str = "* ";
/// How a refusal begins.
const REFUSED: &str = "! ";
/// How the answer to `/send` begins.
const ANSWER: &str = "= ";
/// A name that begins like something else, or holds what ends a name, stands in quotes.
const NAME_ENDS: &str = ": ";
const MARKS: [char; 6] = ['*', '>', '!', '=', '"', '\\'];

/// One line from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The first line of a message.
    Said { old: bool, who: String, text: String },
    /// A further line of the message before.
    More { old: bool, text: String },
    /// The server speaks: an answer, or something that happened.
    Note(String),
    /// A command or message was not carried out.
    Refused(Refusal),
    /// What became of the message that was sent with this `cid`: where it is in the log, or why not.
    Answer { cid: Cid, sent: Result<Seq, Refusal> },
}

impl Line {
    /// The lines of an event of the log; `old` when it did not happen just now. What happened to a
    /// message or a room is told once, and stands in nothing that is old: there every message reads
    /// as it does now, and what was taken back is not there.
    pub fn of_event(event: &Event, old: bool) -> Vec<Line> {
        if let What::Posted { body, via, .. } = &event.what {
            return Line::of_message(event.person.name.as_str(), body, via.as_ref(), old);
        }
        let note = (!old).then(|| change(&event.what)).flatten();
        note.map(|note| Line::Note(format!("{} {note}", event.person.name))).into_iter().collect()
    }

    fn of_message(name: &str, body: &Body, via: Option<&Via>, old: bool) -> Vec<Line> {
        let who = via.map_or_else(|| name.to_owned(), |Via::Udp(from)| format!("{name} (udp {from})"));
        let mut texts = body.as_str().split('\n').map(str::to_owned);
        let first = Line::Said { old, who, text: texts.next().unwrap_or_default() };
        std::iter::once(first).chain(texts.map(|text| Line::More { old, text })).collect()
    }

    /// Reads what [`fmt::Display`] wrote, without its line break.
    pub fn parse(line: &str) -> Line {
        if let Some(note) = line.strip_prefix(NOTE) {
            return Line::Note(note.to_owned());
        }
        if let Some(refused) = line.strip_prefix(REFUSED) {
            return Line::Refused(Refusal::from_decoding(&refused));
        }
        if let Some(answer) = line.strip_prefix(ANSWER) {
            return parse_answer(answer).unwrap_or_else(|| Line::Note(line.to_owned()));
        }
        let (old, line) = line.strip_prefix(OLD).map_or((false, line), |line| (true, line));
        if let Some(text) = line.strip_prefix(MORE) {
            return Line::More { old, text: text.to_owned() };
        }
        match split_name(line) {
            Some((who, text)) => Line::Said { old, who, text: text.to_owned() },
            None => Line::Note(line.to_owned()),
        }
    }
}

/// One line without its line break, safe for any terminal.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Said { old, who, text } => {
                f.write_str(if *old { OLD } else { "" })?;
                f.write_str(&written_name(&shown(who)))?;
                write!(f, "{NAME_ENDS}{}", shown(text))
            }
            Line::More { old, text } => {
                write!(f, "{}{MORE}{}", if *old { OLD } else { "" }, shown(text))
            }
            Line::Note(text) => write!(f, "{NOTE}{}", shown(text)),
            Line::Refused(refusal) => write!(f, "{REFUSED}{refusal}"),
            Line::Answer { cid, sent: Ok(seq) } => write!(f, "{ANSWER}{} {}", cid.as_str(), seq.0),
            Line::Answer { cid, sent: Err(refusal) } => {
                write!(f, "{ANSWER}{} {REFUSED}{refusal}", cid.as_str())
            }
        }
    }
}

/// What somebody did to a message or to the room, in one line.
fn change(what: &What) -> Option<String> {
    Some(match what {
        What::Posted { .. } | What::Withdrawn { .. } | What::Edited { body: None, .. } | What::Unknown => {
            return None;
        }
        What::Edited { body: Some(body), .. } => {
            format!("changed a message: {}", body.as_str().replace('\n', " / "))
        }
        What::Deleted { .. } => "took back a message".to_owned(),
        What::Reacted { emoji, on: true, .. } => format!("put {emoji} under a message"),
        What::Reacted { emoji, on: false, .. } => format!("took {emoji} away from a message"),
        What::RoomChanged { topic, seats } => {
            let topic = topic.as_ref().map(|topic| match topic.is_empty() {
                true => "took the topic away".to_owned(),
                false => format!("changed the topic: {topic}"),
            });
            let seats = seats.map(|Limit(seats)| match seats {
                Some(seats) => format!("set the seats to {}", seats.get()),
                None => "lifted the limit of seats".to_owned(),
            });
            seats.into_iter().chain(topic).collect::<Vec<_>>().join(" and ")
        }
    })
}

/// `text` without what steers a display (UAX 9 overrides, C0 and C1 controls, escape sequences by
/// their first byte). Old events were stored under older rules, so this asks nobody.
pub fn shown(text: &str) -> String {
    text.chars().filter(|c| *c == '\t' || !steers_display(*c)).collect()
}

/// A name as it stands before a message, so that it looks like nothing else.
pub fn written_name(name: &str) -> String {
    if !name.contains(':') && !name.starts_with(MARKS) && !name.starts_with(char::is_whitespace) {
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

/// What stands behind [`ANSWER`].
fn parse_answer(answer: &str) -> Option<Line> {
    let (cid, outcome) = answer.split_once(' ')?;
    let sent = match outcome.strip_prefix(REFUSED) {
        Some(refused) => Err(Refusal::from_decoding(&refused)),
        None => Ok(Seq(outcome.parse().ok()?)),
    };
    Some(Line::Answer { cid: Cid::parse(cid).ok()?, sent })
}

/// The name at the beginning of a message line, and what follows it.
fn split_name(line: &str) -> Option<(String, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let (name, text) = line.split_once(NAME_ENDS)?;
        return Some((name.to_owned(), text));
    };
    let (mut name, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => return Some((name, characters.as_str().strip_prefix(NAME_ENDS)?)),
            '\\' => name.push(characters.next()?),
            c => name.push(c),
        }
    }
}

/// What somebody at the line door wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Say(Body),
    /// To say something and be told what became of it; safe to repeat.
    Send(Cid, Body),
    Join(RoomName),
    Leave,
    Name(DisplayName),
    Who,
    History(u32),
    Help,
    Quit,
}

impl Wish {
    /// What `/help` answers.
    pub const HELP: [&str; 4] = [
        "A line is a message to everybody else in the room. Commands:",
        "/join ROOM, /leave, /name NAME, /who, /history N, /me TEXT, /help, /quit",
        "/send CID TEXT is a message that is answered: = CID NUMBER when it is on the disk.",
        "A message that begins with a slash is written with two.",
    ];

    /// Reads a line without its line break; nothing is wished on an empty one.
    ///
    /// The refusals are those of what it names, `unknown_command`, and `bad_request` for a command
    /// that has too many or too few words behind it: `/quit smoking` shall not hang up.
    pub fn parse(line: &str) -> Result<Option<Wish>, Refusal> {
        let line = line.trim();
        let Some(command) = line.strip_prefix('/') else {
            return if line.is_empty() { Ok(None) } else { Body::parse(line).map(Wish::Say).map(Some) };
        };
        if command.starts_with('/') {
            return Body::parse(command).map(Wish::Say).map(Some);
        }
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        let wish = match name {
            "join" => Wish::Join(RoomName::parse(rest)?),
            "name" => Wish::Name(DisplayName::parse(rest)?),
            "history" if rest.is_empty() => Wish::History(History::DEFAULT),
            "history" => Wish::History(rest.parse().map_err(|_| Refusal::BadRequest)?),
            // Between asterisks every door, and every reader, takes it for something that is done.
            "me" => Wish::Say(Body::parse(&format!("*{}*", Body::parse(rest)?))?),
            "send" => {
                let (cid, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                Wish::Send(Cid::parse(cid)?, Body::parse(text)?)
            }
            "leave" | "who" | "help" | "quit" if !rest.is_empty() => return Err(Refusal::BadRequest),
            "leave" => Wish::Leave,
            "who" => Wish::Who,
            "help" => Wish::Help,
            "quit" => Wish::Quit,
            _ => return Err(Refusal::UnknownCommand),
        };
        Ok(Some(wish))
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
            what: What::Posted {
                cid: Cid::from_random(1),
                body: Body::from_store(text.to_owned()),
                via,
                reply_to: None,
                now: None,
            },
        }
    }

    fn written(event: &Event, old: bool) -> Vec<String> {
        Line::of_event(event, old).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_message_is_a_name_and_a_text_and_further_lines_are_set_in() {
        let lines = written(&event("지은", "안녕\n\n잘 지내?", None), false);
        assert_eq!(lines, ["지은: 안녕", "\t", "\t잘 지내?"]);
        assert_eq!(written(&event("지은", "하나\n둘", None), true), ["> 지은: 하나", "> \t둘"]);
        let udp = Some(Via::Udp("127.0.0.1".to_owned()));
        assert_eq!(written(&event("build", "green", udp), false), ["build (udp 127.0.0.1): green"]);
    }

    #[test]
    fn what_happens_to_a_message_is_a_note_when_it_happens_and_nothing_later() {
        let of = Seq(1);
        let cases = [
            (What::Edited { of, body: Body::parse("하나\n둘").ok() }, "* 지은 changed a message: 하나 / 둘"),
            (What::Deleted { of }, "* 지은 took back a message"),
            (
                What::Reacted { to: of, emoji: Emoji::parse("👍").unwrap(), on: true },
                "* 지은 put 👍 under a message",
            ),
            (
                What::RoomChanged {
                    topic: Topic::parse("오늘 저녁").ok(),
                    seats: Some(Limit(Seats::parse(5).ok())),
                },
                "* 지은 set the seats to 5 and changed the topic: 오늘 저녁",
            ),
            (What::RoomChanged { topic: None, seats: Some(Limit(None)) }, "* 지은 lifted the limit of seats"),
        ];
        for (what, line) in cases {
            let event = Event { what, ..event("지은", "x", None) };
            assert_eq!(written(&event, false), [line]);
            assert!(written(&event, true).is_empty());
        }
        let withdrawn = What::Withdrawn { cid: Cid::from_random(1), rev: Seq(2) };
        let event = Event { what: withdrawn, ..event("지은", "x", None) };
        assert!(written(&event, false).is_empty() && written(&event, true).is_empty());
    }

    #[test]
    fn no_name_makes_a_message_look_like_something_else() {
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
            assert_eq!(written(&event(name, "x", None), false), [line]);
            let said = Line::Said { old: false, who: name.to_owned(), text: "x".to_owned() };
            assert_eq!(Line::parse(line), said);
        }
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\u{8}\u{202e}txt\u{2066}\u{85}\u{2028}\u{7f}ok";
        let line = written(&event(hostile, hostile, None), false).concat();
        assert_eq!(line, r#"[2J]0;title31mtxtok: [2J]0;title31mtxtok"#);
    }

    #[test]
    fn every_command_is_read() {
        let body = |text: &str| Wish::Say(Body::parse(text).unwrap());
        let cases = [
            ("안녕", body("안녕")),
            ("  two words ", body("two words")),
            ("//usr/bin", body("/usr/bin")),
            ("/me 손을 흔든다", body("*손을 흔든다*")),
            ("/join 우리 반", Wish::Join(RoomName::parse("우리 반").unwrap())),
            ("/name\t지은", Wish::Name(DisplayName::parse("지은").unwrap())),
            ("/leave", Wish::Leave),
            ("/who ", Wish::Who),
            (
                "/send a-1  /two words ",
                Wish::Send(Cid::parse("a-1").unwrap(), Body::parse("/two words").unwrap()),
            ),
            ("/history", Wish::History(50)),
            ("/history 3", Wish::History(3)),
            ("/help", Wish::Help),
            ("/quit", Wish::Quit),
        ];
        for (line, wish) in cases {
            assert_eq!(Wish::parse(line), Ok(Some(wish)), "{line}");
        }
        assert_eq!(Wish::parse(" \t "), Ok(None));
    }

    #[test]
    fn what_is_no_command_is_refused_and_not_said() {
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
            assert_eq!(Wish::parse(line), Err(refusal), "{line}");
        }
    }

    #[test]
    fn the_servers_own_words_are_marked() {
        let cid = Cid::parse("a-1").unwrap();
        let sent = Line::Answer { cid: cid.clone(), sent: Ok(Seq(7)) };
        assert_eq!(sent.to_string(), "= a-1 7");
        let refused = Line::Answer { cid, sent: Err(Refusal::TooFast) };
        assert!(refused.to_string().starts_with("= a-1 ! too_fast: "));
        for line in [Line::Note("You left.".to_owned()), Line::Refused(Refusal::TooFast), sent, refused] {
            assert_eq!(Line::parse(&line.to_string()), line);
        }
        assert!(Line::Refused(Refusal::TooFast).to_string().starts_with("! too_fast: "));
    }

    #[cfg(not(target_arch = "wasm32"))]
    proptest! {
        #[test]
        fn what_is_written_is_safe_and_is_read_again(
            name in any::<String>(),
            text in any::<String>(),
            old in any::<bool>(),
        ) {
            for line in Line::of_event(&event(&name, &text, None), old) {
                let written = line.to_string();
                prop_assert!(written.chars().all(|c| c == '\t' || !steers_display(c)), "{written:?}");
                let read = Line::parse(&written);
                prop_assert_eq!(read.to_string(), written, "{:?}", read);
                let kind = std::mem::discriminant;
                prop_assert_eq!(kind(&read), kind(&line));
            }
        }

        #[test]
        fn a_line_that_is_clean_already_comes_back_as_it_was(
            who in "[^\\p{C}\\p{Z}][^\\p{C}\\u{2028}\\u{2029}]{0,31}",
            text in "[^\\p{C}\\u{2028}\\u{2029}]{0,80}",
            old in any::<bool>(),
        ) {
            prop_assume!(shown(&who) == who && shown(&text) == text);
            for line in [Line::Said { old, who, text: text.clone() }, Line::More { old, text: text.clone() }, Line::Note(text)] {
                prop_assert_eq!(Line::parse(&line.to_string()), line);
            }
        }

        #[test]
        fn no_line_makes_the_reader_panic(line in any::<String>()) {
            let _ = (Wish::parse(&line), Line::parse(&line));
            let _ = Wish::parse(&format!("/{line}"));
        }
    }
}
