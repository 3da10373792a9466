//! Decides which pushes cause a notification: messages of others in rooms that no tab shows. A free
//! seat is announced where the room is joined, in `membership`.

use common::{
    markup,
    protocol::push::{Push, RoomEvent},
};
use leptos::prelude::*;

use super::Chat;
use crate::{storage, task::run_after};

/// Within this time, in ms, another tab that shows the message stores it as read.
const READ_ELSEWHERE_DELAY: u32 = 500;

impl Chat {
    pub(super) fn notify(self, push: &Push) {
        let Some(me) = self.me_untracked() else { return };
        if self.current_room.is(push.room()) && !document().hidden() {
            return;
        }
        if let Push::Event(event_push) = push
            && event_push.event.person.id != me.id
        {
            let mentions_me = mentions(event_push, me.name.as_str());
            let event_push = event_push.clone();
            run_after(READ_ELSEWHERE_DELAY, move || {
                if storage::load_read_position(&event_push.room) < Some(event_push.event.seq) {
                    self.notifications.notify_message(&event_push, mentions_me);
                }
            });
        }
    }
}

fn mentions(event_push: &RoomEvent, name: &str) -> bool {
    event_push.event.kind.body().is_some_and(|body| markup::mentions(body.as_str(), name))
}
