//! Renders events as lines, and lines as text that is safe for any terminal.

use std::fmt;

use super::{
    CONTINUATION_PREFIX, LABEL_CHARS, Line, NAME_SEPARATOR, NOTE_PREFIX, OLD_PREFIX, REFUSAL_PREFIX,
    REPLY_PREFIX, SPECIAL_CHARS,
};
use crate::{
    message::Body,
    person::{DisplayName, Person},
    protocol::event::{Event, EventKind, Via},
    room::SeatLimit,
    text::remove_display_controls,
    unicode,
};

impl Line {
    /// Returns the lines for an event; `old` if it comes from the history. An old event that changes
    /// a message or the room has no line, because the history holds every message in its current state.
    pub fn from_event(event: &Event, old: bool) -> Vec<Line> {
        if let EventKind::Posted { body, via, .. } = &event.kind {
            return Line::from_message(&event.person, body, via.as_ref(), old);
        }
        let note = (!old).then(|| describe_change(&event.kind)).flatten();
        note.map(|note| Line::Note(format!("{} {note}", labelled_name(&event.person)))).into_iter().collect()
    }

    /// Removes what the server knows about the sender, as from a message of one's own.
    pub fn without_label(self) -> Line {
        match self {
            Line::Message { old, name, text, .. } => Line::Message { old, name, label: String::new(), text },
            line => line,
        }
    }

    fn from_message(person: &Person, body: &Body, via: Option<&Via>, old: bool) -> Vec<Line> {
        let (name, label) = (person.name.to_string(), label(person, via));
        let mut texts = body.as_str().split('\n').map(str::to_owned);
        let first = Line::Message { old, name, label, text: texts.next().unwrap_or_default() };
        std::iter::once(first).chain(texts.map(|text| Line::Continuation { old, text })).collect()
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
        EventKind::RoomChanged { topic, seats, shared_network } => {
            let topic = topic.as_ref().map(|topic| match topic.is_empty() {
                true => "took the topic away".to_owned(),
                false => format!("changed the topic: {topic}"),
            });
            let seats = seats.map(|SeatLimit(seats)| match seats {
                Some(seats) => format!("set the seats to {}", seats.get()),
                None => "lifted the limit of seats".to_owned(),
            });
            let shared_network = shared_network.map(|is_shared| match is_shared {
                true => "let newcomers of one network take all seats".to_owned(),
                false => "let newcomers of one network take half of the seats".to_owned(),
            });
            seats.into_iter().chain(shared_network).chain(topic).collect::<Vec<_>>().join(" and ")
        }
    })
}

/// Writes the line without a line break, in a form that is safe for any terminal.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Message { old, name, label, text } => {
                f.write_str(if *old { OLD_PREFIX } else { "" })?;
                f.write_str(&quote_name(&sanitize(name)))?;
                if !label.is_empty() {
                    write!(f, " {}", sanitize(label))?;
                }
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

/// Returns a name as it stands in a sentence of the server, with the mark and the roles.
pub fn labelled_name(person: &Person) -> String {
    let (name, label) = (quote_in_sentence(person.name.as_str()), label(person, None));
    if label.is_empty() { name } else { format!("{name} {label}") }
}

/// Returns what the server knows about a person or the sender of a message: `#k3f9 (guest)`.
fn label(person: &Person, via: Option<&Via>) -> String {
    let mut roles = person.roles;
    // The name says it already.
    roles.guest &= person.name != DisplayName::for_guest(person.id);
    let roles = match via {
        Some(Via::Udp(from)) => format!("udp {from}"),
        None => roles.names().collect::<Vec<_>>().join(", "),
    };
    let roles = (!roles.is_empty()).then(|| format!("({roles})"));
    let mark = person.mark.as_ref().map(ToString::to_string);
    mark.into_iter().chain(roles).collect::<Vec<_>>().join(" ")
}

/// Removes the characters that control a display: UAX 9 overrides, C0 and C1 controls, and with them
/// the first byte of escape sequences.
pub fn sanitize(text: &str) -> String {
    // Needed although text is validated when it is parsed: old events passed older rules.
    text.split('\t').map(remove_display_controls).collect::<Vec<_>>().join("\t")
}

/// Writes a name as it is shown before a message: in quotes if the line could look like another kind.
pub fn quote_name(name: &str) -> String {
    if !name.contains(':')
        && !name.contains(LABEL_CHARS)
        && !name.starts_with(SPECIAL_CHARS)
        && !name.starts_with(char::is_whitespace)
    {
        return name.to_owned();
    }
    quote(name)
}

/// Writes a name as it stands in a sentence of the server: in quotes if it could be read as words of the
/// sentence, such as `nobody`, or `Jun left. Lee`.
pub fn quote_in_sentence(name: &str) -> String {
    let is_word = |c: char| unicode::is_letter(c) || unicode::is_mark_of_word(c) || matches!(c, '-' | '_');
    // The server's sentences are English, so names in these scripts may have several words.
    let is_foreign = |c: char| unicode::is_unspaced(c) || c.is_ascii_digit();
    let is_bare = match name.contains(' ') {
        true => !name.starts_with(' ') && name.chars().all(|c| c == ' ' || is_foreign(c)),
        false => {
            let word = unicode::lowercase(&unicode::fold_width(name));
            name.chars().all(is_word) && !WORDS_OF_SENTENCES.contains(&word.as_str())
        }
    };
    if is_bare { name.to_owned() } else { quote(name) }
}

/// The words of the server that stand where a name could stand.
const WORDS_OF_SENTENCES: [&str; 21] = [
    "all",
    "and",
    "enter",
    "everybody",
    "goodbye",
    "here",
    "in",
    "is",
    "it",
    "madang",
    "more",
    "nobody",
    "server",
    "somebody",
    "the",
    "there",
    "they",
    "this",
    "we",
    "welcome",
    "you",
];

fn quote(name: &str) -> String {
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
