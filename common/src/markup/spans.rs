//! Spans out of a line: marks in pairs, code, links, mentions.
//!
//! A line is cut into pieces in one pass, marks are paired in a second, the tree is built in a
//! third. At most one mark of a kind is open at a time (bold inside bold means nothing), which
//! bounds the depth and the work. Marks do not reach beyond their line.

use std::vec;

use super::{Known, Span, Style, address, letters};

/// Reads lines of text that stand together.
pub(super) fn parse(lines: &[&str], known: Known<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        if place > 0 {
            push_text(&mut spans, "\n");
        }
        let mut pieces = Cutter::cut(line, known);
        pair(&mut pieces);
        build(&mut pieces.into_iter(), &mut spans);
    }
    spans
}

enum Piece<'a> {
    Text(&'a str),
    Whole(Span),
    Mark(Mark<'a>),
}

/// A run of `*`, `_` or `~` that may stand around something.
struct Mark<'a> {
    run: &'a str,
    styles: &'static [Style],
    opens: bool,
    closes: bool,
    /// How many letters stand before it: between two marks must be one, or `*^^*` were bold.
    letters: usize,
    role: Role,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Literal,
    Opens,
    Closes,
}

/// What a run means; other runs, like the `__` of `__init__`, mean nothing.
fn styles(run: &str) -> &'static [Style] {
    match run {
        "*" | "**" => &[Style::Strong],
        "***" => &[Style::Strong, Style::Emphasis],
        "_" => &[Style::Emphasis],
        "~" | "~~" => &[Style::Strike],
        _ => &[],
    }
}

struct Cutter<'a, 'k> {
    line: &'a str,
    known: Known<'k>,
    pieces: Vec<Piece<'a>>,
    /// Where the text begins that is no piece yet.
    text_from: usize,
    letters: usize,
    /// For runs of one, two and three backticks: no such run follows.
    no_code: [bool; 3],
    /// Before this place no link closes.
    no_link: usize,
}

impl<'a, 'k> Cutter<'a, 'k> {
    fn cut(line: &'a str, known: Known<'k>) -> Vec<Piece<'a>> {
        let mut cutter = Cutter {
            line,
            known,
            pieces: Vec::new(),
            text_from: 0,
            letters: 0,
            no_code: [false; 3],
            no_link: 0,
        };
        let mut at = 0;
        let mut before = None;
        while let Some(c) = line[at..].chars().next() {
            let end = cutter.piece(at, c, before).unwrap_or_else(|| {
                cutter.letters += usize::from(counts(c));
                at + c.len_utf8()
            });
            before = line[at..end].chars().next_back();
            at = end;
        }
        cutter.text_until(line.len());
        cutter.pieces
    }

    /// Makes a piece of what begins at `at`, and says where it ends; `None` when it is text.
    fn piece(&mut self, at: usize, c: char, before: Option<char>) -> Option<usize> {
        match c {
            '`' => Some(self.code(at)),
            '*' | '_' | '~' => Some(self.mark(at, c, before)),
            '[' => self.link(at),
            '@' if !before.is_some_and(continues_mailbox) => self.mention(at),
            'h' | 'H' | 'm' | 'M' if !before.is_some_and(|c| c.is_ascii_alphanumeric()) => self.address(at),
            _ => None,
        }
    }

    fn code(&mut self, at: usize) -> usize {
        let ticks = run(&self.line[at..], '`');
        let inside = at + ticks;
        if ticks > 3 || self.no_code[ticks - 1] {
            return inside;
        }
        let Some(length) = until_ticks(&self.line[inside..], ticks) else {
            self.no_code[ticks - 1] = true;
            return inside;
        };
        let code = &self.line[inside..inside + length];
        if code.trim().is_empty() {
            return inside;
        }
        // The spaces that keep a backtick from the marks around it are not part of the code.
        let padded =
            if ticks > 1 { code.strip_prefix(' ').and_then(|code| code.strip_suffix(' ')) } else { None };
        let code = padded.filter(|code| !code.trim().is_empty()).unwrap_or(code);
        self.whole(at, inside + length + ticks, Span::Code(code.to_owned()))
    }

    fn mark(&mut self, at: usize, c: char, before: Option<char>) -> usize {
        let end = at + run(&self.line[at..], c);
        let styles = styles(&self.line[at..end]);
        let after = self.line[end..].chars().next();
        let opens = before.is_none_or(|before| may_open(c, before))
            && after.is_some_and(|c| !c.is_whitespace() && !matches!(c, '/' | '\\' | ')' | ']' | '}'));
        let closes = before.is_some_and(|before| may_close(c, before))
            && after.is_none_or(|after| may_follow(c, after));
        if !styles.is_empty() && (opens || closes) {
            self.text_until(at);
            let (run, letters) = (&self.line[at..end], self.letters);
            self.pieces.push(Piece::Mark(Mark { run, styles, opens, closes, letters, role: Role::Literal }));
            self.text_from = end;
        }
        end
    }

    /// `[text](address)`. The text is no address itself: nobody is to be led elsewhere than they read.
    fn link(&mut self, at: usize) -> Option<usize> {
        let rest = &self.line[at + 1..];
        let length = rest.find(['[', ']'])?;
        let text = &rest[..length];
        let start = at + 1 + length + 2;
        if text.trim().is_empty()
            || text.split(':').skip(1).any(|rest| rest.starts_with("//"))
            || !rest[length..].starts_with("](")
            || start < self.no_link
        {
            return None;
        }
        match address::bracketed(&self.line[start..]) {
            Ok(length) => {
                let address = self.line[start..start + length].to_owned();
                Some(self.whole(at, start + length + 1, Span::Link { text: text.to_owned(), address }))
            }
            Err(in_vain) => {
                self.no_link = start + in_vain;
                None
            }
        }
    }

    fn mention(&mut self, at: usize) -> Option<usize> {
        let after = &self.line[at + 1..];
        let name = after.get(..(self.known)(after)).filter(|name| !name.is_empty())?;
        Some(self.whole(at, at + 1 + name.len(), Span::Mention(name.to_owned())))
    }

    fn address(&mut self, at: usize) -> Option<usize> {
        let address = &self.line[at..at + address::bare(&self.line[at..])];
        let link = Span::Link { text: address.to_owned(), address: address.to_owned() };
        (!address.is_empty()).then(|| self.whole(at, at + address.len(), link))
    }

    fn whole(&mut self, at: usize, end: usize, span: Span) -> usize {
        self.text_until(at);
        self.pieces.push(Piece::Whole(span));
        self.letters += 1;
        self.text_from = end;
        end
    }

    fn text_until(&mut self, end: usize) {
        if self.text_from < end {
            self.pieces.push(Piece::Text(&self.line[self.text_from..end]));
        }
    }
}

