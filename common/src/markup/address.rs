//! Where a link leads, and where a bare address in a text ends.
//!
//! Called by `spans` only. It decides about shape, never about whether somebody is there.

use super::letters;

/// All that a link may begin with: nothing a browser would run.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// How many bytes of `text` are the address of `[text](address)`, up to the bracket that closes it;
/// or how many were looked at in vain.
pub(super) fn bracketed(text: &str) -> Result<usize, usize> {
    let Some(start) = after_scheme(text) else { return Err(0) };
    let mut depth = 0;
    for (at, c) in text.char_indices().skip(start) {
        match c {
            '(' => depth += 1,
            ')' if depth == 0 => return Ok(at),
            ')' => depth -= 1,
            _ if c.is_whitespace() || c.is_control() => return Err(at),
            _ => {}
        }
    }
    Err(text.len())
}

/// How many bytes of `text` are a bare address; zero when it does not begin with one.
///
/// Punctuation at its end and brackets that were opened before it belong to the sentence, and so
/// does a Korean particle: `https://madang.example/r/1을` ends before `을`.
pub(super) fn bare(text: &str) -> usize {
    let Some(start) = after_scheme(text) else { return 0 };
    let mut end = text.len();
    let (mut round, mut square) = (0, 0);
    let mut in_host = true;
    let mut before = '/';
    for (at, c) in text[start..].char_indices() {
        match c {
            '(' => round += 1,
            ')' => round -= 1,
            '[' => square += 1,
            ']' => square -= 1,
            '/' | '?' | '#' => in_host = false,
            _ => {}
        }
        // No host ends in letters of two scripts.
        let particle_of_host = in_host && letters::is_hangul(c) && before.is_ascii_alphanumeric();
        if round < 0 || square < 0 || never_in_address(c) || particle_of_host {
            end = start + at;
            break;
        }
        before = c;
    }
    start + kept(&text[start..end])
}

/// Where the part after the scheme begins, if that part begins as a host or a mailbox does.
fn after_scheme(text: &str) -> Option<usize> {
    let scheme = SCHEMES
        .iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let first = text[scheme.len()..].chars().next()?;
    letters::is_letter(first).then_some(scheme.len())
}

fn never_in_address(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '\u{2000}'..='\u{206F}' | '\u{3000}'..='\u{303F}')
        || matches!(c, '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}')
}

/// How many bytes are left of `rest`, what follows the scheme, without the end of the sentence.
fn kept(rest: &str) -> usize {
    let mut kept = rest;
    loop {
        let sentence =
            kept.trim_end_matches(['.', ',', '!', '?', ';', ':', '\'', '*', '_', '~', '(', '[', '{', '}']);
        let without_particle = without_particle(sentence);
        if without_particle.len() == kept.len() {
            return kept.len();
        }
        kept = without_particle;
    }
}

/// A Hangul word is part of an address where an address has words: after `/`, `=`, `-` and so on
/// (`/w/아이`). Right after a letter, a digit or a bracket it may be a particle.
fn without_particle(address: &str) -> &str {
    let stem = address.trim_end_matches(letters::is_hangul);
    let run = &address[stem.len()..];
    let opens_word = stem.ends_with(['/', '=', '-', '_', '.', '?', '&', '#', '+', '%', ':', '@', ',']);
    let after_host = stem.ends_with('/') && stem.matches('/').count() == 1;
    if !stem.is_empty() && (!opens_word || after_host) && letters::is_particle(run) { stem } else { address }
}
