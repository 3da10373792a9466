//! What is worth a notice: what others say in rooms that nobody is looking at, in this window or
//! another. The seat one has been waiting for is told where one takes it.

use common::{
    event::{Push, RoomEvent},
    markup,
};
use leptos::prelude::*;

use super::Chat;
use crate::{storage, task::later};

/// Within this time, in ms, another window of this browser has shown a message to whoever looks at it
/// there, and remembers that it was read.
const SEEN_WITHIN: u32 = 500;

impl Chat {
    pub(super) fn notice(self, push: &Push) {
        let Some(me) = self.me_untracked() else { return };
        if self.visit.is_in(push.room()) && !document().hidden() {
            return;
        }
        if let Push::Event(told) = push
            && told.event.person.id != me.id
        {
            let mentions_me = mentions(told, me.name.as_str());
            let told = told.clone();
            later(SEEN_WITHIN, move || {
                if storage::read_to(&told.room) < Some(told.event.seq) {
                    self.notices.said(&told, mentions_me);
                }
            });
        }
    }
}

fn mentions(told: &RoomEvent, name: &str) -> bool {
    told.event.what.body().is_some_and(|body| markup::mentions(body.as_str(), name))
}
