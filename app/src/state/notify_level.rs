//! How much of a room causes notifications.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum NotifyLevel {
    #[default]
    Everything,
    Mentions,
    Nothing,
}

impl NotifyLevel {
    pub(crate) const ALL: [NotifyLevel; 3] =
        [NotifyLevel::Everything, NotifyLevel::Mentions, NotifyLevel::Nothing];

    /// The stored form.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            NotifyLevel::Everything => "everything",
            NotifyLevel::Mentions => "mentions",
            NotifyLevel::Nothing => "nothing",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<NotifyLevel> {
        Self::ALL.into_iter().find(|level| level.as_str() == text)
    }

    /// Whether a message causes a notification.
    pub(crate) fn notifies(self, mentions_me: bool) -> bool {
        match self {
            NotifyLevel::Everything => true,
            NotifyLevel::Mentions => mentions_me,
            NotifyLevel::Nothing => false,
        }
    }

    /// How many unread messages count in the title, the icon and the badge.
    pub(crate) fn badge_count(self, unread: u32, mentions: u32) -> u32 {
        match self {
            NotifyLevel::Everything => unread,
            NotifyLevel::Mentions => mentions,
            NotifyLevel::Nothing => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_decides_about_notifications_and_the_badge() {
        let outcome =
            |level: NotifyLevel| (level.notifies(false), level.notifies(true), level.badge_count(3, 1));
        assert_eq!(outcome(NotifyLevel::Everything), (true, true, 3));
        assert_eq!(outcome(NotifyLevel::Mentions), (false, true, 1));
        assert_eq!(outcome(NotifyLevel::Nothing), (false, false, 0));
    }

    #[test]
    fn every_level_can_be_stored() {
        for level in NotifyLevel::ALL {
            assert_eq!(NotifyLevel::parse(level.as_str()), Some(level));
        }
        assert_eq!(NotifyLevel::parse("loudly"), None);
    }
}
