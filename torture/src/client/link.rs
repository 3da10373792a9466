//! What a life speaks through: the same words by either of the doors that have numbers and
//! acknowledgements.

use std::net::SocketAddr;

use common::{
    event::{Hello, History, Join, Send},
    message::Seq,
    person::DisplayName,
    room::RoomName,
};
use serde_json::json;

use crate::{
    connection::{Connection, Failure, Heard},
    line::Transport,
    requests::Requests,
};

/// An open connection by one of the doors.
pub(super) enum Link {
    SocketIo(Connection),
    Http(Requests),
}

impl Link {
    /// Comes by Socket.IO as the person of this token; gets a token when there is none yet.
    pub(super) async fn by_socket_io(
        address: SocketAddr,
        transport: Transport,
        token: &mut Option<String>,
    ) -> Result<Link, Failure> {
        let auth = token.as_ref().map_or_else(|| json!({}), |token| json!({ "token": token }));
        let mut connection = Connection::open(address, transport, &auth).await?;
        if token.is_none() {
            *token = connection.ask(&Hello {}).await?.token;
        }
        Ok(Link::SocketIo(connection))
    }

    /// Comes by HTTP as the person of this cookie; gets a cookie when there is none yet.
    pub(super) async fn by_http(
        address: SocketAddr,
        name: &DisplayName,
        cookie: &mut Option<String>,
    ) -> Result<Link, Failure> {
        if cookie.is_none() {
            *cookie = Some(Requests::introduce(address, name).await?);
        }
        let mut requests = Requests::open(address, cookie.clone()).await?;
        requests.check_person().await?;
        Ok(Link::Http(requests))
    }

    /// Comes by HTTP as a guest.
    pub(super) async fn by_http_as_guest(address: SocketAddr) -> Result<Link, Failure> {
        Requests::open(address, None).await.map(Link::Http)
    }

    /// Our end of the connection.
    pub(super) fn local(&self) -> SocketAddr {
        match self {
            Link::SocketIo(connection) => connection.local(),
            Link::Http(requests) => requests.local(),
        }
    }

    /// Enters a room; the id of the answer, which is an [`Entered`](crate::connection::Entered).
    pub(super) fn enter(&mut self, join: &Join) -> u32 {
        match self {
            Link::SocketIo(connection) => connection.give(join),
            Link::Http(requests) => requests.enter(join),
        }
    }

    /// Hears what comes after this event, once the room is entered.
    pub(super) fn follow(&mut self, room: &RoomName, after: Seq) {
        match self {
            // Who has joined is told.
            Link::SocketIo(_) => {}
            Link::Http(requests) => requests.follow(room, after),
        }
    }

    /// Says something; the id of the answer.
    pub(super) fn send(&mut self, send: &Send) -> u32 {
        match self {
            Link::SocketIo(connection) => connection.give(send),
            Link::Http(requests) => requests.send(send),
        }
    }

    /// Asks for a page of the log; the id of the answer.
    pub(super) fn history(&mut self, history: &History) -> u32 {
        match self {
            Link::SocketIo(connection) => connection.give(history),
            Link::Http(requests) => requests.history(history),
        }
    }

    /// What comes in next. Cancel safe.
    pub(super) async fn hear(&mut self) -> Result<Heard, Failure> {
        match self {
            Link::SocketIo(connection) => connection.hear().await,
            Link::Http(requests) => requests.hear().await,
        }
    }
}
