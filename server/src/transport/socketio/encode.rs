//! Encodes pushes, events and acknowledgements: as payloads for the library, and as whole WebSocket
//! frames (RFC 6455 §5.2) for connections that bypass the library's writer. Does no I/O.

use common::protocol::push::Push;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::engineio3;

/// The first byte of a final text frame; a server's frames are not masked.
const TEXT_FRAME: u8 = 0x81;

/// A push encoded once for all connections: as the library's payload, and as the WebSocket frame.
pub(super) struct EncodedPush {
    pub(super) event: &'static str,
    pub(super) payload: Box<RawValue>,
    pub(super) frame: Vec<u8>,
}

impl EncodedPush {
    fn new(event: &'static str, payload: Box<RawValue>) -> serde_json::Result<EncodedPush> {
        Ok(EncodedPush { event, frame: event_frame(event, &payload)?, payload })
    }
}

/// Encodes a push for the current clients.
pub(super) fn push(push: &Push) -> serde_json::Result<EncodedPush> {
    let (event, payload) = push_payload(push)?;
    EncodedPush::new(event, payload)
}

/// Encodes a push in ASCII for Engine.IO 3 clients, see [`engineio3`].
pub(super) fn ascii_push(push: &Push) -> serde_json::Result<EncodedPush> {
    let (event, payload) = push_payload(push)?;
    EncodedPush::new(event, engineio3::ascii_json(&payload)?)
}

fn push_payload(push: &Push) -> serde_json::Result<(&'static str, Box<RawValue>)> {
    Ok(match push {
        Push::Event(push) => (Push::EVENT, to_raw_value(push)?),
        Push::Presence(push) => (Push::PRESENCE, to_raw_value(push)?),
        Push::Heartbeat(push) => (Push::HEARTBEAT, to_raw_value(push)?),
        Push::Typing(push) => (Push::TYPING, to_raw_value(push)?),
        Push::SeatAvailable(push) => (Push::SEAT_AVAILABLE, to_raw_value(push)?),
        Push::Kicked(push) => (Push::KICKED, to_raw_value(push)?),
    })
}

/// Encodes `42["name",payload]`.
pub(super) fn event_frame(name: &str, payload: &RawValue) -> serde_json::Result<Vec<u8>> {
    frame("42", &(name, payload))
}

/// Encodes `43id[payload]`.
pub(super) fn ack_frame(id: i64, payload: &RawValue) -> serde_json::Result<Vec<u8>> {
    frame(&format!("43{id}"), &[payload])
}

fn frame(kind: &str, arguments: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let arguments = serde_json::to_vec(arguments)?;
    let length = kind.len() + arguments.len();
    let mut frame = Vec::with_capacity(10 + length);
    frame.push(TEXT_FRAME);
    match length {
        0..126 => frame.push(length as u8),
        126..65_536 => {
            frame.push(126);
            frame.extend((length as u16).to_be_bytes());
        }
        _ => {
            frame.push(127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(kind.as_bytes());
    frame.extend(arguments);
    Ok(frame)
}

/// Returns the length of the WebSocket frame in which a server sends a text of this length (RFC 6455 §5.2).
pub(super) fn frame_length(length: usize) -> u64 {
    let head = match length {
        0..126 => 2,
        126..65_536 => 4,
        _ => 10,
    };
    length as u64 + head
}

#[cfg(test)]
mod tests {
    use common::socketio::Frame;
    use serde_json::value::to_raw_value;
    use tokio_tungstenite::tungstenite::{
        Message,
        protocol::{Role, WebSocket},
    };

    use super::*;

    #[tokio::test]
    async fn a_client_decodes_frames_of_any_length() {
        for length in [0, 100, 125, 126, 65_500, 70_000] {
            let text = "가".repeat(length / 3);
            let payload = to_raw_value(&text).unwrap();
            let bytes =
                [event_frame("chat message", &payload).unwrap(), ack_frame(7, &payload).unwrap()].concat();
            let mut client = WebSocket::from_raw_socket(std::io::Cursor::new(bytes), Role::Client, None);
            let mut next = || match client.read() {
                Ok(Message::Text(text)) => text,
                other => panic!("{other:?}"),
            };
            let (first, second) = (next(), next());
            assert!(matches!(Frame::decode(&first),
                Ok(Frame::Event { name, payload: received })
                    if name == "chat message" && received == payload.get()));
            assert!(matches!(Frame::decode(&second),
                Ok(Frame::Ack { id: 7, payload: received }) if received == payload.get()));
        }
    }
}
