//! The event names and the result of the Socket.IO chat tutorial, whose clients keep working.
//! See `docs/protocol.md`.

/// From the client: the name of the room to join.
pub const ROOM: &str = "room";
/// In both directions: a text for all members of the room, including the sender.
pub const CHAT_MESSAGE: &str = "chat message";
/// From the server: the result of joining, sent only if it failed.
pub const RESULT: &str = "result";
/// The only result there is: both seats are taken.
pub const FAILED: &str = "failed";
