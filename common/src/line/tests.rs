#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::{
    message::{Cid, Emoji, Seq, Timestamp},
    person::{Person, PersonId, Roles},
    protocol::event::{Event, EventKind, Via},
    room::{SeatLimit, Seats, Topic},
};

fn event(name: &str, text: &str, via: Option<Via>) -> Event {
    Event {
        seq: Seq(1),
        at: Timestamp(0),
        person: Person::new(PersonId(1), DisplayName::from_store(name.to_owned())),
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
                shared_network: None,
            },
            "* 지은 set the seats to 5 and changed the topic: 오늘 저녁",
        ),
        (
            EventKind::RoomChanged { topic: None, seats: Some(SeatLimit(None)), shared_network: None },
            "* 지은 lifted the limit of seats",
        ),
        (
            EventKind::RoomChanged { topic: None, seats: None, shared_network: Some(true) },
            "* 지은 let newcomers of one network take all seats",
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
        ("a (owner)", r#""a (owner)": x"#),
        ("a #k3f9", r##""a #k3f9": x"##),
        ("a （guest）", r#""a （guest）": x"#),
        ("a*b", "a*b: x"),
    ];
    for (name, line) in cases {
        assert_eq!(lines_of(&event(name, "x", None), false), [line]);
        let message =
            Line::Message { old: false, name: name.to_owned(), label: String::new(), text: "x".to_owned() };
        assert_eq!(Line::parse(line), message);
    }
}

#[test]
fn no_name_in_a_sentence_looks_like_words_of_the_server() {
    let note = |name: &str| {
        let event = Event { kind: EventKind::Deleted { target: Seq(1) }, ..event(name, "x", None) };
        lines_of(&event, false).concat()
    };
    for name in [
        "지은",
        "이 지은",
        "3반 지은",
        "Jungeun",
        "guest-0412",
        "build_bot",
        "지은🎉",
        "ㅋㅋ",
        "東京 太郎",
        "Мария",
    ] {
        assert_eq!(note(name), format!("* {name} took back a message"));
    }
    for name in [
        "The owner of lobby",
        "You are in lobby; nobody else is here.",
        "you",
        "Ｙｏｕ",
        "nobody",
        "Madang",
        "지은, 민수",
        "지은 left",
        "민수 (udp 127.0.0.1)",
        "*",
        "지은:",
        "지은.",
        "build bot",
    ] {
        assert_eq!(note(name), format!("* \"{name}\" took back a message"));
    }
    assert_eq!(note(r#"a "b\"#), r#"* "a \"b\\" took back a message"#);
}

#[test]
fn a_name_is_followed_by_the_mark_and_the_roles_and_no_name_looks_like_them() {
    let person = |name: &str, roles: Roles, mark: bool| {
        let event = event(name, "x", None);
        let mark = mark.then(|| event.person.id.into());
        Event { person: Person { roles, mark, ..event.person }, ..event }
    };
    let guest = Roles { guest: true, ..Roles::default() };
    let owner = Roles { owner: true, ..Roles::default() };
    let (none, program) = (Roles::default(), Roles { program: true, ..guest });
    for (event, line, label) in [
        (person("지은", guest, false), "지은 (guest): x", "(guest)"),
        (person("지은", owner, true), "지은 #2223 (owner): x", "#2223 (owner)"),
        (person("지은", none, true), "지은 #2223: x", "#2223"),
        (person("bot", program, false), "bot (guest, program): x", "(guest, program)"),
        (person("guest-0001", guest, false), "guest-0001: x", ""),
        (person("a (owner)", guest, false), r#""a (owner)" (guest): x"#, "(guest)"),
        (person("a: b", guest, true), r##""a: b" #2223 (guest): x"##, "#2223 (guest)"),
    ] {
        assert_eq!(lines_of(&event, false), [line]);
        let (name, label) = (event.person.name.to_string(), label.to_owned());
        assert_eq!(Line::parse(line), Line::Message { old: false, name, label, text: "x".to_owned() });
    }
    let deleted = Event { kind: EventKind::Deleted { target: Seq(1) }, ..person("지은", guest, true) };
    assert_eq!(lines_of(&deleted, false), ["* 지은 #2223 (guest) took back a message"]);
}

#[test]
fn no_line_controls_a_terminal() {
    let hostile = "\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}31m\r\u{8}\u{202e}txt\u{2066}\u{85}\u{2028}\u{7f}ok";
    let line = lines_of(&event(hostile, hostile, None), false).concat();
    assert_eq!(line, r#"[2J]0;title31mtxtok: [2J]0;title31mtxtok"#);
}

#[test]
fn the_flags_of_regions_reach_a_terminal_and_other_tags_do_not() {
    let wales = "🏴\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}";
    let hidden = format!("{wales}\u{E0061}🏴\u{E0067}\u{E0062}\u{E007F}");
    assert_eq!(lines_of(&event(wales, &hidden, None), false), [format!("{wales}: {wales}🏴")]);
}

#[test]
fn every_command_is_parsed() {
    let body = |text: &str| LineCommand::Message(Body::parse(text).unwrap());
    let cases = [
        ("안녕", body("안녕")),
        ("  two words ", body("  two words")),
        ("\tindented", body("\tindented")),
        ("//usr/bin", body("/usr/bin")),
        ("    // a comment", body("    // a comment")),
        ("\u{1b}[32mPASS\u{1b}[0m ok", body("PASS ok")),
        ("하나\u{B}/join r", body("하나\n/join r")),
        (" /who", LineCommand::Who),
        ("/me 손을 흔든다", body("*손을 흔든다*")),
        ("/join 우리 반", LineCommand::Join(RoomName::parse("우리 반").unwrap())),
        ("/name\t지은", LineCommand::Name(DisplayName::parse("지은").unwrap())),
        ("/leave", LineCommand::Leave),
        ("/who ", LineCommand::Who),
        (
            "/send a-1  /two words ",
            LineCommand::Send(Cid::parse("a-1").unwrap(), Body::parse(" /two words").unwrap()),
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
    assert_eq!(LineCommand::parse("\u{1b}[0m"), Ok(None));
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
        ("/send a!b text", Refusal::CidInvalid),
        ("/send a-1", Refusal::MessageEmpty),
        ("\u{200B}", Refusal::MessageEmpty),
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
mod properties {
    use proptest::prelude::*;

    use super::*;
    use crate::{line::render::sanitize, text::is_display_control};

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
            for line in [Line::Message { old, name, label: String::new(), text: text.clone() }, Line::Continuation { old, text: text.clone() }, Line::Note(text)] {
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
