//! Requests to the server, with retries.
//!
//! All requests share one code path from JSON to JSON, which is compiled once; only encoding and
//! decoding are generic.

use std::{
    future::Future,
    marker::PhantomData,
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use common::{
    json::{self, FromJson},
    message::Seq,
    protocol::{
        command::{History, Request},
        reply::Page,
    },
    refusal::Refusal,
    room::RoomName,
};

use super::Chat;
use crate::{
    socket::RequestError,
    state::{room::InFlight, rooms::RoomGeneration},
    task::{sleep, spawn},
};

/// The delay before a retry when the server asks to slow down, in ms.
pub(super) const RETRY_DELAY: u32 = 1_500;

/// The reply to a request in flight.
pub(super) struct PendingReply<'a, R> {
    response: Pin<Box<dyn Future<Output = Result<String, RequestError>> + 'a>>,
    reply_type: PhantomData<fn() -> R>,
}

impl<R: FromJson> Future for PendingReply<'_, R> {
    type Output = Result<R, RequestError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<R, RequestError>> {
        self.response.as_mut().poll(context).map(|response| {
            // An unreadable reply comes from a server newer than this page.
            json::from_str(&response?).map_err(|_| RequestError::Refused(Refusal::BadRequest))
        })
    }
}

impl Chat {
    /// Sends a request; fails at once without a connection.
    pub(super) fn request<A: Request>(self, request: &A) -> PendingReply<'static, A::Reply> {
        self.request_with_retry(request, &|| false)
    }

    /// Sends a request and ignores the reply.
    pub(super) fn fire_and_forget<A: Request>(self, request: &A) {
        let response = self.request(request).response;
        spawn(async move { drop(response.await) });
    }

    /// Sends a request, and repeats it while the refusal is retryable and `still_wanted` returns
    /// true.
    pub(super) fn request_with_retry<'a, A: Request>(
        self,
        request: &A,
        still_wanted: &'a dyn Fn() -> bool,
    ) -> PendingReply<'a, A::Reply> {
        let response = self.send_with_retry(A::NAME, json::to_string(request), still_wanted);
        PendingReply { response: Box::pin(response), reply_type: PhantomData }
    }

    async fn send_with_retry(
        self,
        command: &'static str,
        argument: String,
        still_wanted: &dyn Fn() -> bool,
    ) -> Result<String, RequestError> {
        loop {
            let reply = self.socket.request(command, &argument).await;
            let is_retryable =
                matches!(&reply, Err(RequestError::Refused(refusal)) if refusal.is_retryable());
            if !is_retryable || !still_wanted() {
                return reply;
            }
            sleep(RETRY_DELAY).await;
            if !still_wanted() {
                return reply;
            }
        }
    }
    /// Requests a page of history. Returns `None` if it fails or the room was left meanwhile.
    pub(super) async fn fetch_page(self, generation: &RoomGeneration, history: History) -> Option<Page> {
        let page = self.request_with_retry(&history, &|| self.is_current(generation)).await;
        page.ok().filter(|_| self.is_current(generation))
    }

    /// Sets an in-flight flag. Returns `None` if it is set already.
    pub(super) fn begin_request(
        self,
        name: &RoomName,
        flag: fn(&mut InFlight) -> &mut bool,
    ) -> Option<RoomGeneration> {
        let was_in_flight = self.with_room_mut(name, |room| mem::replace(flag(&mut room.in_flight), true))?;
        self.rooms.with_untracked(|rooms| rooms.generation_of(name)).filter(|_| !was_in_flight)
    }

    pub(super) fn end_request(self, generation: &RoomGeneration, flag: fn(&mut InFlight) -> &mut bool) {
        if self.is_current(generation) {
            self.with_room_mut(&generation.room, |room| *flag(&mut room.in_flight) = false);
            self.on_log_changed(&generation.room);
        }
    }
}

/// A history request for a page before or after an event. Catching up uses the largest page size.
pub(super) fn history_request(room: &RoomName, before: Option<Seq>, after: Option<Seq>) -> History {
    let limit = after.map(|_| History::MAX);
    History { room: room.clone(), before, after, around: None, limit }
}
