//! The connection of an [`EventClient`](super::event_client::EventClient): the same methods over Socket.IO
//! and over HTTP, the two transports with numbered events and acknowledgements.

use std::net::SocketAddr;

use common::{
    message::Seq,
    person::DisplayName,
    protocol::command::{Hello, History, Join, Send},
    room::RoomName,
};
use serde_json::json;

use crate::{
    engineio::EngineTransport,
    http_api::HttpApi,
    socketio::{Connection, Incoming, RequestError},
};

/// An open connection over one of the two transports.
pub(super) enum EventConnection {
    SocketIo(Connection),
    Http(HttpApi),
}

impl EventConnection {
    /// Connects over Socket.IO as the person of this token; fills it in when it is empty.
    pub(super) async fn open_socket_io(
        address: SocketAddr,
        transport: EngineTransport,
        token: &mut Option<String>,
    ) -> Result<EventConnection, RequestError> {
        let auth = token.as_ref().map_or_else(|| json!({}), |token| json!({ "token": token }));
        let mut connection = Connection::open(address, transport, &auth).await?;
        if token.is_none() {
            *token = connection.request(&Hello {}).await?.token;
        }
        Ok(EventConnection::SocketIo(connection))
    }

    /// Connects over HTTP as the person of this cookie; fills it in when it is empty.
    pub(super) async fn open_http(
        address: SocketAddr,
        name: &DisplayName,
        cookie: &mut Option<String>,
    ) -> Result<EventConnection, RequestError> {
        if cookie.is_none() {
            *cookie = Some(HttpApi::register(address, name).await?);
        }
        let mut api = HttpApi::open(address, cookie.clone()).await?;
        api.check_identity().await?;
        Ok(EventConnection::Http(api))
    }

    /// Connects over HTTP as a guest.
    pub(super) async fn open_http_guest(address: SocketAddr) -> Result<EventConnection, RequestError> {
        HttpApi::open(address, None).await.map(EventConnection::Http)
    }

    /// Returns the client's end of the connection.
    pub(super) fn local_address(&self) -> SocketAddr {
        match self {
            EventConnection::SocketIo(connection) => connection.local_address(),
            EventConnection::Http(api) => api.local_address(),
        }
    }

    /// Joins a room; returns the id of the reply, which is a [`JoinReply`](crate::socketio::JoinReply).
    pub(super) fn join(&mut self, join: &Join) -> u32 {
        match self {
            EventConnection::SocketIo(connection) => connection.send_command(join),
            EventConnection::Http(api) => api.join(join),
        }
    }

    /// Subscribes to the events after this one, once the room is joined.
    pub(super) fn subscribe(&mut self, room: &RoomName, after: Seq) {
        match self {
            // A join subscribes already.
            EventConnection::SocketIo(_) => {}
            EventConnection::Http(api) => api.subscribe(room, after),
        }
    }

    /// Sends a message; returns the id of the reply.
    pub(super) fn send(&mut self, send: &Send) -> u32 {
        match self {
            EventConnection::SocketIo(connection) => connection.send_command(send),
            EventConnection::Http(api) => api.send(send),
        }
    }

    /// Requests a page of the log; returns the id of the reply.
    pub(super) fn history(&mut self, history: &History) -> u32 {
        match self {
            EventConnection::SocketIo(connection) => connection.send_command(history),
            EventConnection::Http(api) => api.history(history),
        }
    }

    /// Returns the next message from the server. Cancel safe.
    pub(super) async fn receive(&mut self) -> Result<Incoming, RequestError> {
        match self {
            EventConnection::SocketIo(connection) => connection.receive().await,
            EventConnection::Http(api) => api.receive().await,
        }
    }
}
