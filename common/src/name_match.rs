//! Matches names against a partly typed query, also by Korean initial consonants (초성) and by
//! syllables that are still being composed.
//!
//! `ㄱㄴㄷ` matches 가나다 and `강ㅎ` matches 강하늘. 각 matches 가구 as well, because an input method
//! shows 각 after the first three keys of 가구. Used to pick people, rooms and emoji. White space and
//! case are ignored; only modern Hangul is supported.

use std::borrow::Cow;

use crate::unicode;

/// The initial consonants of syllables, as compatibility letters in Unicode's order.
const INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ',
    'ㅍ', 'ㅎ',
];

/// The final consonants of syllables in Unicode's order; a space for no final.
const FINALS: [char; 28] = [
    ' ', 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ',
    'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// The compound consonants and their parts. Input methods join two consonants also outside syllables.
const COMPOUNDS: [(char, [char; 2]); 11] = [
    ('ㄳ', ['ㄱ', 'ㅅ']),
    ('ㄵ', ['ㄴ', 'ㅈ']),
    ('ㄶ', ['ㄴ', 'ㅎ']),
    ('ㄺ', ['ㄹ', 'ㄱ']),
    ('ㄻ', ['ㄹ', 'ㅁ']),
    ('ㄼ', ['ㄹ', 'ㅂ']),
    ('ㄽ', ['ㄹ', 'ㅅ']),
    ('ㄾ', ['ㄹ', 'ㅌ']),
    ('ㄿ', ['ㄹ', 'ㅍ']),
    ('ㅀ', ['ㄹ', 'ㅎ']),
    ('ㅄ', ['ㅂ', 'ㅅ']),
];

const FIRST_SYLLABLE: u32 = '가' as u32;
const VOWEL_COUNT: u32 = 21;
const FINAL_COUNT: u32 = FINALS.len() as u32;

/// A normalised search text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Vec<char>);

/// How well a candidate matches a query, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MatchRank {
    Exact,
    Prefix,
    /// Matches at the start of a word other than the first.
    WordStart,
    Substring,
}

impl Query {
    pub fn new(text: &str) -> Query {
        let composed = unicode::nfc(text);
        Query(letters(&to_lowercase(&composed)).into_iter().map(|(letter, _)| letter).collect())
    }

    /// Ranks a candidate, which must be NFC as all parsed names are; `None` if it does not match.
    /// An empty query matches every candidate as a prefix.
    pub fn rank(&self, candidate: &str) -> Option<MatchRank> {
        let letters = letters(&to_lowercase(candidate));
        if let Some(rest) = self.strip_from(&letters) {
            let is_exact = !self.0.is_empty() && rest.is_empty();
            return Some(if is_exact { MatchRank::Exact } else { MatchRank::Prefix });
        }
        let mut found = None;
        for (at, (_, starts_word)) in letters.iter().enumerate().skip(1) {
            if self.strip_from(&letters[at..]).is_some() {
                if *starts_word {
                    return Some(MatchRank::WordStart);
                }
                found = Some(MatchRank::Substring);
            }
        }
        found
    }

    /// Returns the rest of the candidate after the query, if it begins with the query.
    fn strip_from<'a>(&self, mut candidate: &'a [Letter]) -> Option<&'a [Letter]> {
        let mut next_letter = || {
            let ((letter, _), rest) = candidate.split_first()?;
            candidate = rest;
            Some(*letter)
        };
        for (index, &typed) in self.0.iter().enumerate() {
            let next = self.0.get(index + 1);
            let letter = next_letter()?;
            if typed == letter
                || initial_consonant(letter) == Some(typed)
                || next.is_none() && can_become(typed, letter)
            {
                continue;
            }
            // While the next syllable has no vowel, its initial consonant is shown as this one's final.
            let (syllable, moved) =
                split_final(typed).filter(|_| next.is_none_or(|next| is_initial(*next)))?;
            if syllable != letter {
                return None;
            }
            let letter = next_letter()?;
            if moved != letter && initial_consonant(letter) != Some(moved) {
                return None;
            }
        }
        Some(candidate)
    }
}

/// Returns the initial consonant of a syllable, as it is typed: ㄱ for 강.
pub fn initial_consonant(syllable: char) -> Option<char> {
    decompose(syllable).map(|(initial, _, _)| INITIALS[initial as usize])
}

fn is_initial(letter: char) -> bool {
    INITIALS.contains(&letter)
}

/// Returns the indices of a syllable's initial, vowel and final in Unicode's order.
fn decompose(syllable: char) -> Option<(u32, u32, u32)> {
    let index = matches!(syllable, '가'..='힣').then(|| syllable as u32 - FIRST_SYLLABLE)?;
    Some((index / (VOWEL_COUNT * FINAL_COUNT), index / FINAL_COUNT % VOWEL_COUNT, index % FINAL_COUNT))
}

