//! Giving commands to the server, and the patience that takes.
//!
//! All commands go one way, from JSON to JSON, which is compiled once; only writing the one and
//! reading the other is different for each.

use std::{
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use common::{
    event::{Ask, History, Page},
    json::{self, FromJson},
    message::Seq,
    refusal::Refusal,
    room::RoomName,
};

use super::Chat;
use crate::{
    socket::Failure,
    state::{room::Underway, rooms::Stay},
    task::{pause, spawn},
};

/// How long to wait when the server asks to slow down, in ms.
pub(super) const BREATH: u32 = 1_500;

/// The reply to a command, on its way.
pub(super) struct Reply<'a, R> {
    answer: Pin<Box<dyn Future<Output = Result<String, Failure>> + 'a>>,
    reads: PhantomData<fn() -> R>,
}

impl<R: FromJson> Future for Reply<'_, R> {
    type Output = Result<R, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<R, Failure>> {
        self.answer.as_mut().poll(context).map(|answer| {
            // One we can not read comes from a server that is newer than this page.
            json::read(&answer?).map_err(|_| Failure::Refused(Refusal::BadRequest))
        })
    }
}

impl Chat {
    /// Gives a command; without a connection it fails at once.
    pub(super) fn ask<A: Ask>(self, ask: &A) -> Reply<'static, A::Reply> {
        self.ask_patiently(ask, &|| false)
    }

    /// Gives a command whose reply nobody waits for.
    pub(super) fn mention<A: Ask>(self, ask: &A) {
        let answer = self.ask(ask).answer;
        spawn(async move { drop(answer.await) });
    }

    /// Gives a command, again and again while the server only wants time and `still` holds.
    pub(super) fn ask_patiently<'a, A: Ask>(
        self,
        ask: &A,
        still: &'a dyn Fn() -> bool,
    ) -> Reply<'a, A::Reply> {
        let answer = self.answer(A::NAME, json::write(ask), still);
        Reply { answer: Box::pin(answer), reads: PhantomData }
    }

    async fn answer(
        self,
        command: &'static str,
        argument: String,
        still: &dyn Fn() -> bool,
    ) -> Result<String, Failure> {
        loop {
            let reply = self.socket.ask(command, &argument).await;
            let is_passing = matches!(&reply, Err(Failure::Refused(refusal)) if refusal.is_passing());
            if !is_passing || !still() {
                return reply;
            }
            pause(BREATH).await;
            if !still() {
                return reply;
            }
        }
    }
    /// Asks for a page; `None` if there is none, or nobody wants it any more.
    pub(super) async fn page(self, stay: &Stay, history: History) -> Option<Page> {
        let page = self.ask_patiently(&history, &|| self.goes_on(stay)).await;
        page.ok().filter(|_| self.goes_on(stay))
    }

    /// Says that something is being asked for, unless it is already.
    pub(super) fn begin_asking(self, name: &RoomName, what: fn(&mut Underway) -> &mut bool) -> Option<Stay> {
        let asked = self.change(name, |room| mem::replace(what(&mut room.underway), true))?;
        self.rooms.with_untracked(|rooms| rooms.stay(name)).filter(|_| !asked)
    }

    pub(super) fn end_asking(self, stay: &Stay, what: fn(&mut Underway) -> &mut bool) {
        if self.goes_on(stay) {
            self.change(&stay.room, |room| *what(&mut room.underway) = false);
            self.show(&stay.room);
        }
    }
}

/// A page before or after an event, as long as it may be where one catches up.
pub(super) fn history(room: &RoomName, before: Option<Seq>, after: Option<Seq>) -> History {
    let limit = after.map(|_| History::MAX);
    History { room: room.clone(), before, after, around: None, limit }
}
