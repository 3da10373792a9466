//! The commands of the operator, over the Unix socket `admin.sock`.
//!
//! A connection carries requests and replies in turn, each one JSON object on a line. Whoever may open the
//! socket may give every command, so none carries a token.

use serde::{Deserialize, Serialize};

use super::reply::ErrorReply;
use crate::room::RoomName;

/// The file name of the socket in the server's data folder.
pub const ADMIN_SOCKET: &str = "admin.sock";

/// The longest request or reply, in bytes.
pub const MAX_ADMIN_LINE: usize = 64 * 1024;

/// A command of the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdminCommand {
    /// Deletes a room with everything that was said in it.
    ForgetRoom(ForgetRoom),
}

/// Deletes a room for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgetRoom {
    pub room: RoomName,
}

/// The reply to a command of the operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AdminReply {
    Refused(ErrorReply),
    ForgottenRoom(ForgottenRoom),
}

/// The room that was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForgottenRoom {
    pub room: RoomName,
    /// How many events its log had.
    pub events: u64,
}
