//! Parses the lines of both directions.

use super::{
    CONTINUATION_PREFIX, Line, LineCommand, NAME_SEPARATOR, NOTE_PREFIX, OLD_PREFIX, REFUSAL_PREFIX,
    REPLY_PREFIX,
};
use crate::{
    message::{Body, Cid, Seq},
    person::DisplayName,
    protocol::command::History,
    refusal::Refusal,
    room::RoomName,
    text,
};

impl LineCommand {
    /// Whether the line names a room to enter, also if [`LineCommand::parse`] refuses the name.
    pub fn is_join(line: &str) -> bool {
        let command = line.trim().split(char::is_whitespace).next();
        command == Some("/join")
    }

    /// Parses a line without its line break; `None` for an empty line. The refusals are those of the
    /// arguments, `unknown_command`, and `bad_request` for a wrong number of arguments.
    pub fn parse(line: &str) -> Result<Option<LineCommand>, Refusal> {
        let line = text::clean(line);
        if line.trim().is_empty() {
            return Ok(None);
        }
        if let Some(rest) = line.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
            return Body::parse(rest).map(LineCommand::Message).map(Some);
        }
        // Indented, two slashes are a comment in somebody's code, and one is a command that was mistyped.
        let command = line.trim_start().strip_prefix('/').filter(|rest| !rest.starts_with('/'));
        let Some(rest) = command else { return Body::parse(&line).map(LineCommand::Message).map(Some) };
        let (name, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        let rest = text.trim();
        let command = match name {
            "join" => LineCommand::Join(RoomName::parse(rest)?),
            "name" => LineCommand::Name(DisplayName::parse(rest)?),
            "history" if rest.is_empty() => LineCommand::History(History::DEFAULT),
            "history" => LineCommand::History(rest.parse().map_err(|_| Refusal::BadRequest)?),
            // All clients show text between asterisks as emphasised, so this needs no kind of its own.
            "me" => LineCommand::Message(Body::parse(&format!("*{}*", Body::parse(rest)?))?),
            "send" => {
                let (cid, text) = text.trim_start().split_once(char::is_whitespace).unwrap_or((rest, ""));
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

impl Line {
    /// Parses the output of [`Display`](std::fmt::Display). Any text is a valid line: an unknown form is a note.
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
            Some((name, label, text)) => {
                Line::Message { old, name, label: label.to_owned(), text: text.to_owned() }
            }
            None => Line::Note(line.to_owned()),
        }
    }
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

/// Splits a message line into the name, the label and the text.
fn split_name(line: &str) -> Option<(String, &str, &str)> {
    let Some(quoted) = line.strip_prefix('"') else {
        let (name, text) = line.split_once(NAME_SEPARATOR)?;
        // A name that is not quoted holds none of these.
        let labels = [" #", " ("].into_iter().filter_map(|start| name.find(start));
        let (name, label) = labels.min().map_or((name, ""), |at| (&name[..at], &name[at + 1..]));
        return Some((name.to_owned(), label, text));
    };
    let (mut name, mut characters) = (String::new(), quoted.chars());
    loop {
        match characters.next()? {
            '"' => {
                let rest = characters.as_str();
                if let Some(text) = rest.strip_prefix(NAME_SEPARATOR) {
                    return Some((name, "", text));
                }
                let (label, text) = rest.strip_prefix(' ')?.split_once(NAME_SEPARATOR)?;
                return label.starts_with(['#', '(']).then_some((name, label, text));
            }
            '\\' => name.push(characters.next()?),
            c => name.push(c),
        }
    }
}
