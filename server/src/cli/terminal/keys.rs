//! Parses the bytes that a terminal in raw mode sends into keys (ECMA-48, xterm control sequences).
//! Does no I/O.

/// The longest escape sequence; a longer one is dropped.
const MAX_SEQUENCE: usize = 32;
/// The end of a paste (xterm, "bracketed paste mode").
const PASTE_END: &[u8] = b"\x1b[201~";
/// The most bytes of a paste in one key; a longer paste is split.
const MAX_PASTE: usize = 64 * 1024;

/// One key, or pasted text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Text(String),
    Enter,
    NewLine,
    Left,
    Right,
    WordLeft,
    WordRight,
    Home,
    End,
    Up,
    Down,
    Backspace,
    Delete,
    DeleteWord,
    DeleteToStart,
    DeleteToEnd,
    /// Ctrl-D: end of input in an empty line, else Delete.
    EndOfInput,
    Interrupt,
    Suspend,
    Redraw,
}

/// An incremental parser; it buffers the bytes of a key that is not complete yet.
#[derive(Default)]
pub(super) struct KeyParser {
    bytes: Vec<u8>,
    is_pasting: bool,
}

/// The result of parsing the start of the buffer.
enum Parsed {
    /// A key of this many bytes; `None` for bytes without meaning.
    Key(usize, Option<Key>),
    /// The start of a paste, of this many bytes.
    PasteStart(usize),
    /// More bytes are needed.
    Incomplete,
}

impl KeyParser {
    /// Appends bytes and returns the keys that are complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        let mut keys = Vec::new();
        loop {
            let parsed = if self.is_pasting { parse_paste(&self.bytes) } else { parse_key(&self.bytes) };
            let length = match parsed {
                Parsed::Incomplete => return keys,
                Parsed::PasteStart(length) => {
                    self.is_pasting = true;
                    length
                }
                Parsed::Key(length, key) => {
                    keys.extend(key);
                    length
                }
            };
            let taken: Vec<u8> = self.bytes.drain(..length).collect();
            self.is_pasting &= !taken.ends_with(PASTE_END);
        }
    }
}

/// Parses pasted text up to the end of the paste.
fn parse_paste(bytes: &[u8]) -> Parsed {
    let text = |bytes: &[u8]| Some(Key::Text(String::from_utf8_lossy(bytes).into_owned()));
    match bytes.windows(PASTE_END.len()).position(|window| window == PASTE_END) {
        Some(at) => Parsed::Key(at + PASTE_END.len(), text(&bytes[..at])),
        None if bytes.len() > MAX_PASTE => {
            // Keeps the end marker and UTF-8 characters in one piece.
            let cut = (1..=bytes.len() - PASTE_END.len()).rev().find(|at| bytes[*at] & 0xc0 != 0x80);
            let cut = cut.unwrap_or(bytes.len());
            Parsed::Key(cut, text(&bytes[..cut]))
        }
        None => Parsed::Incomplete,
    }
}

fn parse_key(bytes: &[u8]) -> Parsed {
    let Some(byte) = bytes.first() else { return Parsed::Incomplete };
    match byte {
        0x1b => parse_escape(bytes),
        0x00..=0x1f | 0x7f => Parsed::Key(1, control_key(*byte)),
        _ => parse_character(bytes),
    }
}

fn control_key(byte: u8) -> Option<Key> {
    Some(match byte {
        b'\r' | b'\n' => Key::Enter,
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfInput,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        0x0b => Key::DeleteToEnd,
        0x0c => Key::Redraw,
        0x0e => Key::Down,
        0x10 => Key::Up,
        0x15 => Key::DeleteToStart,
        0x17 => Key::DeleteWord,
        0x1a => Key::Suspend,
        _ => return None,
    })
}

