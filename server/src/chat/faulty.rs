//! A connection that does not hear what its rooms say the way they say it: the sabotages of
//! [`fault`] between a room and a listener. Compiled in with the feature `faults` only.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use common::{event::Push, room::RoomName};

use super::{
    notice::{Lagging, Listener, Notice},
    room::ConnectionId,
};
use crate::{
    fault::{self, Sabotage},
    lock::lock,
};

/// Of each room the one connection that is told nothing of it: whichever should have heard first.
static DEAF: LazyLock<Mutex<HashMap<RoomName, ConnectionId>>> = LazyLock::new(Mutex::default);

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
        *lock(&DEAF).entry(room.clone()).or_insert(self.id) == self.id
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
