//! Splits lines into blocks: fenced code, quotes, lists and text.
//!
//! An unclosed fence, an empty quote and a bullet without text are treated as text.

use super::{Block, ListItem, MentionMatcher, spans};

/// The fewest backticks of a fence.
const FENCE_TICKS: usize = 3;

/// Parses `lines` into blocks; quotes and lists nest up to `depth` levels.
pub(super) fn parse(mut lines: Vec<&str>, depth: usize, known: MentionMatcher<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut text = Vec::new();
    // Fences of at least this many backticks are not closed any more. Without it, a message of fences would
    // take quadratic time.
    let mut unclosed = usize::MAX;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if depth > 0 {
            let quoted = strip_quote(&lines[at..]);
            if !quoted.is_empty() {
                at += quoted.len();
                flush(&mut blocks, &mut text, known);
                blocks.push(Block::Quote(parse(quoted, depth - 1, known)));
                continue;
            }
            if let Some(marker) = Marker::of(line) {
                flush(&mut blocks, &mut text, known);
                let (items, end) = items(&lines, at, marker, depth, known);
                blocks.push(Block::List(items));
                at = end;
                continue;
            }
        }
        if let Some(fence) = Fence::of(line).filter(|fence| fence.ticks < unclosed) {
            if let Some(fenced) = fence.close(&lines[at..]) {
                text.push(fence.before);
                flush(&mut blocks, &mut text, known);
                blocks.push(Block::Code { language: fenced.language.to_owned(), text: fenced.text });
                at += fenced.lines;
                if !fenced.rest.trim().is_empty() {
                    at -= 1;
                    lines[at] = fenced.rest.trim_start();
                }
                continue;
            }
            unclosed = fence.ticks;
        }
        text.push(line);
        at += 1;
    }
    flush(&mut blocks, &mut text, known);
    blocks
}

/// Turns the collected lines of text into a block, without empty lines at either end.
fn flush(blocks: &mut Vec<Block>, text: &mut Vec<&str>, known: MentionMatcher<'_>) {
    let is_blank = |line: &&str| line.trim().is_empty();
    if let (Some(first), Some(last)) =
        (text.iter().position(|line| !is_blank(line)), text.iter().rposition(|line| !is_blank(line)))
    {
        blocks.push(Block::Text(spans::parse(&text[first..=last], known)));
    }
    text.clear();
}

/// Returns the content of the quote that `lines` begins with; empty if there is none.
/// A `>` needs a space after it, or `>_<` would be a quote.
fn strip_quote<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let quoted = |line: &&'a str| match line.strip_prefix("> ") {
        None if line.trim_end() == ">" => Some(""),
        inner => inner,
    };
    let inner: Vec<&str> = lines.iter().map_while(quoted).collect();
    if inner.iter().all(|line| line.trim().is_empty()) { Vec::new() } else { inner }
}

/// The start of a list item: `- ` or `1. `.
#[derive(Clone, Copy)]
struct Marker<'a> {
    number: Option<u32>,
    width: usize,
    text: &'a str,
}

