//! Splits the bytes of a server's WebSocket into frames (RFC 6455 §5.2), so that a frame can be dropped
//! whole or cut in two. The response to the handshake comes before the first frame.

use common::{
    protocol::push::{Push, RoomEvent},
    socketio::Frame as Packet,
};

/// Ends the head of an HTTP message.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Collects bytes until a chunk is complete.
#[derive(Debug, Default)]
pub(super) struct ChunkReader {
    pending: Vec<u8>,
    upgraded: bool,
}

/// A unit that is forwarded whole: the head of the response, or a frame.
#[derive(Debug, PartialEq)]
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    /// Where the payload begins; `None` for the response's head.
    payload: Option<usize>,
}

impl ChunkReader {
    /// Adds bytes.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Returns the next complete chunk.
    pub(super) fn next(&mut self) -> Option<Chunk> {
        let (end, payload) = if self.upgraded {
            let (start, length) = payload_bounds(&self.pending)?;
            (start + length, Some(start))
        } else {
            (head_end(&self.pending)?, None)
        };
        if self.pending.len() < end {
            return None;
        }
        self.upgraded = true;
        let rest = self.pending.split_off(end);
        Some(Chunk { bytes: std::mem::replace(&mut self.pending, rest), payload })
    }
}

impl Chunk {
    /// Returns whether this is the response to the handshake.
    pub(super) fn is_head(&self) -> bool {
        self.payload.is_none()
    }

    /// Returns whether it carries the reply to a command.
    pub(super) fn is_reply(&self) -> bool {
        matches!(self.packet(), Some(Packet::Ack { .. }))
    }

    /// Returns the room event that it carries, if any.
    pub(super) fn event(&self) -> Option<RoomEvent> {
        match self.packet() {
            Some(Packet::Event { name, payload }) if name == Push::EVENT => {
                serde_json::from_str(payload).ok()
            }
            _ => None,
        }
    }

    fn packet(&self) -> Option<Packet<'_>> {
        let text = std::str::from_utf8(&self.bytes[self.payload?..]).ok()?;
        Packet::decode(text).ok()
    }
}

/// Returns where the body of an HTTP message begins.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    Some(at + HEAD_END.len())
}

/// Returns where a frame's payload begins and its length. A server's frames are not masked.
fn payload_bounds(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.get(1)? & 0x7f {
        126 => Some((4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)))),
        127 => Some((10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?)),
        short => Some((2, usize::from(short))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        let length = u16::try_from(text.len()).unwrap();
        let mut bytes = vec![0x81];
        if length < 126 {
            bytes.push(u8::try_from(length).unwrap());
        } else {
            bytes.push(126);
            bytes.extend(length.to_be_bytes());
        }
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn chunks_come_out_whole_however_the_bytes_are_split() {
        let long = "글".repeat(100);
        let whole: Vec<u8> =
            [b"HTTP/1.1 101 Yes\r\n\r\n".to_vec(), frame("2"), frame(&long), frame("")].concat();
        for size in [1, 3, 1000] {
            let (mut reader, mut chunks) = (ChunkReader::default(), Vec::new());
            for bytes in whole.chunks(size) {
                reader.extend(bytes);
                chunks.extend(std::iter::from_fn(|| reader.next()));
            }
            assert_eq!(chunks.len(), 4);
            assert!(chunks[0].is_head() && !chunks[1].is_head());
            assert_eq!(chunks.concat_bytes(), whole);
        }
    }

    #[test]
    fn a_room_event_is_recognised_and_nothing_else_is() {
        let event = r#"42["event",{"room":"r","event":{"seq":7,"at":0,"person":{"id":"00000000000000ff","name":"a"},"what":{"posted":{"cid":"c","body":"b"}}}}]"#;
        let mut reader = ChunkReader { upgraded: true, ..ChunkReader::default() };
        reader.extend(&frame(event));
        reader.extend(&frame(r#"42["presence",{}]"#));
        assert_eq!(reader.next().unwrap().event().unwrap().event.seq.0, 7);
        assert_eq!(reader.next().unwrap().event(), None);
    }

    trait ConcatBytes {
        fn concat_bytes(&self) -> Vec<u8>;
    }

    impl ConcatBytes for Vec<Chunk> {
        fn concat_bytes(&self) -> Vec<u8> {
            self.iter().flat_map(|chunk| chunk.bytes.clone()).collect()
        }
    }
}
