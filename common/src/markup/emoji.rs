//! Detects messages that consist only of emoji, which the page draws large.

use crate::unicode::{self, EMOJI_SELECTOR, KEYCAP, ZERO_WIDTH_JOINER};

/// The most emoji that are drawn large; a longer row is drawn as text.
const MAX_EMOJI: usize = 8;

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
            EMOJI_SELECTOR | KEYCAP if count > 0 => {}
            _ if count > 0 && (unicode::is_skin_tone(c) || unicode::is_emoji_tag(c)) => {}
            _ if unicode::is_flag_letter(c) => {
                count += usize::from(!flag_is_open);
                flag_is_open = !flag_is_open;
                continue;
            }
            _ if c.is_whitespace() => {}
            _ if unicode::is_emoji_by_default(c)
                || chars.peek() == Some(&EMOJI_SELECTOR)
                    && (unicode::can_be_emoji(c) || unicode::is_keycap_base(c))
                || chars.peek().is_some_and(|next| unicode::is_skin_tone(*next))
                    && unicode::can_be_emoji(c) =>
            {
                count += usize::from(!continues);
            }
            _ => return false,
        }
        flag_is_open = false;
    }
    (1..=MAX_EMOJI).contains(&count)
}
