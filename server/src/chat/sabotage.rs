//! Breaks the delivery of broadcasts on purpose, between a room and a subscriber.
//!
//! Applies the sabotages of [`failpoint`]. Compiled only with the feature `faults`.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use common::{protocol::push::Push, room::RoomName};
use parking_lot::Mutex;

use super::broadcast::{Broadcast, ConnectionId, Lagged, Subscriber};
use crate::failpoint::{self, Sabotage};

/// For each room the connection that receives no events: the first one that should have received one.
static SKIPPED: LazyLock<Mutex<HashMap<RoomName, ConnectionId>>> = LazyLock::new(Mutex::default);

/// Wraps a subscriber and drops, repeats or reorders events.
pub(super) struct SabotagedSubscriber {
    id: ConnectionId,
    subscriber: Arc<dyn Subscriber>,
    /// An event that is delivered after the next one of its room.
    delayed: Mutex<Option<Broadcast>>,
}

impl SabotagedSubscriber {
    pub(super) fn wrap(id: ConnectionId, subscriber: Arc<dyn Subscriber>) -> Arc<dyn Subscriber> {
        Arc::new(SabotagedSubscriber { id, subscriber, delayed: Mutex::default() })
    }

    fn is_skipped_in(&self, room: &RoomName) -> bool {
        *SKIPPED.lock().entry(room.clone()).or_insert(self.id) == self.id
    }
}

impl Subscriber for SabotagedSubscriber {
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged> {
        let Push::Event(room_event) = &broadcast.push else { return self.subscriber.deliver(broadcast) };
        if failpoint::is_active(Sabotage::SkipConnection) && self.is_skipped_in(&room_event.room) {
            return Ok(());
        }
        if failpoint::should_fail(Sabotage::DropPushes) {
            return Ok(());
        }
        if failpoint::should_fail(Sabotage::SwapPushes) {
            *self.delayed.lock() = Some(Broadcast::new(broadcast.push.clone()));
            return Ok(());
        }
        if failpoint::should_fail(Sabotage::RepeatPushes) {
            self.subscriber.deliver(broadcast)?;
        }
        self.subscriber.deliver(broadcast)?;
        let delayed = self.delayed.lock().take_if(|delayed| *delayed.push.room() == room_event.room);
        delayed.map_or(Ok(()), |delayed| self.subscriber.deliver(&delayed))
    }
}
