//! Properties of Madang's parsers that must hold for every input: one function per parser, which
//! panics if a property is violated.
//!
//! Called by the targets of `cargo fuzz`, and by `bin/fuzz`, which works with a stable compiler.

use common::{
    datagram::Datagram,
    json::{self, FromJson},
    line::{Line, LineCommand},
    markup::{self, Block, ListItem, Span},
    message::Body,
    person::DisplayName,
    protocol::{
        push::RoomEvent,
        reply::{Joined, Page},
    },
    room::RoomName,
    socketio::{self, Frame},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, Value};

/// A function that must not panic.
pub type Target = fn(&str);

/// All targets by name.
pub const TARGETS: [(&str, Target); 5] =
    [("line", line), ("datagram", datagram), ("socketio", socketio), ("json", json), ("markup", markup)];

/// Line protocol: a written line cannot control a terminal, is a single line, and parses to the same value.
pub fn line(text: &str) {
    for line in text.split('\n') {
        if let Ok(Some(LineCommand::Message(body))) = LineCommand::parse(line) {
            assert_eq!(Body::parse(body.as_str()).as_ref(), Ok(&body), "a parsed message does not change");
        }
        let read = Line::parse(line);
        let written = read.to_string();
        let controls_display =
            |c: char| c.is_control() && c != '\t' || ('\u{202A}'..='\u{202E}').contains(&c);
        assert!(!written.contains(controls_display), "{written:?}");
        let again = Line::parse(&written);
        assert_eq!(again.to_string(), written, "writing and parsing a line again does not change it");
        if written == line {
            assert_eq!(again, read);
        }
    }
    // No valid name and no text make a message look like another kind of line.
    let (name, text) = text.split_once('\n').unwrap_or((text, text));
    let text = text.replace('\n', " ");
    let line = Line::Message { old: false, name: name.to_owned(), label: String::new(), text };
    if let read @ (Line::Note(_)
    | Line::Refused(_)
    | Line::Continuation { .. }
    | Line::Message { old: true, .. }) = Line::parse(&line.to_string())
    {
        assert!(DisplayName::parse(name).is_err(), "{name:?} makes a message look like {read:?}");
    }
}

/// Datagrams: a parsed datagram that is written and parsed again has the same fields.
pub fn datagram(text: &str) {
    let Ok(Datagram { room, name, body, .. }) = Datagram::parse(text) else { return };
    if body.as_str().starts_with('/') {
        // Without its original headers, the body could be parsed as a header.
        return;
    }
    let to = room.as_ref().map_or(String::new(), |room| format!("/to {room}\n"));
    let by = name.as_ref().map_or(String::new(), |name| format!("/name {name}\n"));
    let again = format!("{to}{by}{body}");
    let again = Datagram::parse(&again).expect("a written datagram can be parsed");
    assert_eq!((again.authentication, again.room, again.name, again.body), (None, room, name, body));
}

/// Socket.IO packets: valid packets are decoded to the name and payload they hold.
pub fn socketio(text: &str) {
    let _ = Frame::decode(text);
    let arguments: Result<Vec<&RawValue>, _> = serde_json::from_str(text);
    if let Ok([name, payload]) = arguments.as_deref()
        && let Ok(name) = serde_json::from_str::<String>(name.get())
        // Excludes unpaired surrogates inside the payload, which `RawValue` does not check.
        && serde_json::from_str::<Value>(text).is_ok()
        && is_shallow(text)
    {
        let packet = format!("42{text}");
        let Ok(Frame::Event { name: decoded, payload: bytes }) = Frame::decode(&packet) else {
            panic!("{packet:?} is an event")
        };
        assert_eq!((decoded.as_str(), bytes), (name.as_str(), payload.get()));
        let command = socketio::command(&name, payload, 7).expect("a JSON payload can be serialized");
        let command = command.replacen("427", "42", 1);
        assert!(matches!(Frame::decode(&command), Ok(Frame::Event { name: again, .. }) if again == name));
    }
}

/// The page's JSON codec: it reads everything that the server writes, as the same value.
pub fn json(text: &str) {
    agree::<RoomEvent>(text);
    agree::<Page>(text);
    agree::<Joined>(text);
}

fn agree<T: FromJson + for<'de> Deserialize<'de> + Serialize>(text: &str) {
    let ours = json::from_str::<T>(text).ok();
    let Ok(value) = serde_json::from_str::<T>(text) else { return };
    // Serialized again as the server would write it: all numbers are small integers.
    let written = serde_json::to_string(&value).expect("protocol types can be serialized");
    let read = json::from_str::<T>(&written).unwrap_or_else(|_| panic!("{written} is not read"));
    let back = |value: &T| serde_json::to_string(value).expect("protocol types can be serialized");
    assert_eq!(back(&read), written);
    if let Some(ours) = ours {
        // The page does not validate text, so its value is read by serde before comparing.
        let ours =
            serde_json::from_str(&back(&ours)).unwrap_or_else(|_| panic!("{text} is read in two ways"));
        assert_eq!(back(&ours), written, "{text} is read in two ways");
    }
}

fn is_shallow(text: &str) -> bool {
    text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() < 60
}

/// Markup: parsing ends, links have only the allowed schemes, and all shown text is part of the input.
pub fn markup(text: &str) {
    let blocks = markup::parse(text, &|after| markup::mention_len(after, "지은"));
    each_span(&blocks, &mut |span| {
        let (shown, address) = match span {
            Span::Text(text) | Span::Code(text) | Span::Mention(text) => (text, None),
            Span::Link { text, address, .. } => (text, Some(address)),
            Span::Styled(..) => return,
        };
        // The parser inserts line breaks between lines after it removed their markup.
        for part in shown.split('\n') {
            assert!(text.contains(part), "{part:?} was never written");
        }
        if let Some(address) = address {
            let is_known = ["http:", "https:", "mailto:"].iter().any(|scheme| {
                address.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            });
            assert!(is_known, "{address:?}");
        }
    });
    let _ = (markup::plain_text(text), markup::mentions(text, "지은"), markup::is_only_emoji(text));
    let _ = (RoomName::parse(text), DisplayName::parse(text));
}

fn each_span(blocks: &[Block], visit: &mut dyn FnMut(&Span)) {
    fn in_spans(spans: &[Span], visit: &mut dyn FnMut(&Span)) {
        for span in spans {
            visit(span);
            if let Span::Styled(_, inner) = span {
                in_spans(inner, visit);
            }
        }
    }
    for block in blocks {
        match block {
            Block::Text(spans) => in_spans(spans, visit),
            Block::Code { .. } => {}
            Block::Quote(inner) => each_span(inner, visit),
            Block::List(items) => {
                for ListItem { text, children, .. } in items {
                    in_spans(text, visit);
                    each_span(children, visit);
                }
            }
        }
    }
}
