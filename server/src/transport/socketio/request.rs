//! Decodes the events of a client, of the full protocol and of the tutorial's dialect, and hands
//! them to the chat.

use std::{borrow::Cow, convert::Infallible, sync::Arc};

use axum::http::StatusCode;
use common::{
    message::Body,
    protocol::{
        command::{Command, Join},
        reply::Reply,
        tutorial,
    },
    refusal::Refusal,
    room::RoomName,
};
use serde::Deserialize;
use serde_json::Value;
use socketioxide::{
    ProtocolVersion, TransportType,
    adapter::LocalAdapter,
    extract::{AckSender, Event, TryData},
    handler::{FromConnectParts, FromMessageParts},
    socket::Socket,
};
use tokio::time::Duration;

use super::{connection::Connection, engineio3};
use crate::{
    chat::session::Session,
    error::Error,
    transport::{
        decode,
        error::{Refused, SEE_PROTOCOL},
    },
};

/// The delay before a message of the tutorial's dialect that exceeded the rate limit is retried.
const TUTORIAL_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The sentence of the refusal of an event that is no name with one JSON value.
const NO_PAYLOAD: &str = "A command is its name and one JSON object; see docs/protocol.md.";

/// The sentence for a tutorial's program that is in no room, most likely because it has reconnected.
const TUTORIAL_NOT_IN_ROOM: &str = "Send `room` first, each time that you are connected.";

/// A decoded event of a client.
pub(super) struct IncomingEvent {
    pub(super) request: Result<ClientRequest, Refused>,
    pub(super) ack: AckSender,
    /// The id of the acknowledgement, if the client requested one.
    pub(super) ack_id: Option<i64>,
    /// The size of its packet.
    pub(super) bytes: usize,
}

pub(super) enum ClientRequest {
    Command(Command),
    /// The tutorial's `room` event.
    TutorialRoom(RoomName),
    /// The tutorial's `chat message` event.
    TutorialMessage(Body),
}

/// The payload of a client's CONNECT.
pub(super) struct AuthPayload(pub(super) TryData<Value>);

impl FromConnectParts<LocalAdapter> for AuthPayload {
    type Error = Infallible;

    fn from_connect_parts(
        socket: &Arc<Socket>,
        auth: &Option<socketioxide_core::Value>,
    ) -> Result<Self, Self::Error> {
        let mut auth = auth.clone();
        auth.iter_mut().for_each(mend);
        TryData::from_connect_parts(socket, &auth).map(AuthPayload)
    }
}

/// Replaces halves of surrogate pairs in the JSON of a packet.
fn mend(value: &mut socketioxide_core::Value) {
    if let socketioxide_core::Value::Str(json, _) = value
        && let Cow::Owned(mended) = decode::mend_surrogates(json.as_str())
    {
        *json = mended.into();
    }
}

impl FromMessageParts<LocalAdapter> for IncomingEvent {
    type Error = Infallible;

    fn from_message_parts(
        socket: &Arc<Socket>,
        value: &mut socketioxide_core::Value,
        ack_id: &Option<i64>,
    ) -> Result<Self, Self::Error> {
        let bytes = match value {
            socketioxide_core::Value::Str(text, _) => text.len(),
            socketioxide_core::Value::Bytes(bytes) => bytes.len(),
        };
        mend(value);
        let name = Event::from_message_parts(socket, value, ack_id);
        let TryData(payload) = TryData::<Value>::from_message_parts(socket, value, ack_id)?;
        let ack = AckSender::from_message_parts(socket, value, ack_id)?;
        let request = match (name, payload) {
            (Ok(Event(name)), Ok(payload)) if may_be_double_encoded(socket) => {
                decode(&name, engineio3::decode_doubled(payload))
            }
            (Ok(Event(name)), Ok(payload)) => decode(&name, payload),
            _ => Err(Refused::malformed(StatusCode::BAD_REQUEST, NO_PAYLOAD)),
        };
        Ok(IncomingEvent { request, ack, ack_id: *ack_id, bytes })
    }
}

/// Whether this client's strings may be encoded twice, see [`engineio3`].
fn may_be_double_encoded(socket: &Socket) -> bool {
    socket.protocol() == ProtocolVersion::V4 && socket.transport_type() == TransportType::Polling
}

fn decode(name: &str, payload: Value) -> Result<ClientRequest, Refused> {
    let mut is_known = true;
    let decoded = decode::from_value(payload, SEE_PROTOCOL, |payload| match name {
        tutorial::ROOM => RoomName::deserialize(payload).map(ClientRequest::TutorialRoom),
        tutorial::CHAT_MESSAGE => Body::deserialize(payload).map(ClientRequest::TutorialMessage),
        _ => match Command::decode(name, payload) {
            Some(command) => command.map(ClientRequest::Command),
            None => {
                is_known = false;
                Err(serde::de::Error::custom("no such command"))
            }
        },
    });
    if is_known { decoded } else { Err(Refusal::UnknownCommand.into()) }
}

/// What is wrong with a command that could be decoded, if the chat refuses it as `bad_request`.
fn explain_bad_request(command: &Command) -> Option<Refused> {
    let (field, sentence) = match command {
        Command::History(_) => ("before", "Exactly one of `before`, `after` and `around` should be there."),
        Command::Kick(_) => ("person", "Nobody removes themselves; `leave` the room instead."),
        _ => return None,
    };
    Some(Refused::from(Refusal::BadRequest).saying(sentence).about(field))
}

/// Hands a request to the chat, in the client's dialect.
pub(super) async fn handle_request(
    session: &mut Session,
    connection: &Connection,
    request: ClientRequest,
) -> Result<Reply, Refused> {
    match request {
        ClientRequest::Command(command) => {
            if !matches!(command, Command::Join(Join { .. })) {
                let explained = explain_bad_request(&command);
                return session.handle(command).await.map_err(|error| match (error, explained) {
                    (Error::Refused(Refusal::BadRequest), Some(explained)) => explained,
                    (error, _) => error.into(),
                });
            }
            let was_tutorial = connection.set_tutorial_dialect(false);
            let joined = session.handle(command).await;
            if joined.is_err() {
                connection.set_tutorial_dialect(was_tutorial);
            }
            Ok(joined?)
        }
        ClientRequest::TutorialRoom(room) => {
            let was_tutorial = connection.set_tutorial_dialect(true);
            let joined = session.switch_to_room_for_two(room).await;
            if joined.is_err() {
                connection.set_tutorial_dialect(was_tutorial);
            }
            if matches!(joined, Err(Error::Refused(refusal)) if is_shut_out(refusal)) {
                connection.emit(tutorial::RESULT, &tutorial::FAILED);
            }
            Ok(Reply::Joined(joined?))
        }
        // The tutorial's clients know no refusals and never retry, so a message above the rate limit waits.
        ClientRequest::TutorialMessage(body) => loop {
            match session.send(body.clone()).await {
                Err(Error::Refused(Refusal::TooFast))
                    if connection.sleep_unless_ended(TUTORIAL_RETRY_DELAY).await => {}
                Err(Error::Refused(Refusal::NotInRoom)) => {
                    return Err(Refused::from(Refusal::NotInRoom).saying(TUTORIAL_NOT_IN_ROOM));
                }
                result => return Ok(Reply::Sent(result?)),
            }
        },
    }
}

/// Whether the tutorial's clients are told that there is no seat for them.
fn is_shut_out(refusal: Refusal) -> bool {
    matches!(
        refusal,
        Refusal::RoomFull
            | Refusal::TooManyNewcomers
            | Refusal::Banned
            | Refusal::NetworkBanned
            | Refusal::OwnersName
    )
}
