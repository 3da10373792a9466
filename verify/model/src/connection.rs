//! The connections between a client and the server: two ordered queues, and the state of both ends.
//!
//! A connection that the server closed may still deliver packets to the client. A connection that
//! the client closed may already have delivered commands to the server; those are kept in
//! `leftover`.

use std::collections::VecDeque;

use crate::packets::{Command, Message, Packet};

/// Everything between one client and the server.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Channel {
    /// Present for as long as the client keeps it open.
    pub(crate) connection: Option<Connection>,
    /// Messages that earlier connections delivered and the server has not handled yet.
    pub(crate) leftover: VecDeque<Message>,
}

#[derive(Clone, Debug, Hash)]
pub(crate) struct Connection {
    pub(crate) up: VecDeque<Command>,
    pub(crate) down: VecDeque<Packet>,
    /// The server's end; `None` once the server has closed the connection.
    pub(crate) session: Option<Session>,
}

/// The server's state of one connection.
#[derive(Clone, Debug, Default, Hash)]
pub(crate) struct Session {
    /// Whether the room's broadcasts are delivered to it.
    pub(crate) is_subscribed: bool,
    pub(crate) step: Step,
}

/// The progress of the command that the session executes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    #[default]
    Idle,
    /// Join: the room was looked up, when its last event was `known`.
    LookedUp { since: Option<u8>, known: u8 },
    /// Join: the session is subscribed to the room.
    Subscribed { since: Option<u8>, known: u8 },
    /// Join in the wrong order: the log was read before the subscription.
    ReadTooEarly { known: u8, reply: Packet },
    /// Send: the message is queued for the writer.
    AwaitingWriter,
    /// The reply is ready to be sent.
    Replying(Packet),
}

impl Channel {
    pub(crate) fn open(&mut self, join: Command) {
        let session = Some(Session::default());
        self.connection = Some(Connection { up: VecDeque::from([join]), down: VecDeque::new(), session });
    }

    /// Closes the client's end. Commands already sent may have reached the server; the writer's
    /// answer to the session's current command is dropped.
    pub(crate) fn give_up(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        self.leftover = connection.up.iter().filter_map(|command| message_of(*command)).collect();
    }

    /// Closes the server's end, and drops the commands it has not started.
    pub(crate) fn cut(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.session = None;
            connection.up.clear();
        }
    }

    /// Loses the next packet to the client without either end noticing.
    pub(crate) fn drop_packet(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.down.pop_front();
        }
    }

    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        self.connection.as_mut()?.session.as_mut()
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        let session = self.connection.as_ref().and_then(|connection| connection.session.as_ref());
        session.is_some_and(|session| session.is_subscribed)
    }
}

impl Connection {
    /// Whether a packet is on its way, or the session is executing a command.
    pub(crate) fn is_busy(&self) -> bool {
        let is_working = self.session.as_ref().is_some_and(|session| session.step != Step::Idle);
        is_working || !self.up.is_empty() || !self.down.is_empty()
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
