//! What must hold for everything that Madang reads, whoever wrote it: one function for each reader,
//! which panics when it does not.
//!
//! The targets of `cargo fuzz` call them, and so does `bin/fuzz`, which needs no nightly compiler.

use common::{
    datagram::Datagram,
    event::{Joined, Page, RoomEvent},
    json::{self, FromJson},
    line::{Line, Wish},
    markup::{self, Block, Item, Span},
    message::Body,
    person::DisplayName,
    room::RoomName,
    socketio::{self, Frame},
};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, Value};

/// A function that must not panic.
pub type Target = fn(&str);

/// All of them, by name.
pub const TARGETS: [(&str, Target); 5] =
    [("line", line), ("datagram", datagram), ("socketio", socketio), ("json", json), ("markup", markup)];

/// Lines: what is written steers no terminal, stays one line, and is read as what it was.
pub fn line(text: &str) {
    for line in text.split('\n') {
        if let Ok(Some(Wish::Say(body))) = Wish::parse(line) {
            assert_eq!(Body::parse(body.as_str()).as_ref(), Ok(&body), "a message stays what it is");
        }
        let read = Line::parse(line);
        let written = read.to_string();
        let steers = |c: char| c.is_control() && c != '\t' || ('\u{202A}'..='\u{202E}').contains(&c);
        assert!(!written.contains(steers), "{written:?}");
        let again = Line::parse(&written);
        assert_eq!(again.to_string(), written, "what was read safely is written as it was read");
        if written == line {
            assert_eq!(again, read);
        }
    }
    // Whatever somebody is called and says, it looks like nothing else.
    let (who, said) = text.split_once('\n').unwrap_or((text, text));
    let said = said.replace('\n', " ");
    let line = Line::Said { old: false, who: who.to_owned(), text: said };
    if let read @ (Line::Note(_) | Line::Refused(_) | Line::More { .. } | Line::Said { old: true, .. }) =
        Line::parse(&line.to_string())
    {
        assert!(DisplayName::parse(who).is_err(), "{who:?} makes a message look like {read:?}");
    }
}

/// Datagrams: what was read and is written out again is read as the same.
pub fn datagram(text: &str) {
    let Ok(Datagram { room, name, body, .. }) = Datagram::parse(text) else { return };
    if body.as_str().starts_with('/') {
        // Without what stood before it, it may name something itself.
        return;
    }
    let to = room.as_ref().map_or(String::new(), |room| format!("/to {room}\n"));
    let by = name.as_ref().map_or(String::new(), |name| format!("/name {name}\n"));
    let again = format!("{to}{by}{body}");
    let again = Datagram::parse(&again).expect("what was read can be read");
    assert_eq!((again.proof, again.room, again.name, again.body), (None, room, name, body));
}

/// Packets: what a library of Socket.IO would read is read, and as the same.
pub fn socketio(text: &str) {
    let _ = Frame::decode(text);
    let arguments: Result<Vec<&RawValue>, _> = serde_json::from_str(text);
    if let Ok([name, payload]) = arguments.as_deref()
        && let Ok(name) = serde_json::from_str::<String>(name.get())
        // Also not within a text: half a surrogate pair is not JSON's to carry.
        && serde_json::from_str::<Value>(text).is_ok()
        && is_shallow(text)
    {
        let packet = format!("42{text}");
        let Ok(Frame::Event { name: read, payload: bytes }) = Frame::decode(&packet) else {
            panic!("{packet:?} is an event")
        };
        assert_eq!((read.as_str(), bytes), (name.as_str(), payload.get()));
        let command = socketio::command(&name, payload, 7).expect("JSON has a JSON form");
        let command = command.replacen("427", "42", 1);
        assert!(matches!(Frame::decode(&command), Ok(Frame::Event { name: again, .. }) if again == name));
    }
}

/// The page's reader of JSON: what the server writes is read as what was written.
pub fn json(text: &str) {
    agree::<RoomEvent>(text);
    agree::<Page>(text);
    agree::<Joined>(text);
}

fn agree<T: FromJson + for<'de> Deserialize<'de> + Serialize>(text: &str) {
    let ours = json::read::<T>(text).ok();
    let Ok(value) = serde_json::from_str::<T>(text) else { return };
    // As the server would write it: numbers of ours are whole and small.
    let written = serde_json::to_string(&value).expect("words of ours have a JSON form");
    let read = json::read::<T>(&written).unwrap_or_else(|_| panic!("{written} is not read"));
    let back = |value: &T| serde_json::to_string(value).expect("words of ours have a JSON form");
    assert_eq!(back(&read), written);
    if let Some(ours) = ours {
        // Texts are taken as they stand, and have the form only of whoever wrote them.
        let ours = serde_json::from_str(&back(&ours)).unwrap_or_else(|_| panic!("{text} is read in two ways"));
        assert_eq!(back(&ours), written, "{text} is read in two ways");
    }
}

fn is_shallow(text: &str) -> bool {
    text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count() < 60
}

/// Markup: it ends, it leads nowhere but to pages and letters, and it shows nothing that was not
/// written.
pub fn markup(text: &str) {
    let blocks = markup::parse(text, &|after| markup::called(after, "지은"));
    each_span(&blocks, &mut |span| {
        let (shown, address) = match span {
            Span::Text(text) | Span::Code(text) | Span::Mention(text) => (text, None),
            Span::Link { text, address } => (text, Some(address)),
            Span::Styled(..) => return,
        };
        // Line breaks are put between lines that were cleared of their marks.
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
    let _ = (markup::plain(text), markup::mentions(text, "지은"), markup::is_only_emoji(text));
    let _ = (RoomName::parse(text), DisplayName::parse(text));
}

fn each_span(blocks: &[Block], see: &mut dyn FnMut(&Span)) {
    fn in_spans(spans: &[Span], see: &mut dyn FnMut(&Span)) {
        for span in spans {
            see(span);
            if let Span::Styled(_, inner) = span {
                in_spans(inner, see);
            }
        }
    }
    for block in blocks {
        match block {
            Block::Text(spans) => in_spans(spans, see),
            Block::Code { .. } => {}
            Block::Quote(inner) => each_span(inner, see),
            Block::List(items) => {
                for Item { text, below, .. } in items {
                    in_spans(text, see);
                    each_span(below, see);
                }
            }
        }
    }
}
