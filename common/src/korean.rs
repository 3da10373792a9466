//! Finding Korean by what has been typed of it so far: 초성 and syllables still being composed.
//!
//! `ㄱㄴㄷ` finds 가나다, `강ㅎ` finds 강하늘, and 각 finds 가구 too, because that is what 가구
//! looks like after three keys. Used wherever somebody picks one of many: names, rooms, emoji.
//! White space and the case of letters do not matter. It knows only modern Hangul.

use std::borrow::Cow;

use crate::unicode;

/// The consonants a syllable can begin with, as a keyboard writes them, in Unicode's order.
const INITIALS: [char; 19] = [
    'ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ',
    'ㅍ', 'ㅎ',
];

/// What a syllable can end with, in Unicode's order; a space for nothing.
const FINALS: [char; 28] = [
    ' ', 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ',
    'ㅂ', 'ㅄ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// The consonants that are typed as two, which keyboards join also where no syllable is.
const PAIRS: [(char, [char; 2]); 11] = [
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
const VOWELS: u32 = 21;
const ENDINGS: u32 = FINALS.len() as u32;

/// What somebody is looking for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query(Vec<char>);

/// Where in a candidate a query was found; the best place first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Whole,
    Start,
    /// At the start of a word that is not the first.
    Word,
    Inside,
}

impl Query {
    pub fn new(text: &str) -> Query {
        let composed = unicode::nfc(text);
        Query(letters(&lower(&composed)).into_iter().map(|(letter, _)| letter).collect())
    }

    /// Finds the query in `candidate`, which is NFC as every parsed name is. An empty query is
    /// found at the start of everything.
    pub fn find(&self, candidate: &str) -> Option<Place> {
        let letters = letters(&lower(candidate));
        if let Some(left) = self.strip(&letters) {
            let whole = !self.0.is_empty() && left.is_empty();
            return Some(if whole { Place::Whole } else { Place::Start });
        }
        let mut found = None;
        for (at, (_, starts_word)) in letters.iter().enumerate().skip(1) {
            if self.strip(&letters[at..]).is_some() {
                if *starts_word {
                    return Some(Place::Word);
                }
                found = Some(Place::Inside);
            }
        }
        found
    }

    /// What is left of the candidate behind the query, when it begins with it.
    fn strip<'a>(&self, mut candidate: &'a [Letter]) -> Option<&'a [Letter]> {
        let mut next_letter = || {
            let ((letter, _), rest) = candidate.split_first()?;
            candidate = rest;
            Some(*letter)
        };
        for (place, &typed) in self.0.iter().enumerate() {
            let next = self.0.get(place + 1);
            let letter = next_letter()?;
            if typed == letter || initial(letter) == Some(typed) || next.is_none() && begins(typed, letter) {
                continue;
            }
            // The final consonant may be the next syllable's first, as long as that has no vowel.
            let (syllable, borrowed) =
                unborrow(typed).filter(|_| next.is_none_or(|next| is_initial(*next)))?;
            if syllable != letter {
                return None;
            }
            let letter = next_letter()?;
            if borrowed != letter && initial(letter) != Some(borrowed) {
                return None;
            }
        }
        Some(candidate)
    }
}

/// Whether it is a letter of Hangul: a syllable, or a part of one.
pub fn is_hangul(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7A3}')
}

/// The consonant a syllable begins with, as it is typed: ㄱ for 강.
pub fn initial(syllable: char) -> Option<char> {
    parts(syllable).map(|(initial, _, _)| INITIALS[initial as usize])
}

fn is_initial(letter: char) -> bool {
    INITIALS.contains(&letter)
}

/// The places of a syllable's initial, vowel and final in Unicode's order.
fn parts(syllable: char) -> Option<(u32, u32, u32)> {
    let place = matches!(syllable, '가'..='힣').then(|| syllable as u32 - FIRST_SYLLABLE)?;
    Some((place / (VOWELS * ENDINGS), place / ENDINGS % VOWELS, place % ENDINGS))
}

