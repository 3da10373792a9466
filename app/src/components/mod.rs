//! The parts of the pages, each with its style in `style/` under the same name.
//!
//! Components show what `chat` knows and call its verbs; what needs thinking is in `state`.

pub(crate) mod brand;
pub(crate) mod card;
pub(crate) mod composer;
pub(crate) mod connection;
pub(crate) mod face;
pub(crate) mod full_room;
pub(crate) mod icon;
pub(crate) mod message;
pub(crate) mod name_form;
pub(crate) mod open_room;
pub(crate) mod people;
pub(crate) mod room_header;
pub(crate) mod rooms;
pub(crate) mod scroll;
pub(crate) mod settings;
pub(crate) mod timeline;
pub(crate) mod you;
