//! Encodes events and acknowledgements as whole WebSocket frames (RFC 6455 §5.2), for connections
//! that bypass the library's writer. Pure.

use serde::Serialize;
use serde_json::value::RawValue;

/// The first byte of a final text frame; a server's frames are not masked.
const TEXT_FRAME: u8 = 0x81;

/// Encodes `42["name",payload]`.
pub(super) fn event(name: &str, payload: &RawValue) -> serde_json::Result<Vec<u8>> {
    frame("42", &(name, payload))
}

/// Encodes `43id[payload]`.
pub(super) fn ack(id: i64, payload: &RawValue) -> serde_json::Result<Vec<u8>> {
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
            let bytes = [event("chat message", &payload).unwrap(), ack(7, &payload).unwrap()].concat();
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
