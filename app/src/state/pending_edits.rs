//! Edits, deletions and reactions that the server has not confirmed.
//!
//! They are shown at once, sent one at a time in their order, and removed when the timeline has
//! reached the server's answer. `chat` sends them and stores the texts of edits for the next
//! reload.

use common::{
    message::{Body, Cid, Emoji, Seq},
    protocol::command::Edit,
    refusal::Refusal,
    room::RoomName,
};

use super::message::Delivery;

#[derive(Clone, Debug, Default)]
pub(crate) struct PendingEdits {
    edits: Vec<PendingEdit>,
    /// Stored edits that belong to this tab, which may delete them; the others belong to other
    /// tabs.
    own_stored: Vec<Cid>,
}

/// One change of one message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PendingEdit {
    pub(crate) room: RoomName,
    pub(crate) seq: Seq,
    pub(crate) cid: Cid,
    pub(crate) kind: EditKind,
    state: SendState,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EditKind {
    Text(Body),
    Delete,
    React { emoji: Emoji, on: bool },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum SendState {
    Waiting,
    Sent,
    /// The server has stored it as this event.
    Accepted(Seq),
    Failed(Refusal),
}

impl EditKind {
    /// Whether this replaces `other`, which was not sent yet.
    fn replaces(&self, other: &EditKind) -> bool {
        match (self, other) {
            (EditKind::React { emoji, .. }, EditKind::React { emoji: other, .. }) => emoji == other,
            (EditKind::Text(_), EditKind::Text(_)) | (EditKind::Delete, _) => true,
            _ => false,
        }
    }
}

impl PendingEdit {
    pub(crate) fn new(room: RoomName, seq: Seq, cid: Cid, kind: EditKind) -> PendingEdit {
        PendingEdit { room, seq, cid, kind, state: SendState::Waiting }
    }
}

impl PendingEdits {
    /// The most pending edits.
    const MAX: usize = 100;

    /// Adds an edit. At the limit one of the first is dropped, a text edit only if there is nothing
    /// else.
    pub(crate) fn push(&mut self, pending: PendingEdit) {
        self.edits.retain(|other| {
            let is_replaceable = matches!(other.state, SendState::Waiting | SendState::Failed(_));
            !(is_replaceable
                && other.is_for(&pending.room, pending.seq)
                && pending.kind.replaces(&other.kind))
        });
        if self.edits.len() >= Self::MAX {
            let is_edit = |pending: &PendingEdit| matches!(pending.kind, EditKind::Text(_));
            self.edits.remove(self.edits.iter().position(|pending| !is_edit(pending)).unwrap_or(0));
        }
        self.edits.push(pending);
    }

    /// Returns the edit to send now in a room that can be sent to. One edit is in flight at a time.
    pub(crate) fn next_to_send(&mut self, can_send_to: impl Fn(&RoomName) -> bool) -> Option<PendingEdit> {
        if self.edits.iter().any(|pending| pending.state == SendState::Sent) {
            return None;
        }
        let next = self
            .edits
            .iter_mut()
            .find(|pending| pending.state == SendState::Waiting && can_send_to(&pending.room))?;
        next.state = SendState::Sent;
        Some(next.clone())
    }

    /// Applies the server's answer; `None` if the connection was lost.
    pub(crate) fn on_answer(&mut self, cid: &Cid, answer: Option<Result<Seq, Refusal>>) {
        let Some(pending) = self.edits.iter_mut().find(|pending| pending.cid == *cid) else { return };
        pending.state = match answer {
            Some(Ok(seq)) => SendState::Accepted(seq),
            Some(Err(refusal)) => SendState::Failed(refusal),
            None => SendState::Waiting,
        };
    }

    /// Removes edits that are in the log of this room, which is known up to `last`.
    pub(crate) fn confirm(&mut self, room: &RoomName, last: Seq) {
        self.edits.retain(|pending| {
            pending.room != *room || !matches!(pending.state, SendState::Accepted(seq) if seq <= last)
        });
    }

    /// Retries the failed edits of a message.
    pub(crate) fn retry(&mut self, room: &RoomName, seq: Seq) {
        for pending in self.edits.iter_mut().filter(|pending| pending.is_for(room, seq)) {
            if matches!(pending.state, SendState::Failed(_)) {
                pending.state = SendState::Waiting;
            }
        }
    }

    /// Discards the failed edits of a message.
    pub(crate) fn discard(&mut self, room: &RoomName, seq: Seq) {
        self.edits
            .retain(|pending| !(pending.is_for(room, seq) && matches!(pending.state, SendState::Failed(_))));
    }

    /// Drops all edits of a room that was left.
    pub(crate) fn forget_room(&mut self, room: &RoomName) {
        self.edits.retain(|pending| pending.room != *room);
    }

    /// Adds stored text edits of an earlier page.
    pub(crate) fn restore(&mut self, stored: Vec<Edit>) {
        for Edit { room, seq, cid, body } in stored {
            self.own_stored.push(cid.clone());
            self.push(PendingEdit::new(room, seq, cid, EditKind::Text(body)));
        }
    }

    /// Merges the text edits of this tab into the stored list, which all tabs share.
    pub(crate) fn merge_stored(&mut self, mut stored: Vec<Edit>) -> Vec<Edit> {
        let own = self.text_edits();
        stored
            .retain(|edit| !self.own_stored.contains(&edit.cid) && own.iter().all(|own| own.cid != edit.cid));
        self.own_stored = own.iter().map(|edit| edit.cid.clone()).collect();
        stored.extend(own);
        stored
    }

    /// Returns the text edits that the server does not have.
    fn text_edits(&self) -> Vec<Edit> {
        let unconfirmed =
            self.edits.iter().filter(|pending| !matches!(pending.state, SendState::Accepted(_)));
        unconfirmed
            .filter_map(|pending| match &pending.kind {
                EditKind::Text(body) => Some(Edit {
                    room: pending.room.clone(),
                    seq: pending.seq,
                    cid: pending.cid.clone(),
                    body: body.clone(),
                }),
                EditKind::Delete | EditKind::React { .. } => None,
            })
            .collect()
    }

    /// Returns the pending edits of a message.
    pub(crate) fn for_message<'a>(
        &'a self,
        room: &'a RoomName,
        seq: Seq,
    ) -> impl Iterator<Item = &'a PendingEdit> {
        self.edits.iter().filter(move |pending| pending.is_for(room, seq))
    }
}

