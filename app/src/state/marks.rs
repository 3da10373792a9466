//! Marks around what is selected, as `common::markup` reads them: put there, or taken away again.
//!
//! Places are bytes of the text. It changes nothing itself: the composer carries the change out, so
//! that the browser can undo it.

use std::ops::Range;

/// Encloses code of several lines.
const FENCE: &str = "```";

/// What is to be put in the place of what, and what is selected then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) place: Range<usize>,
    pub(crate) text: String,
    pub(crate) selected: Range<usize>,
}

/// Whether code has been opened and not closed before the end of `text`.
pub(crate) fn ends_in_code(text: &str) -> bool {
    let fences = text.split(|c| c != '`').filter(|ticks| ticks.len() >= FENCE.len());
    fences.count() % 2 == 1
}

/// Marks what is selected with `mark`, each line by itself because no mark reaches further; what is
/// marked already is freed. Where nothing is selected, one goes on writing between the marks.
pub(crate) fn toggle(text: &str, selected: Range<usize>, mark: char) -> Change {
    let (before, inside, _) = trimmed(&text[selected.clone()]);
    let start = selected.start + before.len();
    let inner = start..start + inside.len();
    if mark == '`' && inside.contains('\n') {
        return around(inner, inside, &format!("{FENCE}\n"), &format!("\n{FENCE}"));
    }
    let outside = trailing(&text[..inner.start], mark).min(leading(&text[inner.end..], mark));
    if outside > 0 && !inside.contains('\n') {
        let place = inner.start - outside..inner.end + outside;
        return Change { selected: place.start..place.start + inside.len(), place, text: inside.to_owned() };
    }
    let is_marked = |line: &str| line.len() > 1 && line.starts_with(mark) && line.ends_with(mark);
    let lines = || inside.split('\n').filter(|line| !line.trim().is_empty());
    if lines().next().is_none() {
        return around(inner, "", &mark.to_string(), &mark.to_string());
    }
    let frees = lines().all(|line| is_marked(line.trim()));
    let changed = |line: &str| match trimmed(line) {
        (_, "", _) => line.to_owned(),
        (before, marked, behind) if frees => [before, marked.trim_matches(mark), behind].concat(),
        (_, marked, _) if is_marked(marked) => line.to_owned(),
        (before, plain, behind) => format!("{before}{mark}{plain}{mark}{behind}"),
    };
    let new = inside.split('\n').map(changed).collect::<Vec<_>>().join("\n");
    // So that a second press undoes the first, one line is selected without its marks.
    let inset = usize::from(!frees && !inside.contains('\n'));
    let selected = inner.start + inset..inner.start + new.len() - inset;
    Change { place: inner, text: new, selected }
}

fn around(place: Range<usize>, inside: &str, before: &str, behind: &str) -> Change {
    let start = place.start + before.len();
    let text = [before, inside, behind].concat();
    Change { place, text, selected: start..start + inside.len() }
}

/// A text in three: the white space around it, and what stands between.
fn trimmed(text: &str) -> (&str, &str, &str) {
    let (rest, behind) = text.split_at(text.trim_end().len());
    let (before, inside) = rest.split_at(rest.len() - rest.trim_start().len());
    (before, inside, behind)
}

/// How many marks `text` ends with, all of one byte.
fn trailing(text: &str, mark: char) -> usize {
    text.len() - text.trim_end_matches(mark).len()
}

fn leading(text: &str, mark: char) -> usize {
    text.len() - text.trim_start_matches(mark).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with their selection in brackets, before and afterwards.
    fn check(before: &str, mark: char, afterwards: &str) {
        let selected = before.find('[').unwrap()..before.find(']').unwrap() - 1;
        let text = before.replace(['[', ']'], "");
        let change = toggle(&text, selected, mark);
        let mut changed = text.clone();
        changed.replace_range(change.place, &change.text);
        changed.insert(change.selected.end, ']');
        changed.insert(change.selected.start, '[');
        assert_eq!(changed, afterwards, "{mark} on {before}");
    }

    #[test]
    fn marks_are_put_around_the_selection_and_taken_away_by_the_next_press() {
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
    fn what_is_selected_with_its_marks_is_freed() {
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
            assert_eq!(ends_in_code(text), open, "{text:?}");
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn any_selection_of_any_text_can_be_marked(text in "[가a*_`~ \n]{0,20}", from in 0..20_usize, to in 0..20_usize, mark in "[*_~`]") {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
                let at = |place: usize| places[place.min(places.len() - 1)];
                let (from, to) = (at(from.min(to)), at(from.max(to)));
                let change = toggle(&text, from..to, mark.chars().next().unwrap());
                let mut changed = text.clone();
                changed.replace_range(change.place, &change.text);
                prop_assert!(changed.get(change.selected).is_some());
            }
        }
    }
}
