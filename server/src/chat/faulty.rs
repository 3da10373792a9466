//! A connection that does not hear what its rooms say the way they say it: the sabotages of
//! [`fault`] between a room and a listener. Compiled in with the feature `faults` only.

use std::sync::{Arc, Mutex, OnceLock};

use common::{event::Push, room::RoomName};

use super::{
    notice::{Lagging, Listener, Notice},
    room::ConnectionId,
};
use crate::{
    fault::{self, Sabotage},
    lock::lock,
};

/// The one connection that is told nothing, and of which room.
static DEAF: OnceLock<(ConnectionId, RoomName)> = OnceLock::new();

/// A listener behind the sabotages.
pub(super) struct Faulty {
    id: ConnectionId,
    listener: Arc<dyn Listener>,
    /// A push that waits until the one behind it was told.
    late: Mutex<Option<Notice>>,
}

impl Faulty {
    pub(super) fn around(id: ConnectionId, listener: Arc<dyn Listener>) -> Arc<dyn Listener> {
        Arc::new(Faulty { id, listener, late: Mutex::default() })
    }

    fn is_deaf_to(&self, room: &RoomName) -> bool {
        let (id, deaf_to) = DEAF.get_or_init(|| (self.id, room.clone()));
        (*id, deaf_to) == (self.id, room)
    }
}

impl Listener for Faulty {
    fn hear(&self, notice: &Notice) -> Result<(), Lagging> {
        let Push::Event(told) = &notice.push else { return self.listener.hear(notice) };
        if fault::is(Sabotage::DeafConnection) && self.is_deaf_to(&told.room) {
            return Ok(());
        }
        if fault::strikes(Sabotage::DropPushes) {
            return Ok(());
        }
        if fault::strikes(Sabotage::SwapPushes) {
            *lock(&self.late) = Some(Notice::new(notice.push.clone()));
            return Ok(());
        }
        if fault::strikes(Sabotage::RepeatPushes) {
            self.listener.hear(notice)?;
        }
        self.listener.hear(notice)?;
        let late = lock(&self.late).take_if(|late| *late.push.room() == told.room);
        late.map_or(Ok(()), |late| self.listener.hear(&late))
    }
}
