//! Whether a message is nothing but emoji, to be drawn large.

/// More than these are a pattern, not a feeling.
const MOST: usize = 8;

const SELECTS_EMOJI: char = '\u{FE0F}';
const JOINS: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';

/// Whether `text` is one to eight emoji and nothing else but white space.
pub fn is_only_emoji(text: &str) -> bool {
    let mut count = 0;
    let mut flag_is_open = false;
    let mut joined = false;
    let mut letters = text.chars().peekable();
    while let Some(c) = letters.next() {
        let continues = joined;
        joined = false;
        match c {
            JOINS if count > 0 => joined = true,
            SELECTS_EMOJI | KEYCAP | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}' if count > 0 => {}
            '\u{1F1E6}'..='\u{1F1FF}' => {
                count += usize::from(!flag_is_open);
                flag_is_open = !flag_is_open;
                continue;
            }
            _ if c.is_whitespace() => {}
            _ if is_picture(c) || letters.peek() == Some(&SELECTS_EMOJI) && may_be_picture(c) => {
                count += usize::from(!continues);
            }
            _ => return false,
        }
        flag_is_open = false;
    }
    (1..=MOST).contains(&count)
}

/// What is drawn as a picture without being asked to.
fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{1F000}'..='\u{1FAFF}'
        | '⌚' | '⌛' | '⏩'..='⏬' | '⏰' | '⏳' | '◽' | '◾' | '☔' | '☕' | '♈'..='♓' | '♿' | '⚓' | '⚡'
        | '⚪' | '⚫' | '⚽' | '⚾' | '⛄' | '⛅' | '⛎' | '⛔' | '⛪' | '⛲' | '⛳' | '⛵' | '⛺' | '⛽' | '✅'
        | '✊' | '✋' | '✨' | '❌' | '❎' | '❓'..='❕' | '❗' | '➕'..='➗' | '➰' | '➿' | '⬛' | '⬜' | '⭐' | '⭕')
}

/// What may be drawn as a picture when U+FE0F asks for it.
fn may_be_picture(c: char) -> bool {
    matches!(c,
        '#' | '*' | '0'..='9' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{2BFF}' | '〰' | '〽' | '㊗' | '㊙')
}
