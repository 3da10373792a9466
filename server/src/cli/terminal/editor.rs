//! Edits the line being typed and keeps the history. Does no I/O: keys in, text and cursor out.
//!
//! The cursor moves by grapheme clusters, so that one Backspace deletes a whole syllable, an emoji
//! with its modifiers, or a letter with its combining marks.

use common::{line::render::sanitize, message::Body};
use unicode_segmentation::UnicodeSegmentation;

use super::keys::Key;

/// The most lines the history keeps.
const MAX_HISTORY: usize = 500;

/// What the caller must do after a key, other than redraw the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum EditorAction {
    Submit(String),
    Quit,
    Suspend,
    Redraw,
}

/// A line of text with a cursor, and a history.
#[derive(Default)]
pub(super) struct Editor {
    text: String,
    /// In bytes, at a grapheme boundary.
    cursor: usize,
    history: Vec<String>,
    /// The index of the history line in the editor; the length of the history for the line being typed.
    history_index: usize,
    /// The line being typed while a history line is shown.
    draft: String,
}

impl Editor {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    /// Applies a key.
    pub(super) fn press(&mut self, key: Key) -> Option<EditorAction> {
        match key {
            Key::Text(text) => self.insert(&text),
            Key::NewLine => self.insert("\n"),
            Key::Enter => return self.submit(),
            Key::Left => self.cursor = self.left(),
            Key::Right => self.cursor = self.right(),
            Key::WordLeft => self.cursor = self.word_left(),
            Key::WordRight => self.cursor = self.word_right(),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Up => self.recall(self.history_index.checked_sub(1)),
            Key::Down => self.recall(self.history_index.checked_add(1)),
            Key::Backspace => self.delete(self.left(), self.cursor),
            Key::Delete => self.delete(self.cursor, self.right()),
            Key::DeleteWord => self.delete(self.word_left(), self.cursor),
            Key::DeleteToStart => self.delete(0, self.cursor),
            Key::DeleteToEnd => self.delete(self.cursor, self.text.len()),
            Key::EndOfInput if self.text.is_empty() => return Some(EditorAction::Quit),
            Key::EndOfInput => self.delete(self.cursor, self.right()),
            Key::Interrupt => return Some(EditorAction::Quit),
            Key::Suspend => return Some(EditorAction::Suspend),
            Key::Redraw => return Some(EditorAction::Redraw),
        }
        None
    }

    /// Inserts text at the cursor, without terminal control characters and up to the length of a message.
    fn insert(&mut self, text: &str) {
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let clean = text.split('\n').map(sanitize).collect::<Vec<_>>().join("\n");
        let available = Body::MAX_BYTES.saturating_sub(self.text.len());
        let fits = clean
            .grapheme_indices(true)
            .map(|(at, grapheme)| at + grapheme.len())
            .take_while(|end| *end <= available);
        let clean = &clean[..fits.last().unwrap_or(0)];
        self.text.insert_str(self.cursor, clean);
        self.cursor += clean.len();
    }

    fn submit(&mut self) -> Option<EditorAction> {
        let text = std::mem::take(&mut self.text);
        self.cursor = 0;
        if !text.trim().is_empty() && self.history.last() != Some(&text) {
            self.history.push(text.clone());
            if self.history.len() > MAX_HISTORY {
                self.history.remove(0);
            }
        }
        self.history_index = self.history.len();
        (!text.trim().is_empty()).then_some(EditorAction::Submit(text))
    }

    /// Shows a line of the history, or the line being typed.
    fn recall(&mut self, index: Option<usize>) {
        let Some(index) = index.filter(|index| *index <= self.history.len()) else { return };
        if self.history_index == self.history.len() {
            self.draft = std::mem::take(&mut self.text);
        }
        self.text = match self.history.get(index) {
            Some(line) => line.clone(),
            None => std::mem::take(&mut self.draft),
        };
        self.history_index = index;
        self.cursor = self.text.len();
    }

    fn delete(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.cursor = from;
    }

    fn left(&self) -> usize {
        let before = &self.text[..self.cursor];
        before.grapheme_indices(true).next_back().map_or(0, |(at, _)| at)
    }

    fn right(&self) -> usize {
        let after = &self.text[self.cursor..];
        self.cursor + after.graphemes(true).next().map_or(0, str::len)
    }

