//! How much of a room somebody wants to hear of who is looking elsewhere.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Level {
    #[default]
    Everything,
    Mentions,
    Nothing,
}

impl Level {
    pub(crate) const ALL: [Level; 3] = [Level::Everything, Level::Mentions, Level::Nothing];

    /// As it is remembered.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Level::Everything => "everything",
            Level::Mentions => "mentions",
            Level::Nothing => "nothing",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Level> {
        Self::ALL.into_iter().find(|level| level.word() == word)
    }

    /// Whether a message is worth a notice.
    pub(crate) fn calls_for(self, mentions_me: bool) -> bool {
        match self {
            Level::Everything => true,
            Level::Mentions => mentions_me,
            Level::Nothing => false,
        }
    }

    /// How many of a room's unread messages are counted on the outside: title, icon, badge.
    pub(crate) fn counted(self, unread: u32, mentions: u32) -> u32 {
        match self {
            Level::Everything => unread,
            Level::Mentions => mentions,
            Level::Nothing => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_heard_of_as_much_as_one_wants() {
        let heard = |level: Level| (level.calls_for(false), level.calls_for(true), level.counted(3, 1));
        assert_eq!(heard(Level::Everything), (true, true, 3));
        assert_eq!(heard(Level::Mentions), (false, true, 1));
        assert_eq!(heard(Level::Nothing), (false, false, 0));
    }

    #[test]
    fn every_level_is_remembered() {
        for level in Level::ALL {
            assert_eq!(Level::from_word(level.word()), Some(level));
        }
        assert_eq!(Level::from_word("loudly"), None);
    }
}
