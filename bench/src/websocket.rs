//! WebSocket frames as far as a benchmark needs them: whole text frames in both directions, and the upgrade
//! before them. Pure; the clients and the floor share it.
//!
//! It handles no fragments, no extensions and no close handshake, because none of the servers here sends
//! them unasked.

use std::ops::Range;

const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;

/// A frame at the front of some bytes.
pub(crate) struct Frame {
    /// Where its payload is.
    pub(crate) payload: Range<usize>,
    pub(crate) is_text: bool,
}

/// Returns the first frame, if it is complete.
pub(crate) fn first_frame(bytes: &[u8]) -> Option<Frame> {
    let [kind, length, ..] = *bytes else { return None };
    let (mut start, short) = (2, usize::from(length & !MASKED));
    let length_bytes = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut payload = if length_bytes == 0 { short } else { 0 };
    for byte in bytes.get(start..start + length_bytes)? {
        payload = payload << 8 | usize::from(*byte);
    }
    start += length_bytes;
    if length & MASKED != 0 {
        // The benchmark's clients mask with zero, so there is nothing to undo.
        start += 4;
    }
    let payload = start..start.checked_add(payload)?;
    (bytes.len() >= payload.end).then_some(Frame { payload, is_text: kind == TEXT })
}

/// Builds a text frame as a server sends it.
pub(crate) fn server_frame(text: &str) -> Vec<u8> {
    frame(text, 0)
}

/// Builds a text frame as a client sends it. The mask is zero: it costs the sender nothing, and the server
/// undoes it like any other.
pub(crate) fn client_frame(text: &str) -> Vec<u8> {
    frame(text, MASKED)
}

fn frame(text: &str, masked: u8) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 14);
    frame.push(TEXT);
    match text.len() {
        length @ 0..126 => frame.push(masked | length as u8),
        length @ 126..65_536 => {
            frame.push(masked | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(masked | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    if masked != 0 {
        frame.extend([0; 4]);
    }
    frame.extend(text.as_bytes());
    frame
}

/// Builds the request that opens a WebSocket to a Socket.IO server. The key is the example of RFC 6455; the
/// benchmark does not check the answer to it.
pub(crate) fn upgrade_request(host: impl std::fmt::Display) -> String {
    format!(
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// The response to [`upgrade_request`].
pub(crate) const UPGRADED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
    Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Returns the length of an HTTP message's head, if it is complete.
pub(crate) fn head_length(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|end| end + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_of_any_length_is_read_as_it_was_written_and_not_before_it_is_whole() {
        for length in [0, 1, 125, 126, 127, 65_535, 65_536, 100_000] {
            let text = "x".repeat(length);
            for bytes in [server_frame(&text), client_frame(&text)] {
                let frame = first_frame(&bytes).unwrap();
                assert!(frame.is_text && frame.payload.end == bytes.len());
                assert_eq!(&bytes[frame.payload], text.as_bytes());
                assert!(first_frame(&bytes[..bytes.len() - 1]).is_none());
            }
        }
    }
}
