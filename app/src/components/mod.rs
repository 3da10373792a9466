//! The parts of the pages, each with its style in `style/` under the same name.
//!
//! Components show what `chat` knows and call its verbs; what needs thinking is in `state`.

pub(crate) mod actions;
pub(crate) mod brand;
pub(crate) mod card;
pub(crate) mod composer;
pub(crate) mod connection;
pub(crate) mod dialog;
pub(crate) mod dom;
pub(crate) mod emoji_picker;
pub(crate) mod face;
pub(crate) mod full_room;
pub(crate) mod icon;
pub(crate) mod line_fields;
pub(crate) mod lines;
pub(crate) mod markup;
pub(crate) mod message;
pub(crate) mod name_form;
pub(crate) mod notices;
pub(crate) mod open_room;
pub(crate) mod people;
pub(crate) mod reactions;
pub(crate) mod refused;
pub(crate) mod room_details;
pub(crate) mod room_header;
pub(crate) mod rooms;
pub(crate) mod scroll;
pub(crate) mod seats_field;
pub(crate) mod settings;
pub(crate) mod share;
pub(crate) mod shortcuts;
pub(crate) mod switcher;
pub(crate) mod timeline;
pub(crate) mod typing;
pub(crate) mod you;
