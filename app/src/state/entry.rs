//! The entries of a room's view, in order: messages of the log, pending messages, and notes. A row is an
//! entry that is formatted; the visible range is a range of entries.

use common::{
    message::{Cid, Seq, Timestamp},
    person::Person,
    protocol::event::Event,
};

use super::{membership_notes::MembershipNote, outbox::PendingMessage};

/// A row before it is formatted.
#[derive(Clone, Copy)]
pub(crate) enum Entry<'a> {
    Message(&'a Event, &'a Cid),
    Pending(&'a PendingMessage),
    Membership(&'a MembershipNote),
    RoomChange(&'a Event),
}

impl Entry<'_> {
    pub(crate) fn key(&self) -> RowKey {
        match self {
            Entry::Message(_, cid) => RowKey::Message((*cid).clone()),
            Entry::Pending(message) => RowKey::Message(message.cid.clone()),
            Entry::Membership(note) => RowKey::Membership(note.id),
            Entry::RoomChange(event) => RowKey::RoomChange(event.seq),
        }
    }

    /// Returns its number in the log, if it is in the log.
    pub(crate) fn seq(&self) -> Option<Seq> {
        match self {
            Entry::Message(event, _) | Entry::RoomChange(event) => Some(event.seq),
            Entry::Pending(_) | Entry::Membership(_) => None,
        }
    }

    /// Whether it has this key.
    pub(crate) fn is(&self, key: &RowKey) -> bool {
        match (self, key) {
            (Entry::Message(_, cid), RowKey::Message(key)) => *cid == key,
            (Entry::Pending(message), RowKey::Message(key)) => message.cid == *key,
            (Entry::Membership(note), RowKey::Membership(key)) => note.id == *key,
            (Entry::RoomChange(event), RowKey::RoomChange(key)) => event.seq == *key,
            _ => false,
        }
    }

    pub(super) fn author_and_time<'b>(&'b self, me: Option<&'b Person>) -> Option<(&'b Person, Timestamp)> {
        match self {
            Entry::Message(event, _) => Some((&event.person, event.at)),
            Entry::Pending(message) => Some((me?, message.at)),
            Entry::Membership(_) | Entry::RoomChange(_) => None,
        }
    }
}

/// The key of a row, for as long as it exists.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum RowKey {
    Message(Cid),
    Day(i64),
    UnreadDivider,
    Membership(u32),
    RoomChange(Seq),
}
