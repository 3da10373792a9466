//! Parses the spans of a line: paired delimiters, code, links and mentions.
//!
//! The first pass splits a line into tokens, the second pairs the delimiters, the third builds the
//! tree. At most one delimiter of a kind is open at a time (bold inside bold has no meaning), which
//! bounds the depth and the work. A pair of delimiters never spans two lines.

use std::vec;

use super::{MentionMatcher, Span, Style, address, is_mailbox_char};
use crate::unicode;

/// Parses consecutive lines of text.
pub(super) fn parse(lines: &[&str], known: MentionMatcher<'_>) -> Vec<Span> {
    let mut spans = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            push_text(&mut spans, "\n");
        }
        let mut tokens = Tokenizer::tokenize(line, known);
        pair_delimiters(&mut tokens);
        build(&mut tokens.into_iter(), &mut spans);
    }
    spans
}

enum Token<'a> {
    Text(&'a str),
    /// A span that is complete: code, a link or a mention.
    Span(Span),
    Delimiter(Delimiter<'a>),
}

/// A run of `*`, `_` or `~` that may style the text next to it.
struct Delimiter<'a> {
    run: &'a str,
    styles: &'static [Style],
    can_open: bool,
    can_close: bool,
    /// The number of letters before it. A pair needs one in between, or `*^^*` would be bold.
    letters: usize,
    role: Role,
}

#[derive(Clone, Copy, PartialEq)]
enum Role {
    Literal,
    Opens,
    Closes,
}

/// Returns the styles of a run of delimiters; none for other runs, like the `__` of `__init__`.
fn styles(run: &str) -> &'static [Style] {
    match run {
        "*" | "**" => &[Style::Strong],
        "***" => &[Style::Strong, Style::Emphasis],
        "_" => &[Style::Emphasis],
        "~" | "~~" => &[Style::Strike],
        _ => &[],
    }
}

struct Tokenizer<'a, 'k> {
    line: &'a str,
    known: MentionMatcher<'k>,
    tokens: Vec<Token<'a>>,
    /// Where the text begins that is not part of a token yet.
    text_start: usize,
    letters: usize,
    /// For runs of one, two and three backticks: no closing run follows. Without it, a line of
    /// backticks would take quadratic time.
    no_code: [bool; 3],
    /// No link target closes before this position; keeps a line of `[a](` linear.
    no_link_before: usize,
}

