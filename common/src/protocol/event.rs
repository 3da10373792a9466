//! Events: the numbered entries of a room's log.

use serde::{Deserialize, Serialize};

use crate::{
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::Person,
    reactions::Reactions,
    room::{SeatLimit, Topic},
};

/// One entry of a room's log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    pub seq: Seq,
    pub at: Timestamp,
    /// The person who caused it, with the name they had at that time.
    pub person: Person,
    #[serde(rename = "what")]
    pub kind: EventKind,
}

/// What happened. A page of the log has every message in its current state, and never a deleted text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    Posted {
        cid: Cid,
        body: Body,
        /// Present if the sender was not authenticated: the name is then only a claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        via: Option<Via>,
        /// The message to which this one replies.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
        /// Present if the message was changed since it was posted, which is rare.
        #[serde(rename = "now", default, skip_serializing_if = "Option::is_none")]
        state: Option<Box<MessageState>>,
    },
    /// Replaces a deleted message in a page of the log; `rev` is the event that deleted it.
    #[serde(rename = "withdrawn")]
    Tombstone { cid: Cid, rev: Seq },
    /// The text of a message was replaced. In a page of the log, `body` is absent if a later event
    /// replaced or deleted the text again.
    Edited {
        #[serde(rename = "of")]
        target: Seq,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        body: Option<Body>,
    },
    /// A message was deleted by its author or the room's owner.
    Deleted {
        #[serde(rename = "of")]
        target: Seq,
    },
    /// A reaction was added to a message (`on`) or removed from it.
    Reacted {
        #[serde(rename = "to")]
        target: Seq,
        emoji: Emoji,
        on: bool,
    },
    /// The room's owner changed its settings; an absent field stayed unchanged.
    RoomChanged {
        /// An empty topic removes it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        topic: Option<Topic>,
        #[serde(
            default,
            deserialize_with = "SeatLimit::deserialize_present",
            skip_serializing_if = "Option::is_none"
        )]
        seats: Option<SeatLimit>,
        /// Whether newcomers from one network may take all seats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        shared_network: Option<bool>,
    },
    /// A kind that only a newer client knows. It has a number in the log like any event, and is not shown.
    #[serde(other, with = "super::unknown")]
    Unknown,
}

impl EventKind {
    /// Makes a message that is unchanged, authenticated and not a reply.
    pub fn posted(cid: Cid, body: Body) -> EventKind {
        EventKind::Posted { cid, body, via: None, reply_to: None, state: None }
    }

    /// Returns the text of a message; `None` for other kinds.
    pub fn body(&self) -> Option<&Body> {
        match self {
            EventKind::Posted { body, .. } => Some(body),
            _ => None,
        }
    }

    /// Returns the client's id of a message, also of a deleted one.
    pub fn cid(&self) -> Option<&Cid> {
        match self {
            EventKind::Posted { cid, .. } | EventKind::Tombstone { cid, .. } => Some(cid),
            _ => None,
        }
    }
}

/// The current state of a message: the changes by all events up to `rev`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageState {
    /// The last event that changed the message. When applying later events, skip its changes up to this one.
    pub rev: Seq,
    /// When the text was last edited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Timestamp>,
    /// The reactions, in the order of their first use.
    #[serde(default, skip_serializing_if = "Reactions::is_empty")]
    pub reactions: Reactions,
}

/// The transport of a message whose sender was not authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A datagram from this IP address.
    Udp(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Seats;

    #[test]
    fn a_message_without_via_is_written_as_before_datagrams_existed() {
        let json = r#"{"posted":{"cid":"a","body":"b"}}"#;
        let message = EventKind::posted(Cid::parse("a").unwrap(), Body::parse("b").unwrap());
        assert_eq!(serde_json::from_str::<EventKind>(json).unwrap(), message);
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        let with_via = r#"{"posted":{"cid":"a","body":"b","via":{"udp":"192.0.2.7"}}}"#;
        let read = serde_json::from_str::<EventKind>(with_via).unwrap();
        assert!(matches!(read, EventKind::Posted { via: Some(Via::Udp(from)), .. } if from == "192.0.2.7"));
    }

    #[test]
    fn a_null_seat_limit_differs_from_an_absent_one() {
        for (json, seats) in [
            (r#"{"room_changed":{}}"#, None),
            (r#"{"room_changed":{"seats":null}}"#, Some(SeatLimit(None))),
            (r#"{"room_changed":{"seats":2}}"#, Some(SeatLimit(Some(Seats::TWO)))),
        ] {
            let changed = EventKind::RoomChanged { topic: None, seats, shared_network: None };
            assert_eq!(serde_json::from_str::<EventKind>(json).unwrap(), changed);
            assert_eq!(crate::json::from_str::<EventKind>(json).unwrap(), changed);
            assert_eq!(serde_json::to_string(&changed).unwrap(), json);
        }
    }
}
