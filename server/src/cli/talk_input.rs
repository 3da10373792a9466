//! The lines that a user types in `madang talk`: messages and commands, as in the line protocol.

use common::{line::LineCommand, message::Body, refusal::Refusal};

use super::{client::ClientCommand, send::split_lines};

/// The output of `/help`.
pub(super) const HELP: &str = "Commands: /name NAME, /who, /history N, /me TEXT, /help, /quit. A message that begins with a slash has two.";

/// A line that the user typed, parsed.
pub(super) enum Input {
    Empty,
    Messages(Vec<Body>),
    Command(ClientCommand),
    Help,
    Quit,
}

/// Parses a line like the line protocol; `single_line` if a message must be a single line.
pub(super) fn parse(line: &str, single_line: bool) -> Result<Input, Refusal> {
    Ok(match LineCommand::parse(line)? {
        None => Input::Empty,
        Some(LineCommand::Message(body) | LineCommand::Send(_, body)) if single_line => {
            Input::Messages(split_lines(&body))
        }
        Some(LineCommand::Message(body) | LineCommand::Send(_, body)) => Input::Messages(vec![body]),
        Some(LineCommand::Name(name)) => Input::Command(ClientCommand::Rename(name)),
        Some(LineCommand::Who) => Input::Command(ClientCommand::Who),
        Some(LineCommand::History(limit)) => Input::Command(ClientCommand::History(limit)),
        Some(LineCommand::Help) => Input::Help,
        Some(LineCommand::Quit) => Input::Quit,
        // The conversation is bound to the room of the command line.
        Some(LineCommand::Join(_) | LineCommand::Leave) => return Err(Refusal::UnknownCommand),
    })
}
