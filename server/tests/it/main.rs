//! Promises of the server, kept over real sockets with a real database.
//!
//! One binary, a file per subject; `support.rs` starts servers and speaks Socket.IO.

// A test that can not go on should panic; clippy.toml knows this of test functions only.
#![allow(clippy::unwrap_used)]

mod across;
mod changes;
mod cli;
mod crash;
mod disk;
mod fold;
mod hostile;
mod http;
mod http_events;
mod http_messages;
mod line;
mod openapi;
mod past;
mod presence;
mod program;
mod protocol;
mod pty;
mod removing;
mod slow;
mod sources;
mod store;
mod stream;
mod support;
mod tcp;
mod terminal;
mod tutorial;
mod udp;
