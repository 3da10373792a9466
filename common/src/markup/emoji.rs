//! Detects messages that consist only of emoji, which the page draws large.

/// The most emoji that are drawn large; a longer row is drawn as text.
const MAX_EMOJI: usize = 8;

const EMOJI_SELECTOR: char = '\u{FE0F}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';
const KEYCAP: char = '\u{20E3}';

/// Whether `text` consists of one to eight emoji and white space.
pub fn is_only_emoji(text: &str) -> bool {
    let mut count = 0;
    let mut flag_is_open = false;
    let mut joined = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let continues = joined;
        joined = false;
        match c {
            ZERO_WIDTH_JOINER if count > 0 => joined = true,
            EMOJI_SELECTOR | KEYCAP | '\u{1F3FB}'..='\u{1F3FF}' | '\u{E0020}'..='\u{E007F}' if count > 0 => {}
            '\u{1F1E6}'..='\u{1F1FF}' => {
                count += usize::from(!flag_is_open);
                flag_is_open = !flag_is_open;
                continue;
            }
            _ if c.is_whitespace() => {}
            _ if is_emoji_by_default(c) || chars.peek() == Some(&EMOJI_SELECTOR) && can_be_emoji(c) => {
                count += usize::from(!continues);
            }
            _ => return false,
        }
        flag_is_open = false;
    }
    (1..=MAX_EMOJI).contains(&count)
}

/// Whether `c` is an emoji by itself, without U+FE0F (Unicode's `Emoji_Presentation`).
fn is_emoji_by_default(c: char) -> bool {
    matches!(c,
        '\u{1F000}'..='\u{1FAFF}'
        | '⌚' | '⌛' | '⏩'..='⏬' | '⏰' | '⏳' | '◽' | '◾' | '☔' | '☕' | '♈'..='♓' | '♿' | '⚓' | '⚡'
        | '⚪' | '⚫' | '⚽' | '⚾' | '⛄' | '⛅' | '⛎' | '⛔' | '⛪' | '⛲' | '⛳' | '⛵' | '⛺' | '⛽' | '✅'
        | '✊' | '✋' | '✨' | '❌' | '❎' | '❓'..='❕' | '❗' | '➕'..='➗' | '➰' | '➿' | '⬛' | '⬜' | '⭐' | '⭕')
}

/// Whether U+FE0F after `c` turns it into an emoji.
fn can_be_emoji(c: char) -> bool {
    matches!(c,
        '#' | '*' | '0'..='9' | '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{2BFF}' | '〰' | '〽' | '㊗' | '㊙')
}