/// Whether more keys could make `syllable` out of `typed` without leaving the syllable.
fn begins(typed: char, syllable: char) -> bool {
    let (Some(typed), Some(syllable)) = (parts(typed), parts(syllable)) else { return false };
    if typed.0 != syllable.0 {
        return false;
    }
    if typed.2 == 0 {
        return typed.1 == syllable.1 || vowel_grows(typed.1, syllable.1);
    }
    let grown = |ending: u32| pair(FINALS[ending as usize]).map(|[first, _]| first);
    typed.1 == syllable.1 && (typed.2 == syllable.2 || grown(syllable.2) == Some(FINALS[typed.2 as usize]))
}

/// ㅗ becomes ㅘ, ㅙ, ㅚ; ㅜ becomes ㅝ, ㅞ, ㅟ; ㅡ becomes ㅢ; by their places in Unicode's order.
fn vowel_grows(from: u32, to: u32) -> bool {
    matches!((from, to), (8, 9..=11) | (13, 14..=16) | (18, 19))
}

/// Takes the last consonant away from a syllable that ends with one: 각 is 가 and ㄱ, 닭 is 달 and ㄱ.
fn unborrow(syllable: char) -> Option<(char, char)> {
    let (_, _, ending) = parts(syllable)?;
    let last = FINALS[ending as usize];
    let (kept, last) = match pair(last) {
        Some([first, second]) => (FINALS.iter().position(|letter| *letter == first)? as u32, second),
        None => (0, last),
    };
    let rest = char::from_u32(syllable as u32 - ending + kept)?;
    (ending > 0).then_some((rest, last))
}

fn pair(letter: char) -> Option<[char; 2]> {
    PAIRS.iter().find(|(pair, _)| *pair == letter).map(|(_, parts)| *parts)
}

/// A letter that counts, and whether a word begins with it.
type Letter = (char, bool);

fn letters(text: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let mut before = ' ';
    for letter in text.chars() {
        let starts_word = !before.is_alphanumeric();
        match pair(letter) {
            Some([first, second]) => letters.extend([(first, starts_word), (second, false)]),
            None if letter.is_whitespace() => {}
            None => letters.push((letter, starts_word)),
        }
        before = letter;
    }
    letters
}

/// Hangul and plain Latin, which is nearly everything, need no tables.
fn lower(text: &str) -> Cow<'_, str> {
    let is_lower = |letter: char| is_hangul(letter) || letter.is_ascii() && !letter.is_ascii_uppercase();
    if text.chars().all(is_lower) { Cow::Borrowed(text) } else { Cow::Owned(unicode::lowercase(text)) }
}

#[cfg(test)]
mod tests {
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    use super::*;

    fn check(query: &str, candidate: &str, place: Option<Place>) {
        assert_eq!(Query::new(query).find(candidate), place, "{query:?} in {candidate:?}");
    }

    #[test]
    fn initial_consonants_find_their_syllables() {
        check("ㄱㄴㄷ", "가나다", Some(Place::Whole));
        check("ㄱㄴ", "가나다", Some(Place::Start));
        check("ㄴㄷ", "가나다", Some(Place::Inside));
        check("ㄷ", "가나 다라", Some(Place::Word));
        check("ㄱㄷ", "가나다", None);
        check("ㄲ", "꽃집", Some(Place::Start));
        check("ㄱ", "꽃집", None);
        check("ㅋㅋ", "ㅋㅋㅋ", Some(Place::Start));
    }

    #[test]
    fn consonants_the_keyboard_has_joined_are_two() {
        check("ㄳ", "감사", Some(Place::Whole));
        check("ㅄㅎ", "박사학위", Some(Place::Start));
        check("ㄳ", "ㄳ합니다", Some(Place::Start));
    }

