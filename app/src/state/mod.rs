//! The page's state as plain structs, without Leptos, the browser or a clock.
//!
//! `chat` feeds them with the events of the socket and renders the results. Time and randomness are
//! parameters, so `cargo test -p app` tests everything here natively.

pub(crate) mod rooms;

pub(crate) mod room;

pub(crate) mod timeline;

mod reducer;

pub(crate) mod outbox;

pub(crate) mod pending_edits;

pub(crate) mod message;

pub(crate) mod entry;

pub(crate) mod view_model;

pub(crate) mod visible_range;

pub(crate) mod render_throttle;

pub(crate) mod membership_notes;

pub(crate) mod namesakes;

pub(crate) mod typing;

pub(crate) mod roster;

pub(crate) mod connection;

pub(crate) mod shortcuts;

pub(crate) mod settings;

pub(crate) mod notify_level;

pub(crate) mod live_region;

pub(crate) mod top_n;

pub(crate) mod switcher;

pub(crate) mod composer_mode;

pub(crate) mod ime_keys;

pub(crate) mod emoji;

pub(crate) mod completion;

pub(crate) mod format_commands;

pub(crate) mod truncate;
