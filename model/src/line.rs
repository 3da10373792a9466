//! A client's way to the server: two queues in order, and who still stands at their ends.
//!
//! A line that the server ended may still carry its last packets to the client; one that the client
//! gave up may still have brought commands to the server, which are kept as `leftover`.

use std::collections::VecDeque;

use crate::words::{Command, Message, Packet};

/// All that lies between one client and the server.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Way {
    /// As long as the client holds on to it.
    pub(crate) line: Option<Line>,
    /// What earlier lines brought to the server and is not done yet.
    pub(crate) leftover: VecDeque<Message>,
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Line {
    pub(crate) up: VecDeque<Command>,
    pub(crate) down: VecDeque<Packet>,
    /// The server's end; none once the server has cut the line.
    pub(crate) session: Option<Session>,
}

/// What the server knows of a line.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Session {
    /// Whether it hears what is told in the room.
    pub(crate) seated: bool,
    pub(crate) doing: Doing,
}

/// How far the session is with the command it is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    #[default]
    Nothing,
    /// Joining: the room was looked up when its last event was `known`.
    LookedUp { since: Option<u8>, known: u8 },
    /// Joining: it has its place.
    Seated { since: Option<u8>, known: u8 },
    /// Joining in the wrong order: the log was read before there was a place.
    ReadTooEarly { known: u8, reply: Packet },
    /// Sending: the writer has the message.
    Waiting,
    /// The reply is ready.
    Replying(Packet),
}

impl Way {
    pub(crate) fn open(&mut self, join: Command) {
        let session = Some(Session::default());
        self.line = Some(Line { up: VecDeque::from([join]), down: VecDeque::new(), session });
    }

    /// The client lets go. What it had sent may have reached the server; the writer's answer to what
    /// the session was doing goes nowhere.
    pub(crate) fn give_up(&mut self) {
        let Some(line) = self.line.take() else { return };
        self.leftover = line.up.iter().filter_map(|command| message_of(*command)).collect();
    }

    /// The server lets go, and forgets what it had not begun.
    pub(crate) fn cut(&mut self) {
        if let Some(line) = &mut self.line {
            line.session = None;
            line.up.clear();
        }
    }

    /// The next packet for the client vanishes, and nobody notices.
    pub(crate) fn lose_packet(&mut self) {
        if let Some(line) = &mut self.line {
            line.down.pop_front();
        }
    }

    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        self.line.as_mut()?.session.as_mut()
    }

    pub(crate) fn is_seated(&self) -> bool {
        let session = self.line.as_ref().and_then(|line| line.session.as_ref());
        session.is_some_and(|session| session.seated)
    }
}

impl Line {
    /// Whether something is on its way, in either direction or inside the server.
    pub(crate) fn is_busy(&self) -> bool {
        let doing = self.session.as_ref().is_some_and(|session| session.doing != Doing::Nothing);
        doing || !self.up.is_empty() || !self.down.is_empty()
    }

    pub(crate) fn has_heartbeat(&self) -> bool {
        self.down.iter().any(|packet| matches!(packet, Packet::Heartbeat { .. }))
    }
}

fn message_of(command: Command) -> Option<Message> {
    match command {
        Command::Send(message) => Some(message),
        Command::Join { .. } | Command::History { .. } => None,
    }
}
