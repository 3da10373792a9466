//! The server's promises, tested over real sockets with a real database.
//!
//! One binary, one file per subject; `harness.rs` starts servers and clients.

// A test that cannot go on should panic; clippy.toml exempts only test functions, not their helpers.
#![allow(clippy::unwrap_used)]

mod admin;
mod bans;
mod cli;
mod crash;
mod documents;
mod edits;
mod full_disk;
mod harness;
mod hostile;
mod http;
mod http_events;
mod http_messages;
mod line;
mod line_client;
mod openapi;
mod outputs;
mod ownership;
mod past;
mod people;
mod presence;
mod protocol;
mod proxies;
mod pty;
mod reducer;
mod retention;
mod room_names;
mod server_process;
// Part of the build script, which can not run tests itself.
#[path = "../../build/shell.rs"]
mod shell;
mod slow_clients;
mod sources;
mod sse_client;
mod storage;
mod store;
#[cfg(feature = "faults")]
mod supervision;
mod terminal;
mod text;
mod transports;
mod tutorial;
mod udp;
