//! The words of Madang: what crosses the wire between a client and the server.
//!
//! Server and page both use this crate, so a name that is too long or a message that is empty
//! is the same mistake on both sides, found by the same line.
//! It knows no network, no clock, no randomness and no runtime; it builds for wasm32 and native
//! alike. (In the page, `unicode` asks the browser for Unicode's tables.)

pub mod datagram;
pub mod event;
pub mod json;
pub mod korean;
pub mod line;
pub mod markup;
pub mod message;
pub mod person;
pub mod refusal;
pub mod room;
pub mod socketio;
mod text;
mod unicode;
