//! Promises of the server, kept over real sockets with a real database.
//!
//! One binary, a file per subject; `support.rs` starts servers and speaks Socket.IO.

// A test that can not go on should panic; clippy.toml knows this of test functions only.
#![allow(clippy::unwrap_used)]

mod across;
mod crash;
mod disk;
mod hostile;
mod http;
mod http_events;
mod http_messages;
mod line;
mod openapi;
mod program;
mod protocol;
mod slow;
mod sources;
mod store;
mod support;
mod tcp;
mod tutorial;
mod udp;
