//! The protocol: every type that crosses the wire as JSON.
//!
//! 1. A client sends a [`Command`](command::Command): a Socket.IO event with one JSON object as its
//!    argument and an acknowledgement.
//! 2. The acknowledgement carries the command's [`Reply`](reply::Reply), or an
//!    [`ErrorReply`](reply::ErrorReply). [`Request`](command::Request) connects a command with its name
//!    and the type of its reply.
//! 3. A command that changes something for others appends an [`Event`](event::Event) to the room's log.
//!    The numbers of a log have no gaps, so a client knows what it has missed and asks for it.
//! 4. The server sends a [`Push`](push::Push) without a request: the new event to all members, and what
//!    is in no log, such as presence.
//!
//! The HTTP API answers with the same types; [`http`] has the bodies that only it uses. [`tutorial`] has
//! the event names of Socket.IO's own chat tutorial, and [`admin`] the commands of the operator.
//!
//! `docs/protocol.md` documents all of them with examples that run as tests. The JSON is public and
//! stays as it is: where a Rust name differs from it, `#[serde(rename)]` keeps the JSON name, and
//! so does `json/types.rs`, the page's codec.

pub mod admin;
pub mod command;
pub mod event;
pub mod http;
pub mod push;
pub mod reply;
pub mod tutorial;
mod unknown;

/// The version of this protocol. It changes only if old clients would stop working.
pub const PROTOCOL: u32 = 1;
