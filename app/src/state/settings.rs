//! The settings of this device, each with a closed list of choices and the names that are stored.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    Theme,
    TextSize,
    Motion,
    EnterKey,
    Sound,
    Notifications,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// Follows the system.
    System,
    Light,
    Dark,
    Medium,
    Small,
    Large,
    Largest,
    /// Less motion.
    Reduced,
    /// Enter sends, except on touch devices, where it inserts a line break.
    Automatic,
    Send,
    NewLine,
    Off,
    On,
}

impl Setting {
    pub(crate) const ALL: [Setting; 6] = [
        Setting::Theme,
        Setting::TextSize,
        Setting::Motion,
        Setting::EnterKey,
        Setting::Sound,
        Setting::Notifications,
    ];

    /// The possible choices; the first is the default.
    pub(crate) fn choices(self) -> &'static [Choice] {
        match self {
            Setting::Theme => &[Choice::System, Choice::Light, Choice::Dark],
            Setting::TextSize => &[Choice::Medium, Choice::Small, Choice::Large, Choice::Largest],
            Setting::Motion => &[Choice::System, Choice::Reduced],
            Setting::EnterKey => &[Choice::Automatic, Choice::Send, Choice::NewLine],
            Setting::Sound | Setting::Notifications => &[Choice::Off, Choice::On],
        }
    }

    /// The name in the storage key and in the attribute.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Setting::Theme => "theme",
            Setting::TextSize => "text",
            Setting::Motion => "motion",
            Setting::EnterKey => "enter",
            Setting::Sound => "sound",
            Setting::Notifications => "notices",
        }
    }

    pub(crate) fn storage_key(self) -> String {
        format!("madang/{}", self.name())
    }

    /// The choice of which this is the stored name, or the default.
    pub(crate) fn parse(self, stored: Option<&str>) -> Choice {
        let chosen = self.choices().iter().find(|choice| stored == Some(choice.stored_name()));
        *chosen.unwrap_or(&self.choices()[0])
    }

    /// What to store for a choice; `None` for the default.
    pub(crate) fn to_stored(self, choice: Choice) -> Option<&'static str> {
        (choice != self.choices()[0]).then(|| choice.stored_name())
    }

    /// Whether the style sheets need it.
    pub(crate) fn is_html_attribute(self) -> bool {
        matches!(self, Setting::Theme | Setting::TextSize | Setting::Motion)
    }
}

impl Choice {
    /// The value in storage and in the attribute.
    fn stored_name(self) -> &'static str {
        match self {
            Choice::System => "system",
            Choice::Light => "light",
            Choice::Dark => "dark",
            Choice::Medium => "middle",
            Choice::Small => "small",
            Choice::Large => "large",
            Choice::Largest => "largest",
            Choice::Reduced => "less",
            Choice::Automatic => "usual",
            Choice::Send => "sends",
            Choice::NewLine => "breaks",
            Choice::Off => "off",
            Choice::On => "on",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_loaded_as_it_was_stored() {
        for setting in Setting::ALL {
            for choice in setting.choices() {
                assert_eq!(setting.parse(setting.to_stored(*choice)), *choice, "{setting:?}");
            }
            assert_eq!(setting.parse(Some("of a later version")), setting.choices()[0], "{setting:?}");
        }
    }

    #[test]
    fn no_setting_overwrites_another() {
        for (index, setting) in Setting::ALL.into_iter().enumerate() {
            let others = &Setting::ALL[index + 1..];
            assert!(others.iter().all(|other| other.storage_key() != setting.storage_key()), "{setting:?}");
        }
    }
}
