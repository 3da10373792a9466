//! The keyboard shortcuts that work everywhere on the page, and the list of all shortcuts.

/// What a shortcut does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShortcutAction {
    /// Opens the room switcher.
    OpenSwitcher,
    /// Opens the list of shortcuts.
    OpenHelp,
    /// Jumps to the unread divider.
    JumpToUnread,
    /// Opens the previous (-1) or next (1) room of the list, optionally only unread ones.
    SwitchRoom { step: i8, unread_only: bool },
}

/// A pressed key.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyPress<'a> {
    /// The character it types, or its name.
    pub(crate) key: &'a str,
    /// Its position on a Latin keyboard: in a Korean layout K types ㅏ.
    pub(crate) code: &'a str,
    /// Ctrl or ⌘.
    pub(crate) command: bool,
    pub(crate) alt: bool,
    pub(crate) shift: bool,
    /// Whether a text field has the focus, which uses plain keys itself.
    pub(crate) is_typing: bool,
}

impl KeyPress<'_> {
    pub(crate) fn action(self) -> Option<ShortcutAction> {
        let KeyPress { key, code, command, alt, shift, is_typing } = self;
        match (command, alt, shift) {
            (true, false, false) if code == "KeyK" => Some(ShortcutAction::OpenSwitcher),
            (true, false, false) if code == "Slash" => Some(ShortcutAction::OpenHelp),
            (false, false, _) if key == "?" && !is_typing => Some(ShortcutAction::OpenHelp),
            (false, false, true) if key == "PageUp" => Some(ShortcutAction::JumpToUnread),
            (false, true, _) if key == "ArrowUp" => {
                Some(ShortcutAction::SwitchRoom { step: -1, unread_only: shift })
            }
            (false, true, _) if key == "ArrowDown" => {
                Some(ShortcutAction::SwitchRoom { step: 1, unread_only: shift })
            }
            _ => None,
        }
    }
}

/// An entry of the list of shortcuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortcut {
    Send,
    NewLine,
    SendAlways,
    EditLast,
    Escape,
    Complete,
    Bold,
    Italic,
    Strike,
    Code,
    SelectMessage,
    Reply,
    FirstUnread,
    SwitchRoom,
    AdjacentRoom,
    AdjacentUnreadRoom,
    Help,
}

impl Shortcut {
    /// All shortcuts in the order of the list, with their keys; ⌘ is shown as Ctrl except on a Mac.
    pub(crate) const ALL: [(Shortcut, &str); 17] = [
        (Shortcut::Send, "Enter"),
        (Shortcut::NewLine, "Shift Enter"),
        (Shortcut::SendAlways, "⌘ Enter"),
        (Shortcut::EditLast, "↑"),
        (Shortcut::Escape, "Esc"),
        (Shortcut::Complete, "@ :"),
        (Shortcut::Bold, "⌘ B"),
        (Shortcut::Italic, "⌘ I"),
        (Shortcut::Strike, "⌘ Shift X"),
        (Shortcut::Code, "⌘ E"),
        (Shortcut::SelectMessage, "↑↓ Enter"),
        (Shortcut::Reply, "R"),
        (Shortcut::FirstUnread, "Shift PgUp"),
        (Shortcut::SwitchRoom, "⌘ K"),
        (Shortcut::AdjacentRoom, "Alt ↑↓"),
        (Shortcut::AdjacentUnreadRoom, "Alt Shift ↑↓"),
        (Shortcut::Help, "?"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortcuts_work_in_every_layout_and_plain_keys_not_while_typing() {
        let plain = KeyPress::default();
        let cases = [
            (KeyPress { key: "k", code: "KeyK", command: true, ..plain }, Some(ShortcutAction::OpenSwitcher)),
            (
                KeyPress { key: "ㅏ", code: "KeyK", command: true, is_typing: true, ..plain },
                Some(ShortcutAction::OpenSwitcher),
            ),
            (KeyPress { key: "K", code: "KeyK", command: true, shift: true, ..plain }, None),
            (KeyPress { key: "k", code: "KeyK", ..plain }, None),
            (KeyPress { key: "?", code: "Slash", shift: true, ..plain }, Some(ShortcutAction::OpenHelp)),
            (KeyPress { key: "?", code: "Slash", shift: true, is_typing: true, ..plain }, None),
            (
                KeyPress { key: "/", code: "Slash", command: true, is_typing: true, ..plain },
                Some(ShortcutAction::OpenHelp),
            ),
            (
                KeyPress { key: "ArrowUp", alt: true, is_typing: true, ..plain },
                Some(ShortcutAction::SwitchRoom { step: -1, unread_only: false }),
            ),
            (
                KeyPress { key: "ArrowDown", alt: true, shift: true, ..plain },
                Some(ShortcutAction::SwitchRoom { step: 1, unread_only: true }),
            ),
            (KeyPress { key: "ArrowUp", ..plain }, None),
            (
                KeyPress { key: "PageUp", shift: true, is_typing: true, ..plain },
                Some(ShortcutAction::JumpToUnread),
            ),
            (KeyPress { key: "PageUp", ..plain }, None),
        ];
        for (key, action) in cases {
            assert_eq!(key.action(), action, "{key:?}");
        }
    }
}
