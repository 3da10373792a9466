//! Finds where a URL in a message ends.
//!
//! Called by `spans` only. It checks the syntax of a URL, never whether the host exists.

use super::particles;
use crate::unicode;

/// The URL schemes a link may have; `javascript:` and the like never become a link.
const SCHEMES: [&str; 3] = ["https://", "http://", MAILTO];
const MAILTO: &str = "mailto:";

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
            _ if c.is_whitespace() || c.is_control() || is_deceptive(c) => return Err(at),
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

/// Returns the host of `address` if `text`, which is shown for it, could be taken for another one: it names
/// another site (`bank.kr`), or the address has a user name (`https://bank.kr@evil.example`).
pub(super) fn host_to_show(text: &str, address: &str) -> Option<String> {
    let rest = &address[after_scheme(address)?..];
    if address.get(..MAILTO.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(MAILTO)) {
        let domain = rest.split(['?', '/', ',']).next()?.rsplit_once('@')?.1;
        return names_other_site(text, domain).then(|| domain.to_owned());
    }
    // As browsers do it (URL Standard): a backslash is a slash, and the last `@` ends the user name.
    let authority = rest.split(['/', '\\', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let is_shown_whole = text == address;
    let is_other = host.len() < authority.len() || (!is_shown_whole && names_other_site(text, host));
    is_other.then(|| host.to_owned())
}

/// Whether a word of `text` looks like the name of another site than `host`.
fn names_other_site(text: &str, host: &str) -> bool {
    let without_www = |name: &str| {
        let name = unicode::lowercase(name);
        let name = name.split_once(':').map_or(name.as_str(), |(name, _)| name).trim_end_matches('.');
        name.strip_prefix("www.").unwrap_or(name).to_owned()
    };
    let host = without_www(host);
    let visible: String = text.chars().filter(|c| !is_deceptive(*c)).collect();
    let is_separator = |c: char| !(unicode::is_letter(c) || matches!(c, '.' | '-' | ':'));
    visible.split(is_separator).map(without_www).any(|word| is_site_name(&word) && word != host)
}

/// Whether `word` is two or more labels with dots between them, of which the last one is letters only.
fn is_site_name(word: &str) -> bool {
    let last = word.rsplit('.').next().unwrap_or_default();
    word.contains('.')
        && word.split('.').all(|label| !label.is_empty())
        && last.chars().count() >= 2
        && last.chars().all(|c| unicode::is_letter(c) && !c.is_numeric())
}

/// Whether `c` is invisible or changes the direction of what follows, so that an address could look like another.
fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

fn cannot_be_in_url(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_deceptive(c)
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

/// Removes a Korean particle, or jamo such as `ㅋㅋㅋ`, from the end of `address`.
/// Hangul after `/`, `=`, `-` and so on is a word of the URL (`/w/아이`) and stays.
fn without_particle(address: &str) -> &str {
    let without_jamo = address.trim_end_matches(unicode::is_jamo);
    let address = if opens_word(without_jamo) { address } else { without_jamo };
    let stem = address.trim_end_matches(unicode::is_hangul);
    if !stem.is_empty() && !opens_word(stem) && particles::is_suffix(&address[stem.len()..]) {
        stem
    } else {
        address
    }
}

/// Whether Hangul after `stem`, the beginning of a URL without its scheme, is a word of the URL.
fn opens_word(stem: &str) -> bool {
    let is_after_host = stem.ends_with('/') && stem.matches('/').count() == 1;
    !is_after_host && stem.ends_with(['/', '=', '-', '_', '.', '?', '&', '#', '+', '%', ':', '@', ','])
}
