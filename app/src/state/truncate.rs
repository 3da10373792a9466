//! Decides which messages are folded, and shortens texts to one line.

/// A longer message is folded. Folding hides the last third or more, so that nobody unfolds a
/// message for one line.
const MAX_LINES: usize = 30;

/// The number of narrow characters in a line of a wide screen.
const COLUMNS: usize = 72;

/// The most characters of a one-line preview.
const PREVIEW_CHARS: usize = 140;

/// Whether a message is folded. Depends on the text only, so that the layout does not change after
/// rendering.
pub(crate) fn is_long(text: &str) -> bool {
    // A cheap test first; most texts are far shorter.
    text.len() > MAX_LINES && text.split('\n').map(visual_lines).sum::<usize>() > MAX_LINES
}

fn visual_lines(line: &str) -> usize {
    let columns: usize = line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum();
    columns.div_ceil(COLUMNS).max(1)
}

/// Returns the first line of a text, shortened.
pub(crate) fn first_line(text: &str) -> String {
    let line: String =
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    match line.char_indices().nth(PREVIEW_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_more_than_thirty_lines_is_folded() {
        assert!(!is_long(&["줄"; 30].join("\n")));
        assert!(is_long(&["줄"; 31].join("\n")));
        assert!(!is_long(&"가".repeat(30 * 36)));
        assert!(is_long(&"가".repeat(30 * 36 + 1)));
        assert!(is_long(&"a".repeat(4_000)));
    }

    #[test]
    fn a_quote_is_one_line_of_the_text() {
        assert_eq!(first_line("\n  하나 \n둘"), "하나");
        assert_eq!(first_line(&"가".repeat(141)), format!("{}…", "가".repeat(140)));
        assert_eq!(first_line(""), "");
    }
}
