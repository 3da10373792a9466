//! Changing what was said: edits, deletions and reactions, shown at once and sent until the server
//! answers. The text of an edit is kept, so that a reload without a connection loses none.

use std::sync::atomic::Ordering::Relaxed;

use common::{
    event::{Delete, Edit, React, Sent},
    message::{Body, Emoji, Seq},
    refusal::Refusal,
};

use super::{Chat, sending::fresh_cid};
use crate::{
    socket::Failure,
    state::changes::{Change, Wanted},
    storage,
    task::spawn,
};

impl Chat {
    /// Lets a message of ours read otherwise.
    pub(crate) fn edit(self, seq: Seq, body: Body) {
        self.want(seq, Change::Edit(body));
    }

    /// Takes a message back.
    pub(crate) fn delete(self, seq: Seq) {
        self.want(seq, Change::Delete);
    }

    /// Puts an emoji under a message, or takes it away.
    pub(crate) fn react(self, seq: Seq, emoji: Emoji, on: bool) {
        self.want(seq, Change::React { emoji, on });
    }

    /// Tries again what failed with this message.
    pub(crate) fn retry_change(self, seq: Seq) {
        let Some(room) = self.visit.room.get_untracked() else { return };
        self.changes.update(|changes| changes.retry(&room, seq));
        self.changes_changed();
        spawn(self.deliver_changes());
    }

    /// Gives up what failed with this message.
    pub(crate) fn discard_change(self, seq: Seq) {
        let Some(room) = self.visit.room.get_untracked() else { return };
        self.changes.update(|changes| changes.discard(&room, seq));
        self.changes_changed();
    }

    /// Finds the edits that an earlier visit left unsaid.
    pub(super) fn open_changes(self) {
        self.changes.update(|changes| changes.recall(storage::edits()));
    }

    fn want(self, seq: Seq, change: Change) {
        let Some(room) = self.visit.room.get_untracked() else { return };
        let wanted = Wanted::new(room, seq, fresh_cid(), change);
        self.changes.update(|changes| changes.push(wanted));
        self.changes_changed();
        spawn(self.deliver_changes());
    }

    /// Sends what is wanted, one after the other, as far as the connection lets us.
    pub(super) async fn deliver_changes(self) {
        if self.changing.swap(true, Relaxed) {
            return;
        }
        let joined = |name: &_| self.read(name, |room| room.joined) == Some(true);
        while let Some(wanted) = self.changes.update(|changes| changes.next(joined)) {
            let answer = match self.say(&wanted).await {
                Ok(sent) => Some(Ok(sent.seq)),
                // It says nothing about the change: the next time we are in the room it is sent.
                Err(Failure::Disconnected | Failure::Refused(Refusal::NotInRoom)) => None,
                Err(Failure::Refused(refusal)) => Some(Err(refusal)),
            };
            self.changes.update(|changes| changes.answered(&wanted.cid, answer));
            self.settle(&wanted.room);
            self.changes_changed();
            if answer.is_none() {
                break;
            }
        }
        self.changing.store(false, Relaxed);
    }

    async fn say(self, wanted: &Wanted) -> Result<Sent, Failure> {
        let connection = self.connection();
        let still = || self.connection() == connection;
        let (room, seq, cid) = (wanted.room.clone(), wanted.seq, wanted.cid.clone());
        let sent = match wanted.change.clone() {
            Change::Edit(body) => self.ask_patiently(&Edit { room, seq, cid, body }, &still),
            Change::Delete => self.ask_patiently(&Delete { room, seq, cid }, &still),
            Change::React { emoji, on } => self.ask_patiently(&React { room, seq, cid, emoji, on }, &still),
        };
        sent.await
    }

    fn changes_changed(self) {
        storage::keep_edits(&self.changes.update(|changes| changes.keep(storage::edits())));
        self.draw();
    }
}
