//! Edits, deletions and reactions. Each is shown at once and sent until the server answers. The
//! text of an edit is stored, so that a reload without a connection does not lose it.

use std::sync::atomic::Ordering::Relaxed;

use common::{
    message::{Body, Emoji, Seq},
    protocol::{
        command::{Delete, Edit, React},
        reply::Sent,
    },
    refusal::Refusal,
};

use super::{Chat, sending::new_cid};
use crate::{
    socket::RequestError,
    state::pending_edits::{EditKind, PendingEdit},
    storage,
    task::spawn,
};

impl Chat {
    /// Replaces the text of a message.
    pub(crate) fn edit(self, seq: Seq, body: Body) {
        self.push_edit(seq, EditKind::Text(body));
    }

    /// Deletes a message.
    pub(crate) fn delete(self, seq: Seq) {
        self.push_edit(seq, EditKind::Delete);
    }

    /// Adds or removes a reaction.
    pub(crate) fn react(self, seq: Seq, emoji: Emoji, on: bool) {
        self.push_edit(seq, EditKind::React { emoji, on });
    }

    /// Retries the failed edits of a message.
    pub(crate) fn retry_edit(self, seq: Seq) {
        let Some(room) = self.current_room.name.get_untracked() else { return };
        self.pending_edits.update(|edits| edits.retry(&room, seq));
        self.on_edits_changed();
        spawn(self.send_edits());
    }

    /// Discards the failed edits of a message.
    pub(crate) fn discard_edit(self, seq: Seq) {
        let Some(room) = self.current_room.name.get_untracked() else { return };
        self.pending_edits.update(|edits| edits.discard(&room, seq));
        self.on_edits_changed();
    }

    /// Loads the text edits that were stored by an earlier page and not sent.
    pub(super) fn restore_edits(self) {
        self.pending_edits.update(|edits| edits.restore(storage::load_edits()));
    }

    fn push_edit(self, seq: Seq, kind: EditKind) {
        let Some(room) = self.current_room.name.get_untracked() else { return };
        let pending = PendingEdit::new(room, seq, new_cid(), kind);
        self.pending_edits.update(|edits| edits.push(pending));
        self.on_edits_changed();
        spawn(self.send_edits());
    }

    /// Sends pending edits, one at a time, until one gets no answer.
    pub(super) async fn send_edits(self) {
        if self.sending_edits.swap(true, Relaxed) {
            return;
        }
        let is_joined = |name: &_| self.with_room(name, |room| room.is_joined) == Some(true);
        while let Some(pending) = self.pending_edits.update(|edits| edits.next_to_send(is_joined)) {
            let answer = match self.send_edit(&pending).await {
                Ok(sent) => Some(Ok(sent.seq)),
                // Not an answer about the edit: it is sent again once the room is joined.
                Err(RequestError::Disconnected | RequestError::Refused(Refusal::NotInRoom)) => None,
                Err(RequestError::Refused(refusal)) => Some(Err(refusal)),
            };
            self.pending_edits.update(|edits| edits.on_answer(&pending.cid, answer));
            self.confirm_from_log(&pending.room);
            self.on_edits_changed();
            if answer.is_none() {
                break;
            }
        }
        self.sending_edits.store(false, Relaxed);
    }

    async fn send_edit(self, pending: &PendingEdit) -> Result<Sent, RequestError> {
        let generation = self.generation();
        let still_wanted = || self.generation() == generation;
        let (room, seq, cid) = (pending.room.clone(), pending.seq, pending.cid.clone());
        let sent = match pending.kind.clone() {
            EditKind::Text(body) => self.request_with_retry(&Edit { room, seq, cid, body }, &still_wanted),
            EditKind::Delete => self.request_with_retry(&Delete { room, seq, cid }, &still_wanted),
            EditKind::React { emoji, on } => {
                self.request_with_retry(&React { room, seq, cid, emoji, on }, &still_wanted)
            }
        };
        sent.await
    }

    fn on_edits_changed(self) {
        storage::save_edits(&self.pending_edits.update(|edits| edits.merge_stored(storage::load_edits())));
        self.render();
    }
}
