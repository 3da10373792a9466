//! What the page knows, as plain structs: no view, no browser, no clock.
//!
//! `chat` feeds them with what the socket brings and shows what comes out; time and randomness
//! are handed in, so that every promise here is tested natively by `cargo test -p app`.

pub(crate) mod rooms;

pub(crate) mod room;

pub(crate) mod timeline;

mod fold;

pub(crate) mod outbox;

pub(crate) mod changes;

pub(crate) mod rows;

pub(crate) mod window;

pub(crate) mod pace;

pub(crate) mod comings;

pub(crate) mod typing;

pub(crate) mod roster;

pub(crate) mod link;

pub(crate) mod keys;

pub(crate) mod notice;

pub(crate) mod announcer;

pub(crate) mod ranking;

pub(crate) mod switcher;

pub(crate) mod composer_keys;

pub(crate) mod emoji;

pub(crate) mod completion;

pub(crate) mod marks;

pub(crate) mod long;
