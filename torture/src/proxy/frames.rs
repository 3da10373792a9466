//! The bytes of a server's WebSocket, taken apart into frames (RFC 6455 §5.2), so that a frame can
//! be swallowed whole or cut in two. Before the first frame stands the response to the handshake.

use common::{
    event::{Push, RoomEvent},
    socketio::Frame as Packet,
};

/// What ends the head of an HTTP message.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Collects bytes until they are whole.
#[derive(Debug, Default)]
pub(super) struct Frames {
    pending: Vec<u8>,
    upgraded: bool,
}

/// Something that is forwarded as one: the head of the response, or a frame.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Where the payload begins; nothing in the response's head.
    payload: Option<usize>,
}

impl Frames {
    /// Takes bytes in.
    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// The next piece that is whole.
    pub(super) fn next(&mut self) -> Option<Piece> {
        let (end, payload) = if self.upgraded {
            let (start, length) = measure(&self.pending)?;
            (start + length, Some(start))
        } else {
            (head_end(&self.pending)?, None)
        };
        if self.pending.len() < end {
            return None;
        }
        self.upgraded = true;
        let rest = self.pending.split_off(end);
        Some(Piece { bytes: std::mem::replace(&mut self.pending, rest), payload })
    }
}

impl Piece {
    /// Whether this is the answer to the handshake.
    pub(super) fn is_head(&self) -> bool {
        self.payload.is_none()
    }

    /// Whether it carries the answer to a command.
    pub(super) fn is_answer(&self) -> bool {
        matches!(self.packet(), Some(Packet::Ack { .. }))
    }

    /// The room event in it, if that is what it carries.
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

/// Where the body of an HTTP message begins.
pub(super) fn head_end(bytes: &[u8]) -> Option<usize> {
    let at = bytes.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    Some(at + HEAD_END.len())
}

/// Where a frame's payload begins and how long it is. A server's frames are not masked.
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
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
    fn pieces_come_out_whole_however_the_bytes_came_in() {
        let long = "글".repeat(100);
        let whole: Vec<u8> =
            [b"HTTP/1.1 101 Yes\r\n\r\n".to_vec(), frame("2"), frame(&long), frame("")].concat();
        for size in [1, 3, 1000] {
            let (mut frames, mut pieces) = (Frames::default(), Vec::new());
            for bytes in whole.chunks(size) {
                frames.extend(bytes);
                pieces.extend(std::iter::from_fn(|| frames.next()));
            }
            assert_eq!(pieces.len(), 4);
            assert!(pieces[0].is_head() && !pieces[1].is_head());
            assert_eq!(pieces.concat_bytes(), whole);
        }
    }

    #[test]
    fn a_room_event_is_recognised_and_nothing_else_is() {
        let event = r#"42["event",{"room":"r","event":{"seq":7,"at":0,"person":{"id":"00000000000000ff","name":"a"},"what":{"posted":{"cid":"c","body":"b"}}}}]"#;
        let mut frames = Frames { upgraded: true, ..Frames::default() };
        frames.extend(&frame(event));
        frames.extend(&frame(r#"42["presence",{}]"#));
        assert_eq!(frames.next().unwrap().event().unwrap().event.seq.0, 7);
        assert_eq!(frames.next().unwrap().event(), None);
    }

    trait ConcatBytes {
        fn concat_bytes(&self) -> Vec<u8>;
    }

    impl ConcatBytes for Vec<Piece> {
        fn concat_bytes(&self) -> Vec<u8> {
            self.iter().flat_map(|piece| piece.bytes.clone()).collect()
        }
    }
}
