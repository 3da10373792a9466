//! Finds where a URL in a message ends.
//!
//! Called by `spans` only. It checks the syntax of a URL, never whether the host exists.

use super::particles;
use crate::unicode;

/// The URL schemes a link may have; `javascript:` and the like never become a link.
const SCHEMES: [&str; 3] = ["https://", "http://", "mailto:"];

/// Returns the length in bytes of the address in `[text](address)`, up to its closing bracket.
/// The error is how many bytes were scanned without finding one.
pub(super) fn link_target_len(text: &str) -> Result<usize, usize> {
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

/// Returns the length in bytes of the bare URL at the start of `text`, or zero if there is none.
/// Trailing punctuation and Korean particles are not part of it: `https://a.example/r/1을` ends before `을`.
pub(super) fn bare_url_len(text: &str) -> usize {
    let Some(start) = after_scheme(text) else { return 0 };
    let mut end = text.len();
    let (mut round, mut square) = (0, 0);
    let mut in_host = true;
    let mut previous = '/';
    for (at, c) in text[start..].char_indices() {
        match c {
            '(' => round += 1,
            ')' => round -= 1,
            '[' => square += 1,
            ']' => square -= 1,
            '/' | '?' | '#' => in_host = false,
            _ => {}
        }
        // A host label does not mix two scripts, so Hangul right after Latin is a particle.
        let particle_of_host = in_host && unicode::is_hangul(c) && previous.is_ascii_alphanumeric();
        // A closing bracket without an opening one in the URL was opened before it, in the sentence.
        if round < 0 || square < 0 || cannot_be_in_url(c) || particle_of_host {
            end = start + at;
            break;
        }
        previous = c;
    }
    start + trimmed_len(&text[start..end])
}

/// Returns where the part after the scheme begins, if that part can be a host or a mailbox.
fn after_scheme(text: &str) -> Option<usize> {
    let scheme = SCHEMES
        .iter()
        .find(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))?;
    let first = text[scheme.len()..].chars().next()?;
    unicode::is_letter(first).then_some(scheme.len())
}

fn cannot_be_in_url(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '<' | '>' | '"' | '`' | '\u{2000}'..='\u{206F}' | '\u{3000}'..='\u{303F}')
        || matches!(c, '\u{FF01}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' | '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}')
}

/// Returns the length of `rest`, the part after the scheme, without punctuation and particles at its end.
fn trimmed_len(rest: &str) -> usize {
    let mut kept = rest;
    loop {
        let without_punctuation =
            kept.trim_end_matches(['.', ',', '!', '?', ';', ':', '\'', '*', '_', '~', '(', '[', '{', '}']);
        let without_particle = without_particle(without_punctuation);
        if without_particle.len() == kept.len() {
            return kept.len();
        }
        kept = without_particle;
    }
}

/// Removes a Korean particle from the end of `address`.
/// Hangul after `/`, `=`, `-` and so on is a word of the URL (`/w/아이`) and stays.
fn without_particle(address: &str) -> &str {
    let stem = address.trim_end_matches(unicode::is_hangul);
    let run = &address[stem.len()..];
    let opens_word = stem.ends_with(['/', '=', '-', '_', '.', '?', '&', '#', '+', '%', ':', '@', ',']);
    let after_host = stem.ends_with('/') && stem.matches('/').count() == 1;
    if !stem.is_empty() && (!opens_word || after_host) && particles::is_particle(run) {
        stem
    } else {
        address
    }
}
