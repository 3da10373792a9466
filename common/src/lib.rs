//! The types of Madang's protocols, shared by the server and its clients.
//!
//! Server and page validate with the same code, so both refuse the same names and messages.
//! The crate uses no network, clock, randomness or async runtime, and builds for native targets and
//! wasm32. (In the page, `unicode` uses the browser's Unicode tables.)

pub mod backoff;
pub mod datagram;
pub mod encoding;
pub mod json;
pub mod line;
pub mod markup;
pub mod message;
pub mod name_match;
pub mod person;
pub mod protocol;
pub mod reactions;
pub mod refusal;
pub mod room;
pub mod socketio;
mod text;
pub mod unicode;
