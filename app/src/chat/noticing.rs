//! What is worth a notice: what others say in rooms that nobody is looking at here. The seat one has
//! been waiting for is told where one takes it.

use common::{
    event::{Push, RoomEvent},
    markup,
};
use leptos::prelude::*;

use super::Chat;

impl Chat {
    pub(super) fn notice(self, push: &Push) {
        let Some(me) = self.me_untracked() else { return };
        if self.visit.is_in(push.room()) && !document().hidden() {
            return;
        }
        if let Push::Event(told) = push
            && told.event.person.id != me.id
        {
            self.notices.said(told, mentions(told, me.name.as_str()));
        }
    }
}

fn mentions(told: &RoomEvent, name: &str) -> bool {
    told.event.what.body().is_some_and(|body| markup::mentions(body.as_str(), name))
}