fn parse_escape(bytes: &[u8]) -> Parsed {
    match bytes.get(1) {
        None => Parsed::Incomplete,
        Some(b'[') => {
            let end = bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte));
            match end {
                Some(at) if &bytes[2..=at + 2] == b"200~" => Parsed::PasteStart(at + 3),
                Some(at) => Parsed::Key(at + 3, sequence_key(&bytes[2..=at + 2])),
                None if bytes.len() > MAX_SEQUENCE => Parsed::Key(bytes.len(), None),
                None => Parsed::Incomplete,
            }
        }
        Some(b'O') => match bytes.get(2) {
            None => Parsed::Incomplete,
            Some(byte) => Parsed::Key(3, sequence_key(&[*byte])),
        },
        Some(b'\r' | b'\n') => Parsed::Key(2, Some(Key::NewLine)),
        Some(b'b') => Parsed::Key(2, Some(Key::WordLeft)),
        Some(b'f') => Parsed::Key(2, Some(Key::WordRight)),
        Some(0x7f | 0x08) => Parsed::Key(2, Some(Key::DeleteWord)),
        // The Escape key itself, which has no function.
        Some(_) => Parsed::Key(1, None),
    }
}

fn sequence_key(sequence: &[u8]) -> Option<Key> {
    Some(match sequence {
        b"A" => Key::Up,
        b"B" => Key::Down,
        b"C" => Key::Right,
        b"D" => Key::Left,
        b"H" | b"1~" | b"7~" => Key::Home,
        b"F" | b"4~" | b"8~" => Key::End,
        b"3~" => Key::Delete,
        b"1;5C" | b"1;3C" => Key::WordRight,
        b"1;5D" | b"1;3D" => Key::WordLeft,
        _ => return None,
    })
}

fn parse_character(bytes: &[u8]) -> Parsed {
    let length = match bytes[0] {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Parsed::Key(1, None),
    };
    let Some(bytes) = bytes.get(..length) else { return Parsed::Incomplete };
    match std::str::from_utf8(bytes) {
        Ok(text) => Parsed::Key(length, Some(Key::Text(text.to_owned()))),
        Err(_) => Parsed::Key(1, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cli::terminal::editor::Editor;

    fn text(text: &str) -> Key {
        Key::Text(text.to_owned())
    }

    #[test]
    fn keys_are_parsed_wherever_their_bytes_are_split() {
        let typed = "한\x1b[D\x7f\x1b[1;5C\x1bOH\x1b[3~\x1b\rq\x03\x1b[200~두\r줄\x1b[201~\r";
        let keys = [
            text("한"),
            Key::Left,
            Key::Backspace,
            Key::WordRight,
            Key::Home,
            Key::Delete,
            Key::NewLine,
            text("q"),
            Key::Interrupt,
            text("두\r줄"),
            Key::Enter,
        ];
        for size in [1, 2, 3, 100] {
            let mut parser = KeyParser::default();
            let read: Vec<Key> = typed.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(read, keys, "in pieces of {size}");
        }
    }

    #[test]
    fn unknown_sequences_are_ignored() {
        let mut parser = KeyParser::default();
        assert_eq!(parser.push(b"\xff\x1b[99;99;99X\x1b[I\x00a"), [text("a")]);
        assert_eq!(parser.push(b"\x1b["), []);
        assert_eq!(parser.push(&[b'1'; 100]), []);
        assert_eq!(parser.push(b"b"), [text("b")], "an endless sequence is given up");
    }

    #[test]
    fn a_huge_paste_comes_in_pieces_and_loses_nothing() {
        let pasted = "글".repeat(60_000);
        let mut parser = KeyParser::default();
        let mut read = parser.push(format!("\x1b[200~{pasted}").as_bytes());
        assert!(parser.bytes.len() <= MAX_PASTE);
        read.extend(parser.push(b"\x1b[201~\x7f"));
        assert_eq!(read.pop(), Some(Key::Backspace));
        let texts = read.into_iter().map(|key| match key {
            Key::Text(text) => text,
            other => panic!("{other:?}"),
        });
        assert_eq!(texts.collect::<String>(), pasted);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic_or_buffer_much(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut parser = KeyParser::default();
            let pressed: Vec<Key> = bytes.chunks(7).flat_map(|chunk| parser.push(chunk)).collect();
            prop_assert!(pressed.len() <= bytes.len());
            let mut editor = Editor::default();
            for key in pressed {
                editor.press(key);
                prop_assert!(editor.text().is_char_boundary(editor.cursor()));
            }
        }
    }
}
