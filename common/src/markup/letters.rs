//! Character classes for the markup parser, and the Korean particles that follow a name or a URL.
//!
//! The classes are approximate on purpose. Unicode's tables would be larger in the page than the
//! whole parser, and all that depends on them is whether a `*` is markup.

/// Whether `c` belongs to a word: not a space, punctuation, a symbol or an emoji.
pub(super) fn is_letter(c: char) -> bool {
    match c {
        '\0'..='\u{7F}' => c.is_ascii_alphanumeric(),
        '\u{80}'..='\u{BF}' => matches!(c, 'ª' | 'µ' | 'º'),
        '×' | '÷' | '\u{3000}'..='\u{303F}' => false,
        // Punctuation, arrows, mathematical operators, box drawing and symbols.
        '\u{2000}'..='\u{2BFF}' => false,
        // Compatibility forms; the full-width letters and digits in FF00..FFEF remain letters.
        '\u{FE00}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF0F}' | '\u{FF1A}'..='\u{FF20}' => false,
        '\u{FF3B}'..='\u{FF40}' | '\u{FF5B}'..='\u{FF65}' => false,
        '\u{1F000}'..='\u{1FAFF}' | '\u{E0000}'..='\u{E01EF}' => false,
        _ => true,
    }
}

/// Whether the script of `c` puts particles or the next word directly after a word, without a space.
pub(super) fn is_unspaced(c: char) -> bool {
    is_hangul(c) || matches!(c, '\u{3040}'..='\u{30FF}' | '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}')
}

pub(super) fn is_hangul(c: char) -> bool {
    is_jamo(c) || matches!(c, '\u{AC00}'..='\u{D7A3}' | '\u{1100}'..='\u{11FF}')
}

/// Whether `c` is a Hangul letter that is not part of a syllable: `ㅋㅋ`, `ㅠ`.
pub(super) fn is_jamo(c: char) -> bool {
    matches!(c, '\u{3130}'..='\u{318F}')
}

/// Returns the longest prefix of `text` that is Hangul.
pub(super) fn hangul_run(text: &str) -> &str {
    &text[..text.find(|c| !is_hangul(c)).unwrap_or(text.len())]
}

/// The longest run of Hangul that is checked for particles, in bytes. It bounds the recursion.
const MAX_PARTICLES_BYTES: usize = 8 * '가'.len_utf8();

/// Particles, titles and forms of the copula that may follow a name or a URL.
const PARTICLES: &str = "은 는 이 가 을 를 에 의 도 만 로 으로 와 과 랑 이랑 하고 에서 에게 \
    한테 께 께서 까지 부터 보다 처럼 마다 조차 밖에 나 이나 라 이라 라고 라는 \
    란 인데 입니다 이에요 예요 이야 야 아 여 요 님 씨 들 쪽 대로 네 형 언니 \
    오빠 누나 선배 쌤";

/// Whether `run` consists only of particles: `에서는`, `님께서도`.
pub(super) fn is_particle(run: &str) -> bool {
    run.len() <= MAX_PARTICLES_BYTES
        && PARTICLES.split(' ').any(|particle| {
            run.strip_prefix(particle).is_some_and(|rest| rest.is_empty() || is_particle(rest))
        })
}