impl<'a, 'k> Tokenizer<'a, 'k> {
    fn tokenize(line: &'a str, known: MentionMatcher<'k>) -> Vec<Token<'a>> {
        let mut tokenizer = Tokenizer {
            line,
            known,
            tokens: Vec::new(),
            text_start: 0,
            letters: 0,
            no_code: [false; 3],
            no_link_before: 0,
        };
        let mut at = 0;
        let mut before = None;
        while let Some(c) = line[at..].chars().next() {
            let end = tokenizer.token(at, c, before).unwrap_or_else(|| {
                tokenizer.letters += usize::from(is_content(c));
                at + c.len_utf8()
            });
            before = line[at..end].chars().next_back();
            at = end;
        }
        tokenizer.flush_text(line.len());
        tokenizer.tokens
    }

    /// Reads the token at `at` and returns where it ends; `None` if it is text.
    fn token(&mut self, at: usize, c: char, before: Option<char>) -> Option<usize> {
        match c {
            '`' => Some(self.code(at)),
            '*' | '_' | '~' => Some(self.delimiter(at, c, before)),
            '[' => self.link(at),
            '@' if !before.is_some_and(is_mailbox_char) => self.mention(at),
            'h' | 'H' | 'm' | 'M' if !before.is_some_and(|c| c.is_ascii_alphanumeric()) => self.bare_url(at),
            _ => None,
        }
    }

    fn code(&mut self, at: usize) -> usize {
        let ticks = run_len(&self.line[at..], '`');
        let inside = at + ticks;
        if ticks > 3 || self.no_code[ticks - 1] {
            return inside;
        }
        let Some(length) = find_ticks(&self.line[inside..], ticks) else {
            self.no_code[ticks - 1] = true;
            return inside;
        };
        let code = &self.line[inside..inside + length];
        if code.trim().is_empty() {
            return inside;
        }
        // In `` ` `` one space on each side separates the backtick from the delimiters.
        let padded =
            if ticks > 1 { code.strip_prefix(' ').and_then(|code| code.strip_suffix(' ')) } else { None };
        let code = padded.filter(|code| !code.trim().is_empty()).unwrap_or(code);
        self.push_span(at, inside + length + ticks, Span::Code(code.to_owned()))
    }

    fn delimiter(&mut self, at: usize, c: char, before: Option<char>) -> usize {
        let end = at + run_len(&self.line[at..], c);
        let styles = styles(&self.line[at..end]);
        let after = self.line[end..].chars().next();
        let can_open = before
            .is_none_or(|before| may_open(&self.line[at..end], before) || self.may_open_in_word(at, end))
            && after.is_some_and(|after| may_begin(c, after));
        let can_close = before.is_some_and(|before| may_close(c, before))
            && after.is_none_or(|after| may_follow(c, after));
        if !styles.is_empty() && (can_open || can_close) {
            self.flush_text(at);
            let (run, letters) = (&self.line[at..end], self.letters);
            let delimiter = Delimiter { run, styles, can_open, can_close, letters, role: Role::Literal };
            self.tokens.push(Token::Delimiter(delimiter));
            self.text_start = end;
        }
        end
    }

    /// Whether `**` may open directly after a word of a script that writes without spaces there:
    /// `오늘은**중요**합니다`. Not after one syllable, nor before a title: `박**님` is a name that is kept secret.
    fn may_open_in_word(&self, at: usize, end: usize) -> bool {
        let mut word = self.line[..at].chars().rev().take_while(|c| unicode::is_unspaced(*c));
        &self.line[at..end] == "**"
            && word.nth(1).is_some()
            && self.line[end..].chars().next().is_some_and(unicode::is_letter)
            && !MASKED_ENDINGS.iter().any(|ending| self.line[end..].starts_with(ending))
    }

    /// Reads `[text](address)`. The text must not be a URL, or a link could show one and open another.
    fn link(&mut self, at: usize) -> Option<usize> {
        let rest = &self.line[at + 1..];
        let length = rest.find(['[', ']'])?;
        let text = &rest[..length];
        let start = at + 1 + length + 2;
        if text.trim().is_empty()
            || text.split(':').skip(1).any(|rest| rest.starts_with("//"))
            || !rest[length..].starts_with("](")
            || start < self.no_link_before
        {
            return None;
        }
        match address::link_target_len(&self.line[start..]) {
            Ok(length) => {
                let address = self.line[start..start + length].to_owned();
                let host = address::host_to_show(text, &address);
                let link = Span::Link { text: text.to_owned(), address, host };
                Some(self.push_span(at, start + length + 1, link))
            }
            Err(scanned) => {
                self.no_link_before = start + scanned;
                None
            }
        }
    }

    fn mention(&mut self, at: usize) -> Option<usize> {
        let after = &self.line[at + 1..];
        let name = after.get(..(self.known)(after)).filter(|name| !name.is_empty())?;
        Some(self.push_span(at, at + 1 + name.len(), Span::Mention(name.to_owned())))
    }

    fn bare_url(&mut self, at: usize) -> Option<usize> {
        let address = &self.line[at..at + address::bare_url_len(&self.line[at..])];
        let host = address::host_to_show(address, address);
        let link = Span::Link { text: address.to_owned(), address: address.to_owned(), host };
        (!address.is_empty()).then(|| self.push_span(at, at + address.len(), link))
    }

    fn push_span(&mut self, at: usize, end: usize, span: Span) -> usize {
        self.flush_text(at);
        self.tokens.push(Token::Span(span));
        self.letters += 1;
        self.text_start = end;
        end
    }

    fn flush_text(&mut self, end: usize) {
        if self.text_start < end {
            self.tokens.push(Token::Text(&self.line[self.text_start..end]));
        }
    }
}

/// What follows a name of which a part is replaced by stars.
const MASKED_ENDINGS: [&str; 4] = ["님", "씨", "고객", "회원"];