impl<'a> Marker<'a> {
    /// Parses the marker of a line. A number has at most three digits, so a year is not one.
    fn of(line: &'a str) -> Option<Marker<'a>> {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        let (number, text) = match digits {
            0 => (None, line.strip_prefix("- ")?),
            1..=3 if digits == 1 || !line.starts_with('0') => {
                (line[..digits].parse().ok(), line[digits..].strip_prefix(". ")?)
            }
            _ => return None,
        };
        (!text.trim().is_empty()).then_some(Marker { number, width: line.len() - text.len(), text })
    }
}

/// Parses the list that begins at `lines[at]` with the marker `first`.
/// Returns its items and the index of the line after them.
fn items(
    lines: &[&str],
    mut at: usize,
    first: Marker<'_>,
    depth: usize,
    known: MentionMatcher<'_>,
) -> (Vec<ListItem>, usize) {
    let mut items = Vec::new();
    let mut marker = Some(first);
    while let Some(Marker { number, width, text }) =
        marker.filter(|m| m.number.is_some() == first.number.is_some())
    {
        at += 1;
        let below: Vec<&str> = lines[at..].iter().map_while(|line| strip_indent(line, width)).collect();
        at += below.len();
        items.push(ListItem {
            number,
            text: spans::parse(&[text.trim_end()], known),
            children: parse(below, depth - 1, known),
        });
        marker = lines.get(at).copied().and_then(Marker::of);
    }
    (items, at)
}

/// Removes the indentation that makes a line part of an item: a tab, or at least two spaces.
fn strip_indent(line: &str, width: usize) -> Option<&str> {
    if let Some(inner) = line.strip_prefix('\t') {
        return Some(inner);
    }
    let spaces = line.bytes().take_while(|byte| *byte == b' ').count();
    (spaces >= 2).then(|| &line[spaces.min(width)..])
}

/// An opening fence: at the start of a line, or anywhere in a line that does not close it as well.
/// A fence that opens and closes within a line of text is handled by `spans`. It is closed by as many backticks
/// or more, so that code may contain a shorter fence.
struct Fence<'a> {
    /// The number of backticks.
    ticks: usize,
    before: &'a str,
    after: &'a str,
}

/// A block of fenced code.
struct Fenced<'a> {
    language: &'a str,
    text: String,
    /// The text after the closing fence.
    rest: &'a str,
    /// The number of lines the block covers, including the line of `rest`.
    lines: usize,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Option<Fence<'a>> {
        let mut from = 0;
        loop {
            let open = from + find_fence(&line[from..], FENCE_TICKS)?;
            let (before, after) = (&line[..open], line[open..].trim_start_matches('`'));
            let ticks = line.len() - open - after.len();
            match find_fence(after, ticks) {
                Some(close) if !before.trim().is_empty() => {
                    from = line.len() - after.len() + close + ticks;
                }
                _ => return Some(Fence { ticks, before, after }),
            }
        }
    }

    /// Returns the code up to the closing fence; `None` without a closing fence or without code.
    /// `lines` begins with the line of the opening fence.
    fn close(&self, lines: &[&'a str]) -> Option<Fenced<'a>> {
        if let Some(close) = find_fence(self.after, self.ticks) {
            let text = self.after[..close].trim();
            let rest = self.after_close(&self.after[close..]);
            return (!text.is_empty()).then(|| Fenced {
                language: "",
                text: text.to_owned(),
                rest,
                lines: 1,
            });
        }
        let last = lines.iter().skip(1).position(|line| find_fence(line, self.ticks).is_some())? + 1;
        let close = find_fence(lines[last], self.ticks)?;
        let language = Some(self.after.trim()).filter(|word| is_language(word)).unwrap_or_default();
        let mut code = Vec::new();
        if language.is_empty() && !self.after.trim().is_empty() {
            code.push(self.after);
        }
        code.extend(&lines[1..last]);
        if !lines[last][..close].trim().is_empty() {
            code.push(&lines[last][..close]);
        }
        let text = code.join("\n");
        let rest = self.after_close(&lines[last][close..]);
        (!text.trim().is_empty()).then_some(Fenced { language, text, rest, lines: last + 1 })
    }

    /// Returns the text after the closing fence, which has as many backticks as the opening one.
    fn after_close(&self, close: &'a str) -> &'a str {
        &close[self.ticks..]
    }
}

/// Returns the position of the first run of at least so many backticks in a text.
fn find_fence(text: &str, ticks: usize) -> Option<usize> {
    let mut run = 0;
    text.bytes().enumerate().find_map(|(at, byte)| {
        run = if byte == b'`' { run + 1 } else { 0 };
        (run == ticks).then(|| at + 1 - ticks)
    })
}

fn is_language(word: &str) -> bool {
    (1..=20).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-#._".contains(&b))
}