    fn word_left(&self) -> usize {
        let before = self.text[..self.cursor].trim_end();
        before.rfind(char::is_whitespace).map_or(0, |at| at + space_len(before, at))
    }

    fn word_right(&self) -> usize {
        let after = &self.text[self.cursor..];
        let start = after.len() - after.trim_start().len();
        self.cursor + start + after[start..].find(char::is_whitespace).unwrap_or(after.len() - start)
    }
}

/// Returns the length in bytes of the white space character at `at`.
fn space_len(text: &str, at: usize) -> usize {
    text[at..].chars().next().map_or(0, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: impl IntoIterator<Item = Key>) -> Editor {
        let mut editor = Editor::default();
        keys.into_iter().for_each(|key| drop(editor.press(key)));
        editor
    }

    fn text(text: &str) -> Key {
        Key::Text(text.to_owned())
    }

    /// Returns the text with `|` at the cursor.
    fn with_cursor(editor: &Editor) -> String {
        let (before, after) = editor.text.split_at(editor.cursor);
        format!("{before}|{after}")
    }

    #[test]
    fn one_key_moves_over_or_deletes_one_grapheme() {
        let cases = [
            (vec![text("안녕"), Key::Backspace], "안|"),
            (vec![text("\u{1112}\u{1161}\u{11AB}국"), Key::Backspace, Key::Backspace], "|"),
            (vec![text("a👩‍👩‍👧‍👦"), Key::Backspace], "a|"),
            (vec![text("e\u{301}x"), Key::Left, Key::Backspace], "|x"),
            (vec![text("한글"), Key::Left, text("x")], "한x|글"),
            (vec![text("한글"), Key::Home, Key::Delete], "|글"),
            (vec![text("한글"), Key::Home, Key::EndOfInput], "|글"),
            (vec![text("한"), Key::Left, Key::Left, Key::Right, Key::Right], "한|"),
        ];
        for (keys, expected) in cases {
            assert_eq!(with_cursor(&typed(keys.clone())), expected, "{keys:?}");
        }
    }

    #[test]
    fn words_are_separated_by_white_space() {
        let cases = [
            (vec![Key::WordLeft], "하나 둘  |셋"),
            (vec![Key::WordLeft, Key::WordLeft], "하나 |둘  셋"),
            (vec![Key::Home, Key::WordRight, Key::WordRight], "하나 둘|  셋"),
            (vec![Key::DeleteWord, Key::DeleteWord], "하나 |"),
            (vec![Key::WordLeft, Key::DeleteToStart], "|셋"),
            (vec![Key::Home, Key::WordRight, Key::DeleteToEnd], "하나|"),
        ];
        for (keys, expected) in cases {
            let editor = typed([text("하나 둘  셋")].into_iter().chain(keys.clone()));
            assert_eq!(with_cursor(&editor), expected, "{keys:?}");
        }
    }

    #[test]
    fn the_history_recalls_lines_and_keeps_the_line_being_typed() {
        let mut editor = typed([text("하나"), Key::Enter, text("둘"), Key::Enter, text("둘"), Key::Enter]);
        editor.press(text("셋"));
        let steps = [
            (Key::Up, "둘|"),
            (Key::Up, "하나|"),
            (Key::Up, "하나|"),
            (Key::Down, "둘|"),
            (Key::Down, "셋|"),
            (Key::Down, "셋|"),
        ];
        for (key, expected) in steps {
            editor.press(key);
            assert_eq!(with_cursor(&editor), expected);
        }
    }

    #[test]
    fn enter_submits_the_line_unless_it_is_empty() {
        let mut editor = typed([text("안녕")]);
        assert_eq!(editor.press(Key::Enter), Some(EditorAction::Submit("안녕".to_owned())));
        assert_eq!(with_cursor(&editor), "|");
        editor.press(text(" "));
        assert_eq!(editor.press(Key::Enter), None);
        assert_eq!(editor.press(Key::EndOfInput), Some(EditorAction::Quit));
    }

    #[test]
    fn pasted_text_is_sanitized_and_bounded() {
        let editor = typed([text("a\r\nb\rc\x1b[2J\u{202e}\td")]);
        assert_eq!(editor.text, "a\nb\nc[2J\td");
        let editor = typed([text(&"글".repeat(10_000)), text("x")]);
        assert!(editor.text.len() <= Body::MAX_BYTES && editor.text.ends_with("글x"));
    }
}
