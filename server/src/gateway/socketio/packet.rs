//! Events and acknowledgements as whole WebSocket frames (RFC 6455 §5.2), for connections that are
//! written to without the library. Pure: values in, bytes out.

use serde::Serialize;
use serde_json::value::RawValue;

/// A final frame of text, as a server sends it.
const TEXT: u8 = 0x81;

/// `42["name",payload]`.
pub(super) fn event(name: &str, payload: &RawValue) -> serde_json::Result<Vec<u8>> {
    frame("42", &(name, payload))
}

/// `43id[payload]`.
pub(super) fn ack(id: i64, payload: &RawValue) -> serde_json::Result<Vec<u8>> {
    frame(&format!("43{id}"), &[payload])
}

fn frame(kind: &str, arguments: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let arguments = serde_json::to_vec(arguments)?;
    let length = kind.len() + arguments.len();
    let mut frame = Vec::with_capacity(10 + length);
    frame.push(TEXT);
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
    async fn frames_of_any_length_are_what_a_client_expects() {
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
                Ok(Frame::Event { name, payload: heard }) if name == "chat message" && heard == payload.get()));
            assert!(matches!(Frame::decode(&second),
                Ok(Frame::Ack { id: 7, payload: heard }) if heard == payload.get()));
        }
    }
}