impl PendingEdit {
    fn is_for(&self, room: &RoomName, seq: Seq) -> bool {
        self.seq == seq && self.room == *room
    }

    /// Returns the state to display.
    pub(crate) fn delivery(&self) -> Delivery {
        match self.state {
            SendState::Waiting | SendState::Sent => Delivery::Sending,
            SendState::Accepted(_) => Delivery::Sent,
            SendState::Failed(refusal) => Delivery::Failed(refusal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> RoomName {
        RoomName::parse(name).unwrap()
    }

    fn text_edit(text: &str) -> EditKind {
        EditKind::Text(Body::parse(text).unwrap())
    }

    fn react(emoji: &str, on: bool) -> EditKind {
        EditKind::React { emoji: Emoji::parse(emoji).unwrap(), on }
    }

    fn cid(number: u128) -> Cid {
        Cid::from_random(number)
    }

    /// An edit of the first message in 마당, with this number as its `cid`.
    fn pending(number: u128, kind: EditKind) -> PendingEdit {
        PendingEdit::new(room("마당"), Seq(1), cid(number), kind)
    }

    /// These edits, pushed in order and numbered from one.
    fn edits(all: impl IntoIterator<Item = EditKind>) -> PendingEdits {
        let mut edits = PendingEdits::default();
        for (number, kind) in (1..).zip(all) {
            edits.push(pending(number, kind));
        }
        edits
    }

    fn remaining(edits: &PendingEdits) -> Vec<EditKind> {
        edits.edits.iter().map(|pending| pending.kind.clone()).collect()
    }

    fn send(edits: &mut PendingEdits) -> Option<EditKind> {
        edits.next_to_send(|_| true).map(|pending| pending.kind)
    }

    #[test]
    fn an_edit_replaces_one_that_was_not_sent() {
        let cases = [
            (vec![text_edit("가"), text_edit("나")], vec![text_edit("나")]),
            (vec![react("👍", true), react("👍", false)], vec![react("👍", false)]),
            (vec![react("👍", true), react("🎉", true)], vec![react("👍", true), react("🎉", true)]),
            (vec![react("👍", true), text_edit("가")], vec![react("👍", true), text_edit("가")]),
            (vec![react("👍", true), text_edit("가"), EditKind::Delete], vec![EditKind::Delete]),
        ];
        for (pending, expected) in cases {
            assert_eq!(remaining(&edits(pending)), expected);
        }
        let mut edits = edits([text_edit("가")]);
        assert_eq!(send(&mut edits), Some(text_edit("가")));
        edits.push(pending(2, text_edit("나")));
        assert_eq!(remaining(&edits), [text_edit("가"), text_edit("나")], "the server may have the first");
    }

    #[test]
    fn one_edit_is_in_flight_at_a_time_and_no_room_waits_for_another() {
        let mut edits = edits([text_edit("가"), react("👍", true)]);
        edits.push(PendingEdit::new(room("뒷마당"), Seq(1), cid(3), EditKind::Delete));
        let elsewhere = edits.next_to_send(|name| *name == room("뒷마당")).map(|pending| pending.kind);
        assert_eq!(elsewhere, Some(EditKind::Delete));
        assert_eq!(send(&mut edits), None);
        edits.on_answer(&cid(3), Some(Ok(Seq(2))));
        assert_eq!(send(&mut edits), Some(text_edit("가")));
    }

    #[test]
    fn an_accepted_edit_is_shown_until_the_log_has_it() {
        let mut edits = edits([text_edit("가")]);
        send(&mut edits);
        edits.on_answer(&cid(1), Some(Ok(Seq(9))));
        edits.confirm(&room("마당"), Seq(8));
        edits.confirm(&room("뒷마당"), Seq(9));
        let delivery =
            edits.for_message(&room("마당"), Seq(1)).map(PendingEdit::delivery).collect::<Vec<_>>();
        assert_eq!(delivery, [Delivery::Sent]);
        edits.confirm(&room("마당"), Seq(9));
        assert!(remaining(&edits).is_empty());
    }

    #[test]
    fn an_unanswered_edit_is_retried_and_a_refused_one_only_on_request() {
        let mut edits = edits([text_edit("가")]);
        send(&mut edits);
        edits.on_answer(&cid(1), None);
        assert_eq!(send(&mut edits), Some(text_edit("가")));
        edits.on_answer(&cid(1), Some(Err(Refusal::NotYours)));
        assert_eq!(send(&mut edits), None);
        edits.retry(&room("마당"), Seq(1));
        assert_eq!(send(&mut edits), Some(text_edit("가")));
        edits.on_answer(&cid(1), Some(Err(Refusal::NotYours)));
        edits.discard(&room("마당"), Seq(1));
        assert!(remaining(&edits).is_empty());
    }

    #[test]
    fn a_text_edit_is_stored_until_the_server_has_it() {
        let mut edits = edits([text_edit("가"), react("👍", true)]);
        let stored = edits.merge_stored(Vec::new());
        assert_eq!(stored.len(), 1);
        send(&mut edits);
        assert_eq!(edits.merge_stored(stored.clone()), stored);
        edits.on_answer(&cid(1), Some(Ok(Seq(9))));
        assert!(edits.merge_stored(stored).is_empty());
    }

    #[test]
    fn the_stored_edits_of_one_tab_survive_those_of_another() {
        let cids = |stored: &[Edit]| stored.iter().map(|edit| edit.cid.clone()).collect::<Vec<_>>();
        let (mut one, mut other) = (edits([text_edit("가")]), PendingEdits::default());
        let stored = one.merge_stored(Vec::new());
        assert_eq!(cids(&stored), [cid(1)]);
        other.push(pending(2, react("👍", true)));
        let stored = other.merge_stored(stored);
        assert_eq!(cids(&stored), [cid(1)]);
        other.push(pending(3, text_edit("나")));
        let stored = other.merge_stored(stored);
        assert_eq!(cids(&stored), [cid(1), cid(3)]);
        // A third tab loads them all, and removes what it has sent.
        let mut third = PendingEdits::default();
        third.restore(stored.clone());
        assert_eq!(send(&mut third), Some(text_edit("나")), "it replaces the one before");
        third.on_answer(&cid(3), Some(Ok(Seq(9))));
        assert!(third.merge_stored(stored.clone()).is_empty());
        one.forget_room(&room("마당"));
        assert_eq!(cids(&one.merge_stored(stored)), [cid(3)]);
    }

    #[test]
    fn at_the_limit_a_text_edit_is_the_last_to_be_dropped() {
        let mut edits = edits([text_edit("가"), react("👍", true)]);
        for number in 3..=PendingEdits::MAX as u64 + 1 {
            edits.push(PendingEdit::new(room("마당"), Seq(number), cid(number.into()), EditKind::Delete));
        }
        assert_eq!(remaining(&edits).len(), PendingEdits::MAX);
        assert_eq!(remaining(&edits)[..2], [text_edit("가"), EditKind::Delete]);
    }
}