/// Whether typing more keys can turn `typed` into `syllable`.
fn can_become(typed: char, syllable: char) -> bool {
    let (Some(typed), Some(syllable)) = (decompose(typed), decompose(syllable)) else { return false };
    if typed.0 != syllable.0 {
        return false;
    }
    if typed.2 == 0 {
        return typed.1 == syllable.1 || vowel_can_become(typed.1, syllable.1);
    }
    let first_part = |ending: u32| split_compound(FINALS[ending as usize]).map(|[first, _]| first);
    typed.1 == syllable.1
        && (typed.2 == syllable.2 || first_part(syllable.2) == Some(FINALS[typed.2 as usize]))
}

/// Whether a vowel can become another one: ㅗ → ㅘ ㅙ ㅚ, ㅜ → ㅝ ㅞ ㅟ, ㅡ → ㅢ; by index in Unicode's order.
fn vowel_can_become(from: u32, to: u32) -> bool {
    matches!((from, to), (8, 9..=11) | (13, 14..=16) | (18, 19))
}

/// Splits the last consonant off a syllable: 각 into 가 and ㄱ, 닭 into 달 and ㄱ.
fn split_final(syllable: char) -> Option<(char, char)> {
    let (_, _, ending) = decompose(syllable)?;
    let last = FINALS[ending as usize];
    let (kept, last) = match split_compound(last) {
        Some([first, second]) => (FINALS.iter().position(|letter| *letter == first)? as u32, second),
        None => (0, last),
    };
    let rest = char::from_u32(syllable as u32 - ending + kept)?;
    (ending > 0).then_some((rest, last))
}

/// Returns the two parts of a compound consonant.
fn split_compound(letter: char) -> Option<[char; 2]> {
    COMPOUNDS.iter().find(|(compound, _)| *compound == letter).map(|(_, parts)| *parts)
}

/// A letter, and whether a word begins with it.
type Letter = (char, bool);

/// Returns the letters of a text without white space, with compound consonants split.
fn letters(text: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut previous = ' ';
    for letter in text.chars() {
        let starts_word = !previous.is_alphanumeric();
        match split_compound(letter) {
            Some([first, second]) => letters.extend([(first, starts_word), (second, false)]),
            None if letter.is_whitespace() => {}
            None => letters.push((letter, starts_word)),
        }
        previous = letter;
    }
    letters
}