/// Whether a run of delimiters after `before` can open: not inside a word, a path, or code such as `a.*`.
/// Emoticons have a `_` in the middle (`-_-`), so it needs a space, a bracket, a quote or a delimiter before it.
/// A single `~` also draws out a word (`네^^~`) and means a range, so only a space, an opening bracket or
/// another delimiter may be before it.
fn may_open(run: &str, before: char) -> bool {
    match run {
        "~" => before.is_whitespace() || is_opening_bracket(before) || matches!(before, '*' | '_'),
        _ if before.is_ascii() && run.starts_with('_') => {
            before.is_whitespace() || matches!(before, '*' | '~' | '(' | '[' | '{' | '"' | '\'')
        }
        _ => !unicode::is_letter(before) && !matches!(before, '\\' | '/' | '.' | ')' | ']' | '}'),
    }
}

/// Whether `after` may follow an opening delimiter: what can begin a word.
fn may_begin(delimiter: char, after: char) -> bool {
    let ends_a_word = matches!(after, '/' | '\\' | ')' | ']' | '}');
    // `a.*, b.*` and `*.js` are no emphasis.
    let is_wildcard = delimiter == '*' && matches!(after, '.' | ',' | ';' | ':' | '?' | '!');
    !after.is_whitespace() && !ends_a_word && !is_wildcard
}

fn is_opening_bracket(c: char) -> bool {
    matches!(c, '(' | '[' | '{' | '<' | '«' | '‘' | '“')
        || matches!(c, '（' | '［' | '｛' | '〈' | '《' | '「' | '『' | '【' | '〔')
}

/// Whether a delimiter after `before` can close: not after the arm of `¯\_(ツ)_/¯`, nor inside an emoticon.
fn may_close(delimiter: char, before: char) -> bool {
    match before {
        '\\' | '/' | '(' | '[' | '{' => false,
        '-' | '^' | '<' | '>' | '=' => delimiter != '_',
        _ => !before.is_whitespace(),
    }
}

/// Whether `after` may follow a closing delimiter: not a letter, except that Korean adds particles
/// and `ㅋㅋ` without a space. The `_` of the emoticon `ㅠ_ㅠ` does not close.
fn may_follow(delimiter: char, after: char) -> bool {
    !unicode::is_letter(after)
        || unicode::is_unspaced(after) && !(delimiter == '_' && unicode::is_jamo(after))
}

/// Whether a pair of delimiters may style `c`: a letter or an emoji.
fn is_content(c: char) -> bool {
    unicode::is_letter(c) || unicode::is_pictograph(c)
}

/// Returns how often `c`, which is one byte long, is repeated at the start of `text`.
fn run_len(text: &str, c: char) -> usize {
    text.len() - text.trim_start_matches(c).len()
}

/// Returns the position of the first run of exactly `ticks` backticks.
fn find_ticks(text: &str, ticks: usize) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('`')?;
        let found = run_len(&text[at..], '`');
        if found == ticks {
            return Some(at);
        }
        from = at + found;
    }
}

/// Decides which delimiters take effect. Closing one discards those opened inside it.
fn pair_delimiters(tokens: &mut [Token<'_>]) {
    let mut open: Vec<usize> = Vec::new();
    for at in 0..tokens.len() {
        let (before, rest) = tokens.split_at_mut(at);
        let Token::Delimiter(delimiter) = &mut rest[0] else { continue };
        let is_same_run = |opener: &usize| matches!(&before[*opener], Token::Delimiter(other) if other.run == delimiter.run);
        let index = open.iter().rposition(is_same_run);
        if delimiter.can_close
            && let Some(index) = index
            && let Token::Delimiter(opener) = &mut before[open[index]]
            && opener.letters < delimiter.letters
        {
            (opener.role, delimiter.role) = (Role::Opens, Role::Closes);
            open.truncate(index);
        } else if delimiter.can_open {
            if let Some(index) = index {
                open.remove(index);
            }
            open.push(at);
        }
    }
}

/// Builds spans up to the closing delimiter, or to the end.
fn build(tokens: &mut vec::IntoIter<Token<'_>>, spans: &mut Vec<Span>) {
    while let Some(token) = tokens.next() {
        match token {
            Token::Text(text) => push_text(spans, text),
            Token::Span(span) => spans.push(span),
            Token::Delimiter(delimiter) => match delimiter.role {
                Role::Literal => push_text(spans, delimiter.run),
                Role::Closes => return,
                Role::Opens => {
                    let mut inner = Vec::new();
                    build(tokens, &mut inner);
                    for style in delimiter.styles.iter().rev() {
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