    #[test]
    fn syllables_and_consonants_mix() {
        check("강ㅎ", "강하늘", Some(Place::Start));
        check("강하ㄴ", "강하늘", Some(Place::Whole));
        check("ㄱ하늘", "강하늘", Some(Place::Whole));
        check("간ㄷ", "가나다", Some(Place::Whole));
        check("간다", "가나다", None);
    }

    #[test]
    fn a_syllable_still_being_composed_finds_what_it_can_become() {
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
            assert!(Query::new(query).find(candidate).is_some(), "{query} in {candidate}");
        }
        let does_not =
            [("각", "가"), ("각", "간"), ("과", "고"), ("가나", "각나"), ("닭", "다가"), ("가", "까")];
        for (query, candidate) in does_not {
            check(query, candidate, None);
        }
    }

    #[test]
    fn case_and_white_space_do_not_matter() {
        check("EMMA", "emma", Some(Place::Whole));
        check("im m", "Em Imm", Some(Place::Word));
        check("ㅇㄹㅂ", "우리 반 3-2", Some(Place::Start));
        check("bücher", "BÜCHER", Some(Place::Whole));
        check("3-2", "우리 반 3-2", Some(Place::Word));
        check("\u{1112}\u{1161}\u{11AB}", "한글", Some(Place::Start));
    }

    #[test]
    fn nothing_is_found_everywhere_and_nowhere_is_nothing_found() {
        check("", "가", Some(Place::Start));
        check(" ", "", Some(Place::Start));
        check("가", "", None);
    }

    #[cfg(not(target_arch = "wasm32"))]
    mod properties {
        use proptest::prelude::*;

        use super::*;

        proptest! {
            #[test]
            fn every_part_of_a_name_finds_it(
                before in "[가-힣a-zA-Z ㄱ-ㅎ]{0,8}",
                part in "[가-힣a-zA-Z ㄱ-ㅎ]{1,8}",
                after in "[가-힣a-zA-Z]{0,8}",
            ) {
                let name = before + &part + &after;
                prop_assert!(Query::new(&part).find(&name).is_some());
            }

            #[test]
            fn its_initials_find_it(name in "[가-힣]{1,12}") {
                let initials: String = name.chars().filter_map(initial).collect();
                prop_assert_eq!(Query::new(&initials).find(&name), Some(Place::Whole));
            }

            #[test]
            fn each_key_on_the_way_finds_it(name in "[가-힣]{1,6}") {
                for typed in keys(&name) {
                    prop_assert!(Query::new(&typed).find(&name).is_some(), "{} in {}", typed, name);
                }
            }

            #[test]
            fn any_text_can_be_looked_for_in_any_other(query in ".{0,40}", candidate in ".{0,40}") {
                let place = Query::new(&query).find(&candidate);
                prop_assert!(Query::new("").find(&candidate).is_some());
                prop_assert!(place.is_none() || !candidate.is_empty() || query.trim().is_empty());
            }
        }

        /// What stands in a text field after each key that writes `name`, except where a final
        /// consonant is one that would have been the next syllable's.
        fn keys(name: &str) -> Vec<String> {
            let mut shown = Vec::new();
            let mut before = String::new();
            for syllable in name.chars() {
                let (first, _, ending) = parts(syllable).unwrap();
                let consonant = INITIALS[first as usize];
                let open = char::from_u32(syllable as u32 - ending).unwrap();
                shown.push(borrowed(&before, consonant));
                shown.push(format!("{before}{open}"));
                before.push(syllable);
                shown.push(before.clone());
            }
            shown
        }

        /// The consonant joins the syllable before it for as long as it can.
        fn borrowed(before: &str, consonant: char) -> String {
            let mut letters: Vec<char> = before.chars().collect();
            let joined = letters.last().and_then(|last| {
                let (_, _, ending) = parts(*last)?;
                let joined = FINALS.iter().position(|letter| match pair(*letter) {
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