/// Converts to lower case.
fn to_lowercase(text: &str) -> Cow<'_, str> {
    // Hangul and lower-case ASCII, which is nearly all text, need no tables.
    let is_lower =
        |letter: char| unicode::is_hangul(letter) || letter.is_ascii() && !letter.is_ascii_uppercase();
    if text.chars().all(is_lower) { Cow::Borrowed(text) } else { Cow::Owned(unicode::lowercase(text)) }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn check(query: &str, candidate: &str, rank: Option<MatchRank>) {
        assert_eq!(Query::new(query).rank(candidate), rank, "{query:?} in {candidate:?}");
    }

    #[test]
    fn initial_consonants_match_their_syllables() {
        check("ㄱㄴㄷ", "가나다", Some(MatchRank::Exact));
        check("ㄱㄴ", "가나다", Some(MatchRank::Prefix));
        check("ㄴㄷ", "가나다", Some(MatchRank::Substring));
        check("ㄷ", "가나 다라", Some(MatchRank::WordStart));
        check("ㄱㄷ", "가나다", None);
        check("ㄲ", "꽃집", Some(MatchRank::Prefix));
        check("ㄱ", "꽃집", None);
        check("ㅋㅋ", "ㅋㅋㅋ", Some(MatchRank::Prefix));
    }

    #[test]
    fn compound_consonants_count_as_two() {
        check("ㄳ", "감사", Some(MatchRank::Exact));
        check("ㅄㅎ", "박사학위", Some(MatchRank::Prefix));
        check("ㄳ", "ㄳ합니다", Some(MatchRank::Prefix));
    }

    #[test]
    fn syllables_and_consonants_can_be_mixed() {
        check("강ㅎ", "강하늘", Some(MatchRank::Prefix));
        check("강하ㄴ", "강하늘", Some(MatchRank::Exact));
        check("ㄱ하늘", "강하늘", Some(MatchRank::Exact));
        check("간ㄷ", "가나다", Some(MatchRank::Exact));
        check("간다", "가나다", None);
    }

    #[test]
    fn a_syllable_being_composed_matches_what_it_can_become() {
        let becomes = [
            ("가", "각"),
            ("각", "갃"),
            ("고", "과"),
            ("구", "궤"),
            ("그", "긔"),
            ("각", "가구"),
            ("닭", "달걀"),
            ("있", "이쑤시개"),
            ("민", "미나"),
            ("지은", "지으니"),
        ];
        for (query, candidate) in becomes {
            assert!(Query::new(query).rank(candidate).is_some(), "{query} in {candidate}");
        }
        let does_not =
            [("각", "가"), ("각", "간"), ("과", "고"), ("가나", "각나"), ("닭", "다가"), ("가", "까")];
        for (query, candidate) in does_not {
            check(query, candidate, None);
        }
    }

    #[test]
    fn case_and_white_space_are_ignored() {
        check("EMMA", "emma", Some(MatchRank::Exact));
        check("im m", "Em Imm", Some(MatchRank::WordStart));
        check("ㅇㄹㅂ", "우리 반 3-2", Some(MatchRank::Prefix));
        check("bücher", "BÜCHER", Some(MatchRank::Exact));
        check("3-2", "우리 반 3-2", Some(MatchRank::WordStart));
        check("\u{1112}\u{1161}\u{11AB}", "한글", Some(MatchRank::Prefix));
    }

    #[test]
    fn an_empty_query_matches_everything_and_an_empty_candidate_nothing() {
        check("", "가", Some(MatchRank::Prefix));
        check(" ", "", Some(MatchRank::Prefix));
        check("가", "", None);
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn every_part_of_a_name_matches_it(
                before in "[가-힣a-zA-Z ㄱ-ㅎ]{0,8}",
                part in "[가-힣a-zA-Z ㄱ-ㅎ]{1,8}",
                after in "[가-힣a-zA-Z]{0,8}",
            ) {
                let name = before + &part + &after;
                prop_assert!(Query::new(&part).rank(&name).is_some());
            }

            #[test]
            fn its_initial_consonants_match_a_name(name in "[가-힣]{1,12}") {
                let initials: String = name.chars().filter_map(initial_consonant).collect();
                prop_assert_eq!(Query::new(&initials).rank(&name), Some(MatchRank::Exact));
            }

            #[test]
            fn every_state_of_typing_a_name_matches_it(name in "[가-힣]{1,6}") {
                for typed in typing_states(&name) {
                    prop_assert!(Query::new(&typed).rank(&name).is_some(), "{} in {}", typed, name);
                }
            }

            #[test]
            fn latin_letters_match_where_a_plain_text_search_finds_them(
                query in "[ab]{1,3}",
                words in prop::collection::vec("[ab]{1,4}", 1..4),
            ) {
                let joined = words.concat();
                let mut word_starts = words.iter().scan(0, |end, word| {
                    *end += word.len();
                    Some(*end)
                });
                let expected = match joined.find(&query) {
                    Some(0) if joined == query => Some(MatchRank::Exact),
                    Some(0) => Some(MatchRank::Prefix),
                    Some(_) if word_starts.any(|start| joined[start..].starts_with(&query)) => {
                        Some(MatchRank::WordStart)
                    }
                    Some(_) => Some(MatchRank::Substring),
                    None => None,
                };
                prop_assert_eq!(Query::new(&query).rank(&words.join(" ")), expected);
            }
        }

        /// Returns states of a text field while `name` is typed: after each initial consonant, each
        /// syllable without its final, and each complete syllable.
        fn typing_states(name: &str) -> Vec<String> {
            let mut states = Vec::new();
            let mut before = String::new();
            for syllable in name.chars() {
                let (first, _, ending) = decompose(syllable).unwrap();
                let consonant = INITIALS[first as usize];
                let open = char::from_u32(syllable as u32 - ending).unwrap();
                states.push(with_final(&before, consonant));
                states.push(format!("{before}{open}"));
                before.push(syllable);
                states.push(before.clone());
            }
            states
        }

        /// Appends a consonant, joined to the last syllable as its final if possible.
        fn with_final(before: &str, consonant: char) -> String {
            let mut letters: Vec<char> = before.chars().collect();
            let joined = letters.last().and_then(|last| {
                let (_, _, ending) = decompose(*last)?;
                let joined = FINALS.iter().position(|letter| match split_compound(*letter) {
                    Some([first, second]) => FINALS[ending as usize] == first && second == consonant,
                    None => ending == 0 && *letter == consonant,
                });
                char::from_u32(*last as u32 - ending + joined? as u32)
            });
            match joined {
                Some(joined) => *letters.last_mut().unwrap() = joined,
                None => letters.push(consonant),
            }
            letters.into_iter().collect()
        }
    }
}
