//! The emoji there are: read from the file `bin/emoji` made, and found by their names.

use common::korean::{Place, Query};

use super::ranking::Ranking;

/// How many groups the file has: faces, people, animals, food, travel, activities, things, signs, flags.
pub(crate) const GROUPS: usize = 9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Emoji {
    pub(crate) picture: &'static str,
    pub(crate) name: &'static str,
    /// What people write between colons, and what else it is found by; with spaces between.
    shortcodes: &'static str,
    words: &'static str,
    /// Which kind of thing it shows: the file's groups, counted from zero.
    pub(crate) group: usize,
}

/// Reads the file; lines that are none of ours are skipped.
pub(crate) fn read(file: &'static str) -> Vec<Emoji> {
    let mut group = 0;
    let mut all = Vec::new();
    for line in file.lines() {
        if let [picture, name, shortcodes, words] = line.split('\t').collect::<Vec<_>>()[..] {
            all.push(Emoji { picture, name, shortcodes, words, group });
        } else if line.is_empty() {
            group += 1;
        }
    }
    all
}

/// At most `most` emoji that are called so, the best first.
pub(crate) fn search(all: &[Emoji], text: &str, most: usize) -> Vec<Emoji> {
    let query = Query::new(text);
    let mut found = Ranking::of(most);
    for emoji in all {
        if let Some(rank) = rank(emoji, &query) {
            found.add(rank, *emoji);
        }
    }
    found.into_items().collect()
}

/// Where it was found and in what: in the name rather than in a shortcode, and a whole word that
/// only has to do with it is worth no more than the beginning of a name.
fn rank(emoji: &Emoji, query: &Query) -> Option<(Place, u8)> {
    let by_name = query.find(emoji.name).map(|place| (place, 0));
    let by_shortcode = best(emoji.shortcodes, query).map(|place| (place, 1));
    let by_word = best(emoji.words, query).map(|place| (place.max(Place::Start), 2));
    by_name.into_iter().chain(by_shortcode).chain(by_word).min()
}

fn best(words: &str, query: &Query) -> Option<Place> {
    // Most are not found at all, and that is known sooner from all words together.
    query.find(words)?;
    words.split(' ').filter_map(|word| query.find(word)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KOREAN: &str = include_str!("../../../public/emoji.ko.txt");
    const ENGLISH: &str = include_str!("../../../public/emoji.en.txt");

    #[track_caller]
    fn first(file: &'static str, text: &str) -> &'static str {
        search(&read(file), text, 1).first().map_or("", |emoji| emoji.picture)
    }

    #[test]
    fn an_emoji_is_found_by_its_name_in_the_readers_language_and_by_its_shortcode() {
        for (text, picture) in [
            ("폭죽", "🧨"),
            ("tada", "🎉"),
            ("+1", "👍"),
            ("강아지 얼", "🐶"),
            ("강아", "🐶"),
            ("heart", "❤️"),
        ] {
            assert_eq!(first(KOREAN, text), picture, "{text}");
        }
        for (text, picture) in
            [("tada", "🎉"), ("heart_eyes", "😍"), ("thumbs up", "👍"), ("fire", "🔥"), ("heart", "❤️")]
        {
            assert_eq!(first(ENGLISH, text), picture, "{text}");
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
    fn both_files_hold_the_same_emoji_and_the_server_takes_each_of_them() {
        let (korean, english) = (read(KOREAN), read(ENGLISH));
        assert!(korean.iter().map(|emoji| emoji.picture).eq(english.iter().map(|emoji| emoji.picture)));
        assert_eq!(korean.iter().map(|emoji| emoji.group).max(), Some(GROUPS - 1));
        for emoji in korean {
            assert!(common::message::Emoji::parse(emoji.picture).is_ok(), "{emoji:?}");
        }
    }
}
