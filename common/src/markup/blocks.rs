//! Blocks out of lines: fenced code, quotes, lists, and text.
//!
//! A fence that is never closed, a quote of nothing and a bullet without text are text.

use super::{Block, Item, Known, spans};

const FENCE: &str = "```";

/// Reads `lines`; quotes and lists are read up to `depth` deep.
pub(super) fn parse(mut lines: Vec<&str>, depth: usize, known: Known<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut text = Vec::new();
    let mut fences_close = true;
    let mut at = 0;
    while at < lines.len() {
        let line = lines[at];
        if depth > 0 {
            let quoted = quoted_lines(&lines[at..]);
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
        if fences_close && let Some(fence) = Fence::of(line) {
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
            fences_close = false;
        }
        text.push(line);
        at += 1;
    }
    flush(&mut blocks, &mut text, known);
    blocks
}

/// Makes a block of the lines of text so far, without the empty ones around them.
fn flush(blocks: &mut Vec<Block>, text: &mut Vec<&str>, known: Known<'_>) {
    let is_blank = |line: &&str| line.trim().is_empty();
    if let (Some(first), Some(last)) =
        (text.iter().position(|line| !is_blank(line)), text.iter().rposition(|line| !is_blank(line)))
    {
        blocks.push(Block::Text(spans::parse(&text[first..=last], known)));
    }
    text.clear();
}

/// What is quoted at the beginning of `lines`. A `>` needs its space, or `>_<` would be a quote.
fn quoted_lines<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let quoted = |line: &&'a str| match line.strip_prefix("> ") {
        None if line.trim_end() == ">" => Some(""),
        inner => inner,
    };
    let inner: Vec<&str> = lines.iter().map_while(quoted).collect();
    if inner.iter().all(|line| line.trim().is_empty()) { Vec::new() } else { inner }
}

/// The beginning of a list's item: `- ` or `1. `.
#[derive(Clone, Copy)]
struct Marker<'a> {
    number: Option<u32>,
    width: usize,
    text: &'a str,
}

impl<'a> Marker<'a> {
    /// A number has at most three digits, so that a year is none.
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

/// The items from `lines[at]` on, whose marker is given, and the line they end before.
fn items(
    lines: &[&str],
    mut at: usize,
    first: Marker<'_>,
    depth: usize,
    known: Known<'_>,
) -> (Vec<Item>, usize) {
    let mut items = Vec::new();
    let mut marker = Some(first);
    while let Some(Marker { number, width, text }) =
        marker.filter(|m| m.number.is_some() == first.number.is_some())
    {
        at += 1;
        let below: Vec<&str> = lines[at..].iter().map_while(|line| unindented(line, width)).collect();
        at += below.len();
        items.push(Item {
            number,
            text: spans::parse(&[text.trim_end()], known),
            below: parse(below, depth - 1, known),
        });
        marker = lines.get(at).copied().and_then(Marker::of);
    }
    (items, at)
}

/// The line without the indentation that makes it part of an item: a tab, or at least two spaces.
fn unindented(line: &str, width: usize) -> Option<&str> {
    if let Some(inner) = line.strip_prefix('\t') {
        return Some(inner);
    }
    let spaces = line.bytes().take_while(|byte| *byte == b' ').count();
    (spaces >= 2).then(|| &line[spaces.min(width)..])
}

/// Where code opens in a line: at its beginning, or anywhere when the line does not close it too;
/// what is opened and closed within a line is the business of `spans`.
struct Fence<'a> {
    /// How many backticks it is made of.
    ticks: usize,
    before: &'a str,
    after: &'a str,
}

struct Fenced<'a> {
    language: &'a str,
    text: String,
    /// What stands behind the closing fence.
    rest: &'a str,
    /// How many lines it takes, that of `rest` among them.
    lines: usize,
}

impl<'a> Fence<'a> {
    fn of(line: &'a str) -> Option<Fence<'a>> {
        let mut from = 0;
        loop {
            let open = from + fence(&line[from..])?;
            let (before, after) = (&line[..open], line[open..].trim_start_matches('`'));
            let ticks = line.len() - open - after.len();
            match fence(after) {
                Some(close) if !before.trim().is_empty() => {
                    from = line.len() - after.len() + close + FENCE.len();
                }
                _ => return Some(Fence { ticks, before, after }),
            }
        }
    }

    /// The code up to the closing fence, if there is one and there is something before it.
    /// `lines` begins with the line of the fence.
    fn close(&self, lines: &[&'a str]) -> Option<Fenced<'a>> {
        if let Some(close) = fence(self.after) {
            let text = self.after[..close].trim();
            let rest = self.behind(&self.after[close..]);
            return (!text.is_empty()).then(|| Fenced {
                language: "",
                text: text.to_owned(),
                rest,
                lines: 1,
            });
        }
        let last = lines.iter().skip(1).position(|line| fence(line).is_some())? + 1;
        let close = fence(lines[last])?;
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
        let rest = self.behind(&lines[last][close..]);
        (!text.trim().is_empty()).then_some(Fenced { language, text, rest, lines: last + 1 })
    }

    /// What stands behind the closing fence, which may be as long as the opening one.
    fn behind(&self, close: &'a str) -> &'a str {
        let ticks = close.len() - close.trim_start_matches('`').len();
        &close[ticks.min(self.ticks)..]
    }
}

/// Where the first fence of a text begins.
fn fence(text: &str) -> Option<usize> {
    text.as_bytes().windows(FENCE.len()).position(|ticks| ticks == FENCE.as_bytes())
}

fn is_language(word: &str) -> bool {
    (1..=20).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-#._".contains(&b))
}
