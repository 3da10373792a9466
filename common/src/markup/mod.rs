//! Parses chat markup into a tree of blocks and spans.
//!
//! The syntax is that of other chats, not CommonMark: a line break is a line break, and there are
//! no HTML and no headings. The page builds DOM elements from the tree, so this module never reads
//! or writes HTML. Parsing takes linear time for every input, nests to a fixed depth and preserves
//! every letter: only delimiters that took effect are dropped.

mod address;
mod blocks;
mod emoji;
mod limit;
mod particles;
mod spans;

pub use self::{
    emoji::is_only_emoji,
    limit::{MAX_ELEMENTS, MAX_MENTIONS},
};
use crate::unicode;

/// How deep quotes and lists may nest; anything deeper is text.
const MAX_DEPTH: usize = 4;

/// A part of a message that takes whole lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Lines of text, separated by `\n` in [`Span::Text`].
    Text(Vec<Span>),
    Code {
        language: String,
        text: String,
    },
    Quote(Vec<Block>),
    List(Vec<ListItem>),
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// The number as typed; `None` for a bullet.
    pub number: Option<u32>,
    pub text: Vec<Span>,
    /// The blocks indented below the item.
    pub children: Vec<Block>,
}

/// A part of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    Text(String),
    Code(String),
    /// The mentioned name as typed, without the `@`.
    Mention(String),
    /// The address is `http:`, `https:` or `mailto:`, never a scheme that a browser would execute.
    Link {
        text: String,
        address: String,
        /// The host that the address opens, if the text could be taken for another one. It is shown behind the
        /// text.
        host: Option<String>,
    },
    Styled(Style, Vec<Span>),
}

/// How a styled span is emphasised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Strong,
    Emphasis,
    Strike,
}

/// Returns how many bytes of the text after an `@` are the name of a known person, or zero.
/// Called only for an `@` in the text, so it may check every member of the room.
pub type MentionMatcher<'a> = &'a dyn Fn(&str) -> usize;

/// Parses a message. An `@name` that `known` does not match stays text, and so does what exceeds
/// [`MAX_ELEMENTS`] and [`MAX_MENTIONS`].
pub fn parse(text: &str, known: MentionMatcher<'_>) -> Vec<Block> {
    limit::parse_within_limits(&text.split('\n').collect::<Vec<_>>(), known)
}

/// Returns the message without markup, for notifications and quotes, which show only text.
pub fn plain_text(text: &str) -> String {
    let mut lines = String::new();
    write_blocks(&mut lines, &parse(text, &|_| 0));
    lines
}

/// Whether `text` mentions this name.
pub fn mentions(text: &str, name: &str) -> bool {
    text.contains('@') && any_mention(&parse(text, &|after| mention_len(after, name)))
}

/// Returns the length of `name` in bytes if `after`, the text following an `@`, begins with it; else zero.
/// A Korean title or particle may follow directly (`@지은아`, `@지은팀장님께`), but not the rest of a longer
/// name (`@지은정`).
pub fn mention_len(after: &str, name: &str) -> usize {
    // ASCII case does not matter: `@jieun` mentions Jieun.
    let Some(start) = after.get(..name.len()) else { return 0 };
    if name.is_empty() || !start.eq_ignore_ascii_case(name) {
        return 0;
    }
    let rest = &after[name.len()..];
    let hangul = particles::hangul_run(rest);
    let ends = match rest.chars().next() {
        Some(_) if !hangul.is_empty() => particles::is_suffix(hangul),
        Some(next) => !unicode::is_letter(next),
        None => true,
    };
    if ends { name.len() } else { 0 }
}

/// Whether an `@` after `c` belongs to an e-mail address and mentions nobody.
pub fn is_mailbox_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@')
}

fn any_mention(blocks: &[Block]) -> bool {
    fn in_spans(spans: &[Span]) -> bool {
        spans.iter().any(|span| match span {
            Span::Mention(_) => true,
            Span::Styled(_, inner) => in_spans(inner),
            Span::Text(_) | Span::Code(_) | Span::Link { .. } => false,
        })
    }
    blocks.iter().any(|block| match block {
        Block::Text(spans) => in_spans(spans),
        Block::Code { .. } => false,
        Block::Quote(inner) => any_mention(inner),
        Block::List(items) => items.iter().any(|item| in_spans(&item.text) || any_mention(&item.children)),
    })
}

fn write_blocks(out: &mut String, blocks: &[Block]) {
    for block in blocks {
        if !out.is_empty() {
            out.push('\n');
        }
        match block {
            Block::Text(spans) => write_spans(out, spans),
            Block::Code { text, .. } => out.push_str(text),
            Block::Quote(inner) => write_indented(out, "> ", inner),
            Block::List(items) => write_items(out, items),
        }
    }
}

fn write_items(out: &mut String, items: &[ListItem]) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        match item.number {
            Some(number) => out.push_str(&number.to_string()),
            None => out.push('-'),
        }
        out.push_str(if item.number.is_some() { ". " } else { " " });
        write_spans(out, &item.text);
        if !item.children.is_empty() {
            out.push('\n');
            write_indented(out, "  ", &item.children);
        }
    }
}

fn write_indented(out: &mut String, indent: &str, blocks: &[Block]) {
    let mut inner = String::new();
    write_blocks(&mut inner, blocks);
    for (index, line) in inner.split('\n').enumerate() {
        out.push_str(if index > 0 { "\n" } else { "" });
        out.push_str(indent);
        out.push_str(line);
    }
}

fn write_spans(out: &mut String, spans: &[Span]) {
    for span in spans {
        match span {
            Span::Text(text) | Span::Code(text) | Span::Link { text, host: None, .. } => out.push_str(text),
            Span::Link { text, host: Some(host), .. } => {
                out.push_str(text);
                out.push_str(&format!(" ({host})"));
            }
            Span::Mention(name) => {
                out.push('@');
                out.push_str(name);
            }
            Span::Styled(_, inner) => write_spans(out, inner),
        }
    }
}

#[cfg(test)]
mod tests;
