//! Adds or removes the format marks of `common::markup` around a selection.
//!
//! Positions are bytes of the text. The result is a [`TextEdit`], which the composer applies so
//! that the browser can undo it.

use std::ops::Range;

/// Encloses a block of code.
const FENCE: &str = "```";

/// A replacement of a part of the text, and the selection after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TextEdit {
    pub(crate) range: Range<usize>,
    pub(crate) replacement: String,
    pub(crate) selection: Range<usize>,
}

/// Whether a code block is open at the end of `text`.
pub(crate) fn is_inside_code_block(text: &str) -> bool {
    let fences = text.split(|c| c != '`').filter(|ticks| ticks.len() >= FENCE.len());
    fences.count() % 2 == 1
}

/// Adds `mark` around the selection, line by line because a mark ends with its line, or removes it
/// if it is there. An empty selection puts the caret between two marks.
pub(crate) fn toggle(text: &str, selection: Range<usize>, mark: char) -> TextEdit {
    let (before, inside, _) = split_white_space(&text[selection.clone()]);
    let start = selection.start + before.len();
    let inner = start..start + inside.len();
    if mark == '`' && inside.contains('\n') {
        return around(inner, inside, &format!("{FENCE}\n"), &format!("\n{FENCE}"));
    }
    let outside = trailing_marks(&text[..inner.start], mark).min(leading_marks(&text[inner.end..], mark));
    if outside > 0 && !inside.contains('\n') {
        let range = inner.start - outside..inner.end + outside;
        return TextEdit {
            selection: range.start..range.start + inside.len(),
            range,
            replacement: inside.to_owned(),
        };
    }
    let is_marked = |line: &str| line.len() > 1 && line.starts_with(mark) && line.ends_with(mark);
    let lines = || inside.split('\n').filter(|line| !line.trim().is_empty());
    if lines().next().is_none() {
        return around(inner, "", &mark.to_string(), &mark.to_string());
    }
    let removes_marks = lines().all(|line| is_marked(line.trim()));
    let changed = |line: &str| match split_white_space(line) {
        (_, "", _) => line.to_owned(),
        (before, marked, behind) if removes_marks => [before, marked.trim_matches(mark), behind].concat(),
        (_, marked, _) if is_marked(marked) => line.to_owned(),
        (before, plain, behind) => format!("{before}{mark}{plain}{mark}{behind}"),
    };
    let new = inside.split('\n').map(changed).collect::<Vec<_>>().join("\n");
    // A single line is selected without its marks, so that a second press removes them.
    let inset = usize::from(!removes_marks && !inside.contains('\n'));
    let selection = inner.start + inset..inner.start + new.len() - inset;
    TextEdit { range: inner, replacement: new, selection }
}

fn around(range: Range<usize>, inside: &str, before: &str, behind: &str) -> TextEdit {
    let start = range.start + before.len();
    let replacement = [before, inside, behind].concat();
    TextEdit { range, replacement, selection: start..start + inside.len() }
}

/// Splits a text into its surrounding white space and the rest.
fn split_white_space(text: &str) -> (&str, &str, &str) {
    let (rest, behind) = text.split_at(text.trim_end().len());
    let (before, inside) = rest.split_at(rest.len() - rest.trim_start().len());
    (before, inside, behind)
}

/// The number of marks at the end of `text`; a mark is one byte.
fn trailing_marks(text: &str, mark: char) -> usize {
    text.len() - text.trim_end_matches(mark).len()
}

fn leading_marks(text: &str, mark: char) -> usize {
    text.len() - text.trim_start_matches(mark).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with the selection in brackets, before and after.
    fn check(before: &str, mark: char, afterwards: &str) {
        let selection = before.find('[').unwrap()..before.find(']').unwrap() - 1;
        let text = before.replace(['[', ']'], "");
        let change = toggle(&text, selection, mark);
        let mut changed = text.clone();
        changed.replace_range(change.range, &change.replacement);
        changed.insert(change.selection.end, ']');
        changed.insert(change.selection.start, '[');
        assert_eq!(changed, afterwards, "{mark} on {before}");
    }

    #[test]
    fn marks_are_added_around_the_selection_and_removed_by_the_next_press() {
        for (plain, mark, marked) in [
            ("아주 [굵게] 쓴 말", '*', "아주 *[굵게]* 쓴 말"),
            ("[기울임]", '_', "_[기울임]_"),
            ("가[나]다", '~', "가~[나]~다"),
            ("let [x] = 1", '`', "let `[x]` = 1"),
            ("뒤에 []", '*', "뒤에 *[]*"),
        ] {
            check(plain, mark, marked);
            check(marked, mark, plain);
        }
    }

    #[test]
    fn the_white_space_around_a_word_stays_outside() {
        check("[ 말 ]", '*', " *[말]* ");
        check("[   ]", '*', "*[]*   ");
    }

    #[test]
    fn a_selection_with_its_marks_loses_them() {
        check("[*굵게*]", '*', "[굵게]");
        check("[**굵게**]", '*', "[굵게]");
        check("**[굵게]**", '*', "[굵게]");
    }

    #[test]
    fn each_line_is_marked_by_itself() {
        check("[첫 줄\n\n  둘째 줄]", '*', "[*첫 줄*\n\n  *둘째 줄*]");
        check("[*첫 줄*\n\n  *둘째 줄*]", '*', "[첫 줄\n\n  둘째 줄]");
        check("[*첫 줄*\n둘째 줄]", '*', "[*첫 줄*\n*둘째 줄*]");
    }

    #[test]
    fn code_of_several_lines_is_fenced() {
        check("[fn main() {\n}]", '`', "```\n[fn main() {\n}]\n```");
    }

    #[test]
    fn code_is_open_between_its_fences() {
        for (text, open) in [
            ("", false),
            ("```", true),
            ("```rust\nfn", true),
            ("```\n코드\n```", false),
            ("`코드", false),
            ("봐: ```한 줄``` 그리고 ```", true),
            ("`````", true),
        ] {
            assert_eq!(is_inside_code_block(text), open, "{text:?}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn any_selection_of_any_text_can_be_marked(text in "[가a*_`~ \n]{0,20}", from in 0..20_usize, to in 0..20_usize, mark in "[*_~`]") {
                let positions: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let at = |index: usize| positions[index.min(positions.len() - 1)];
                let (from, to) = (at(from.min(to)), at(from.max(to)));
                let change = toggle(&text, from..to, mark.chars().next().unwrap());
                let mut changed = text.clone();
                changed.replace_range(change.range, &change.replacement);
                prop_assert!(changed.get(change.selection).is_some());
            }
        }
    }
}
