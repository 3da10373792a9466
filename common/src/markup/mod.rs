//! Chat markup: what the marks in a message mean, as a tree of blocks and spans.
//!
//! It is what people type in other chats, not CommonMark: a line break is a line break, there is
//! no HTML and there are no headings. The page draws the tree element by element, so nothing here
//! ever makes or reads HTML. Parsing takes time in proportion to the text whatever the text is,
//! nests to a fixed depth, and keeps every letter: only marks that took effect are gone.

mod address;
mod blocks;
mod emoji;
mod letters;
mod spans;

pub use self::emoji::is_only_emoji;

/// How deep quotes and lists are read inside each other; what is deeper is text.
const DEPTH: usize = 4;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Lines of text; the breaks between them are `\n` in [`Span::Text`].
    Text(Vec<Span>),
    Code {
        language: String,
        text: String,
    },
    Quote(Vec<Block>),
    List(Vec<Item>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// As it was typed; a bullet has none.
    pub number: Option<u32>,
    pub text: Vec<Span>,
    /// What is indented below it.
    pub below: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Span {
    Text(String),
    Code(String),
    /// A name as it was typed, without the `@`.
    Mention(String),
    /// The address is `http:`, `https:` or `mailto:`, never anything a browser would run.
    Link {
        text: String,
        address: String,
    },
    Styled(Style, Vec<Span>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    Strong,
    Emphasis,
    Strike,
}

/// How many bytes of what follows an `@` are the name of somebody known; zero when nobody's.
/// Asked only where there is an `@`, so it may look at everybody in the room.
pub type Known<'a> = &'a dyn Fn(&str) -> usize;

/// Reads a message. Somebody who is not `known` is not mentioned: their `@name` is text.
pub fn parse(text: &str, known: Known<'_>) -> Vec<Block> {
    blocks::parse(text.split('\n').collect(), DEPTH, known)
}

/// The message without its marks, for where only text can be shown: notices and quotes.
pub fn plain(text: &str) -> String {
    let mut lines = String::new();
    write_blocks(&mut lines, &parse(text, &|_| 0));
    lines
}

/// Whether somebody of this name is mentioned.
pub fn mentions(text: &str, name: &str) -> bool {
    text.contains('@') && any_mention(&parse(text, &|after| called(after, name)))
}

/// How many bytes of `after`, what follows an `@`, are this name: all of it or none.
///
/// In Latin letters, case does not matter. In Korean a particle may follow at once (`@지은아`,
/// `@지은님께서는`), but not the rest of a longer name: `@지은정` does not call 지은.
pub fn called(after: &str, name: &str) -> usize {
    let Some(start) = after.get(..name.len()) else { return 0 };
    if name.is_empty() || !start.eq_ignore_ascii_case(name) {
        return 0;
    }
    let rest = &after[name.len()..];
    let hangul = letters::hangul_run(rest);
    let ends = match rest.chars().next() {
        Some(_) if !hangul.is_empty() => letters::is_particle(hangul),
        Some(next) => !letters::is_letter(next),
        None => true,
    };
    if ends { name.len() } else { 0 }
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
        Block::List(items) => items.iter().any(|item| in_spans(&item.text) || any_mention(&item.below)),
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

fn write_items(out: &mut String, items: &[Item]) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push('\n');
        }
        match item.number {
            Some(number) => out.push_str(&number.to_string()),
            None => out.push('-'),
        }
        out.push_str(if item.number.is_some() { ". " } else { " " });
        write_spans(out, &item.text);
        if !item.below.is_empty() {
            out.push('\n');
            write_indented(out, "  ", &item.below);
        }
    }
}

fn write_indented(out: &mut String, indent: &str, blocks: &[Block]) {
    let mut inner = String::new();
    write_blocks(&mut inner, blocks);
    for (place, line) in inner.split('\n').enumerate() {
        out.push_str(if place > 0 { "\n" } else { "" });
        out.push_str(indent);
        out.push_str(line);
    }
}

fn write_spans(out: &mut String, spans: &[Span]) {
    for span in spans {
        match span {
            Span::Text(text) | Span::Code(text) | Span::Link { text, .. } => out.push_str(text),
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
