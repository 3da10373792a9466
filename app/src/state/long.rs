//! How much of a text is shown at first.

/// A message that takes more lines than this is folded. Folding hides the last third of it or
/// more, so that nobody unfolds a message for one line.
const LINES: usize = 30;

/// How many narrow letters a line of a wide screen has.
const COLUMNS: usize = 72;

/// As much of a text as stands for it in one line.
const GLIMPSE: usize = 140;

/// Whether a message is folded. Told from the text alone, so that nothing moves once it is drawn.
pub(crate) fn is_long(text: &str) -> bool {
    // Most are far from it.
    text.len() > LINES && text.split('\n').map(lines).sum::<usize>() > LINES
}

fn lines(line: &str) -> usize {
    let columns: usize = line.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum();
    columns.div_ceil(COLUMNS).max(1)
}

/// The beginning of a text, in one line.
pub(crate) fn first_line(text: &str) -> String {
    let line: String =
        text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned();
    match line.char_indices().nth(GLIMPSE) {
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
