//! Keys out of the bytes that a terminal in raw mode sends (ECMA-48, xterm's control sequences). Pure.

/// The longest escape sequence that is taken for one.
const MAX_SEQUENCE: usize = 32;
/// What ends a paste (xterm, "bracketed paste mode").
const PASTE_END: &[u8] = b"\x1b[201~";
/// A paste of more than this comes in pieces.
const MAX_PASTE: usize = 64 * 1024;

/// One key, or what was pasted.
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
    /// Ctrl-D: the end of the input, or Delete.
    EndOfInput,
    Interrupt,
    Suspend,
    Redraw,
}

/// Bytes that came and are no whole key yet.
#[derive(Default)]
pub(super) struct Keys {
    bytes: Vec<u8>,
    is_pasting: bool,
}

/// What stands at the beginning of the bytes.
enum Found {
    /// This many bytes are a key, or are nothing.
    Key(usize, Option<Key>),
    Paste(usize),
    /// More has to come.
    Part,
}

impl Keys {
    /// Takes what came, and gives the keys that are whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Key> {
        self.bytes.extend_from_slice(bytes);
        let mut keys = Vec::new();
        loop {
            let found = if self.is_pasting { pasted(&self.bytes) } else { first(&self.bytes) };
            let length = match found {
                Found::Part => return keys,
                Found::Paste(length) => {
                    self.is_pasting = true;
                    length
                }
                Found::Key(length, key) => {
                    keys.extend(key);
                    length
                }
            };
            let taken: Vec<u8> = self.bytes.drain(..length).collect();
            self.is_pasting &= !taken.ends_with(PASTE_END);
        }
    }
}

/// What was pasted, up to its end.
fn pasted(bytes: &[u8]) -> Found {
    let text = |bytes: &[u8]| Some(Key::Text(String::from_utf8_lossy(bytes).into_owned()));
    match bytes.windows(PASTE_END.len()).position(|window| window == PASTE_END) {
        Some(at) => Found::Key(at + PASTE_END.len(), text(&bytes[..at])),
        None if bytes.len() > MAX_PASTE => {
            // Neither the end nor a character is cut in two.
            let cut = (1..=bytes.len() - PASTE_END.len()).rev().find(|at| bytes[*at] & 0xc0 != 0x80);
            let cut = cut.unwrap_or(bytes.len());
            Found::Key(cut, text(&bytes[..cut]))
        }
        None => Found::Part,
    }
}

fn first(bytes: &[u8]) -> Found {
    let Some(byte) = bytes.first() else { return Found::Part };
    match byte {
        0x1b => escape(bytes),
        0x00..=0x1f | 0x7f => Found::Key(1, control(*byte)),
        _ => character(bytes),
    }
}

fn control(byte: u8) -> Option<Key> {
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

fn escape(bytes: &[u8]) -> Found {
    match bytes.get(1) {
        None => Found::Part,
        Some(b'[') => {
            let end = bytes[2..].iter().position(|byte| (0x40..=0x7e).contains(byte));
            match end {
                Some(at) if &bytes[2..=at + 2] == b"200~" => Found::Paste(at + 3),
                Some(at) => Found::Key(at + 3, sequence(&bytes[2..=at + 2])),
                None if bytes.len() > MAX_SEQUENCE => Found::Key(bytes.len(), None),
                None => Found::Part,
            }
        }
        Some(b'O') => match bytes.get(2) {
            None => Found::Part,
            Some(byte) => Found::Key(3, sequence(&[*byte])),
        },
        Some(b'\r' | b'\n') => Found::Key(2, Some(Key::NewLine)),
        Some(b'b') => Found::Key(2, Some(Key::WordLeft)),
        Some(b'f') => Found::Key(2, Some(Key::WordRight)),
        Some(0x7f | 0x08) => Found::Key(2, Some(Key::DeleteWord)),
        // The key Escape itself, which does nothing.
        Some(_) => Found::Key(1, None),
    }
}

fn sequence(sequence: &[u8]) -> Option<Key> {
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

fn character(bytes: &[u8]) -> Found {
    let length = match bytes[0] {
        0x00..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Found::Key(1, None),
    };
    let Some(bytes) = bytes.get(..length) else { return Found::Part };
    match std::str::from_utf8(bytes) {
        Ok(text) => Found::Key(length, Some(Key::Text(text.to_owned()))),
        Err(_) => Found::Key(1, None),
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
    fn keys_are_read_wherever_their_bytes_are_cut() {
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
            let mut parser = Keys::default();
            let read: Vec<Key> = typed.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk)).collect();
            assert_eq!(read, keys, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_key_does_nothing() {
        let mut keys = Keys::default();
        assert_eq!(keys.push(b"\xff\x1b[99;99;99X\x1b[I\x00a"), [text("a")]);
        assert_eq!(keys.push(b"\x1b["), []);
        assert_eq!(keys.push(&[b'1'; 100]), []);
        assert_eq!(keys.push(b"b"), [text("b")], "an endless sequence is given up");
    }

    #[test]
    fn a_huge_paste_comes_in_pieces_and_loses_nothing() {
        let pasted = "글".repeat(60_000);
        let mut keys = Keys::default();
        let mut read = keys.push(format!("\x1b[200~{pasted}").as_bytes());
        assert!(keys.bytes.len() <= MAX_PASTE);
        read.extend(keys.push(b"\x1b[201~\x7f"));
        assert_eq!(read.pop(), Some(Key::Backspace));
        let texts = read.into_iter().map(|key| match key {
            Key::Text(text) => text,
            other => panic!("{other:?}"),
        });
        assert_eq!(texts.collect::<String>(), pasted);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic_or_keep_much(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut keys = Keys::default();
            let pressed: Vec<Key> = bytes.chunks(7).flat_map(|chunk| keys.push(chunk)).collect();
            prop_assert!(pressed.len() <= bytes.len());
            let mut editor = Editor::default();
            for key in pressed {
                editor.press(key);
                prop_assert!(editor.text().is_char_boundary(editor.cursor()));
            }
        }
    }
}
