//! What the page knows, as plain structs: no view, no browser, no clock.
//!
//! `chat` feeds them with what the socket brings and shows what comes out; time and randomness
//! are handed in, so that every promise here is tested natively by `cargo test -p app`.

pub(crate) mod timeline;

pub(crate) mod outbox;

pub(crate) mod rows;

pub(crate) mod roster;

pub(crate) mod link;

pub(crate) mod enter;
