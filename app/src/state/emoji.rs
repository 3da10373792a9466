//! The emoji, parsed from the file that `bin/emoji` made, and the search by name.

use common::name_match::{MatchRank, Query};

use super::top_n::TopN;

/// The number of groups in the file: faces, people, animals, food, travel, activities, things,
/// signs, flags.
pub(crate) const GROUPS: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Emoji {
    pub(crate) glyph: &'static str,
    pub(crate) name: &'static str,
    /// Shortcodes as written between colons; like the keywords they are separated by spaces.
    shortcodes: &'static str,
    keywords: &'static str,
    /// The index of its group in the file.
    pub(crate) group: usize,
}

/// Parses the file; other lines are skipped.
pub(crate) fn parse_file(file: &'static str) -> Vec<Emoji> {
    let mut group = 0;
    let mut emojis = Vec::new();
    for line in file.lines() {
        if let [glyph, name, shortcodes, keywords] = line.split('\t').collect::<Vec<_>>()[..] {
            emojis.push(Emoji { glyph, name, shortcodes, keywords, group });
        } else if line.is_empty() {
            group += 1;
        }
    }
    emojis
}

/// Returns the best `limit` matches.
pub(crate) fn search(emojis: &[Emoji], text: &str, limit: usize) -> Vec<Emoji> {
    let query = Query::new(text);
    let mut found = TopN::new(limit);
    for emoji in emojis {
        if let Some(rank) = rank(emoji, &query) {
            found.add(rank, *emoji);
        }
    }
    found.into_items().collect()
}

/// Ranks a match. The name counts more than a shortcode, and a keyword no more than the beginning
/// of a name.
fn rank(emoji: &Emoji, query: &Query) -> Option<(MatchRank, u8)> {
    let by_name = query.rank(emoji.name).map(|match_rank| (match_rank, 0));
    let by_shortcode = best_match(emoji.shortcodes, query).map(|match_rank| (match_rank, 1));
    let by_keyword =
        best_match(emoji.keywords, query).map(|match_rank| (match_rank.max(MatchRank::Prefix), 2));
    by_name.into_iter().chain(by_shortcode).chain(by_keyword).min()
}

fn best_match(keywords: &str, query: &Query) -> Option<MatchRank> {
    // Most do not match at all, and one test of all keywords together is faster.
    query.rank(keywords)?;
    keywords.split(' ').filter_map(|word| query.rank(word)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KOREAN: &str = include_str!("../../../public/emoji.ko.txt");
    const ENGLISH: &str = include_str!("../../../public/emoji.en.txt");

    #[track_caller]
    fn first(file: &'static str, text: &str) -> &'static str {
        search(&parse_file(file), text, 1).first().map_or("", |emoji| emoji.glyph)
    }

    #[test]
    fn an_emoji_is_found_by_its_name_in_the_readers_language_and_by_its_shortcode() {
        for (text, glyph) in [
            ("폭죽", "🧨"),
            ("tada", "🎉"),
            ("+1", "👍"),
            ("강아지 얼", "🐶"),
            ("강아", "🐶"),
            ("heart", "❤️"),
        ] {
            assert_eq!(first(KOREAN, text), glyph, "{text}");
        }
        for (text, glyph) in
            [("tada", "🎉"), ("heart_eyes", "😍"), ("thumbs up", "👍"), ("fire", "🔥"), ("heart", "❤️")]
        {
            assert_eq!(first(ENGLISH, text), glyph, "{text}");
        }
    }

    #[test]
    fn an_emoji_is_found_in_the_other_language_too() {
        for (file, text) in [(KOREAN, "thanks"), (KOREAN, "happy"), (ENGLISH, "웃음"), (ENGLISH, "하트")]
        {
            assert_ne!(first(file, text), "", "{text}");
        }
    }

    #[test]
    fn both_files_hold_the_same_emoji_in_the_form_that_the_server_stores() {
        let (korean, english) = (parse_file(KOREAN), parse_file(ENGLISH));
        assert!(korean.iter().map(|emoji| emoji.glyph).eq(english.iter().map(|emoji| emoji.glyph)));
        assert_eq!(korean.iter().map(|emoji| emoji.group).max(), Some(GROUPS - 1));
        for emoji in korean {
            let parsed = common::message::Emoji::parse(emoji.glyph);
            assert_eq!(parsed.as_ref().map(common::message::Emoji::as_str), Ok(emoji.glyph), "{emoji:?}");
        }
    }
}
