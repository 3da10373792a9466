//! Hearing a room without being in it: not shown as present, on no seat. Where the seats are limited,
//! only for somebody who has one, and only as long as that lasts.

use std::sync::{Arc, Mutex};

use common::{
    event::{History, Page, Span},
    message::Seq,
    person::PersonId,
    room::RoomName,
};
use tokio::time::{Duration, Instant, sleep};

use super::{
    Chat,
    limits::Bucket,
    notice::Listener,
    people::Identity,
    room::{ConnectionId, Room},
};
use crate::{failure::Failure, lock::lock, store::RoomId};

/// How long somebody waits who reads the log faster than it may be read.
const PAUSE: Duration = Duration::from_millis(100);

/// Somebody's listening to a room; it ends when this is dropped.
pub struct Following {
    chat: Chat,
    room: Arc<Mutex<Room>>,
    id: RoomId,
    person: PersonId,
    connection: ConnectionId,
    reads: Bucket,
}

impl Chat {
    /// Listens to a room, and tells how far its log goes now. The room lets go of `listener` when this
    /// person may not listen any more. The refusals are `no_such_room`, `room_full` and `not_in_room`.
    pub async fn follow(
        &self,
        who: &Identity,
        name: RoomName,
        listener: Arc<dyn Listener>,
    ) -> Result<(Following, Seq), Failure> {
        let stored = self.find(name.clone()).await?;
        let (person, (connection, listener)) = (who.person.id, self.connect(listener));
        let room = self.bring_in(&stored, |room| room.follow(person, connection, listener.clone()))?;
        let reads = Bucket::new(self.0.limits.reads, Instant::now());
        let following = Following { chat: self.clone(), room, id: stored.id, person, connection, reads };
        // Only now: what is stored from here on is heard, and `stored` is from before.
        let last = self.find(name).await?.last;
        lock(&following.room).reaches(last);
        Ok((following, last))
    }
}

impl Following {
    /// What the log holds after this event, as soon as one more page may be read.
    pub async fn list_after(&mut self, seq: Seq) -> Result<Page, Failure> {
        while self.reads.take(Instant::now()).is_err() {
            sleep(PAUSE).await;
        }
        lock(&self.room).let_pass(self.person)?;
        self.chat.0.store.list_events(self.id, Span::After(seq), History::MAX, self.person).await
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut inside = lock(&self.room);
        inside.unfollow(self.connection);
        self.chat.settle(&self.room, inside);
    }
}
