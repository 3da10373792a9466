//! The components of the pages, each with its style sheet in `style/` under the same name.
//!
//! Components render the signals of `chat` and call its methods; the logic is in `state`.

pub(crate) mod avatar;
mod badges;
pub(crate) mod brand;
pub(crate) mod card;
pub(crate) mod composer;
pub(crate) mod connection_status;
pub(crate) mod dialog;
pub(crate) mod dom_builder;
pub(crate) mod emoji_picker;
pub(crate) mod full_room;
pub(crate) mod icon;
pub(crate) mod invalid_field;
pub(crate) mod keyed_list;
pub(crate) mod markup;
pub(crate) mod message;
pub(crate) mod message_menu;
pub(crate) mod name_form;
pub(crate) mod notify_level_form;
pub(crate) mod open_room;
pub(crate) mod people;
pub(crate) mod profile;
pub(crate) mod reactions;
pub(crate) mod room_details;
pub(crate) mod room_header;
pub(crate) mod rooms;
pub(crate) mod scroll;
pub(crate) mod seats_field;
pub(crate) mod settings;
pub(crate) mod share;
pub(crate) mod shortcuts;
pub(crate) mod single_line_ime;
pub(crate) mod switcher;
pub(crate) mod timeline;
pub(crate) mod typing;