/// Whether a `mark` behind `before` may open: not inside a word or a path. Faces are drawn with `_`
/// in the middle (`-_-`), so it wants to stand alone or behind a bracket, a quote, another mark.
fn may_open(mark: char, before: char) -> bool {
    match before {
        '\\' | '/' => false,
        '\0'..='\u{7F}' if mark == '_' => {
            before.is_whitespace() || matches!(before, '*' | '~' | '(' | '[' | '{' | '"' | '\'')
        }
        _ => !letters::is_letter(before),
    }
}

/// Whether a `mark` behind `before` may close: not behind the arm of `¯\_(ツ)_/¯`, nor inside a face.
fn may_close(mark: char, before: char) -> bool {
    match before {
        '\\' | '/' | '(' | '[' | '{' => false,
        '-' | '^' | '<' | '>' | '=' => mark != '_',
        _ => !before.is_whitespace(),
    }
}

/// Whether a `mark` that closes may stand before `after`: a word may not go on, but Korean adds its
/// particles at once, and `ㅋㅋ`. What `ㅠ_ㅠ` has around its `_` is a face.
fn may_follow(mark: char, after: char) -> bool {
    !letters::is_letter(after) || letters::is_unspaced(after) && !(mark == '_' && letters::is_jamo(after))
}

/// Something a mark may stand around: a letter, or a picture.
fn counts(c: char) -> bool {
    letters::is_letter(c) || c >= '\u{1F000}'
}

/// Whether an `@` behind `c` is that of an e-mail address.
fn continues_mailbox(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '@')
}

/// How many `c`, which is one byte, stand at the beginning.
fn run(text: &str, c: char) -> usize {
    text.len() - text.trim_start_matches(c).len()
}

/// How far it is to a run of exactly so many backticks.
fn until_ticks(text: &str, ticks: usize) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('`')?;
        let found = run(&text[at..], '`');
        if found == ticks {
            return Some(at);
        }
        from = at + found;
    }
}

/// Decides which marks take effect. One that closes something also ends what was opened inside it.
fn pair(pieces: &mut [Piece<'_>]) {
    let mut open: Vec<usize> = Vec::new();
    for at in 0..pieces.len() {
        let (opened, rest) = pieces.split_at_mut(at);
        let Piece::Mark(mark) = &mut rest[0] else { continue };
        let same_kind =
            |opener: &usize| matches!(&opened[*opener], Piece::Mark(other) if other.run == mark.run);
        let place = open.iter().rposition(same_kind);
        if mark.closes
            && let Some(place) = place
            && let Piece::Mark(opener) = &mut opened[open[place]]
            && opener.letters < mark.letters
        {
            (opener.role, mark.role) = (Role::Opens, Role::Closes);
            open.truncate(place);
        } else if mark.opens {
            if let Some(place) = place {
                open.remove(place);
            }
            open.push(at);
        }
    }
}

/// Builds spans up to the mark that closes them, or to the end.
fn build(pieces: &mut vec::IntoIter<Piece<'_>>, spans: &mut Vec<Span>) {
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Text(text) => push_text(spans, text),
            Piece::Whole(span) => spans.push(span),
            Piece::Mark(mark) => match mark.role {
                Role::Literal => push_text(spans, mark.run),
                Role::Closes => return,
                Role::Opens => {
                    let mut inner = Vec::new();
                    build(pieces, &mut inner);
                    for style in mark.styles.iter().rev() {
                        inner = vec![Span::Styled(*style, inner)];
                    }
                    spans.append(&mut inner);
                }
            },
        }
    }
}

fn push_text(spans: &mut Vec<Span>, text: &str) {
    if let Some(Span::Text(before)) = spans.last_mut() {
        before.push_str(text);
    } else {
        spans.push(Span::Text(text.to_owned()));
    }
}
