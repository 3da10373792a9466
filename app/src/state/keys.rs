//! What the keys mean that work everywhere on the page, whatever has the focus.

/// Something a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The quick switcher.
    Switch,
    /// The list of all shortcuts.
    Help,
    /// Where what is new begins.
    FirstUnread,
    /// The room before (-1) or after (1) this one in the list; only those with something unread?
    Move { by: i8, unread: bool },
}

/// A key that went down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Key<'a> {
    /// What it writes, or its name.
    pub(crate) key: &'a str,
    /// Its place on a keyboard with Latin letters: with a Korean layout K writes ㅏ.
    pub(crate) code: &'a str,
    /// Ctrl, or ⌘.
    pub(crate) command: bool,
    pub(crate) alt: bool,
    pub(crate) shift: bool,
    /// Something is being written, and plain keys are its own.
    pub(crate) writing: bool,
}

impl Key<'_> {
    pub(crate) fn order(self) -> Option<Order> {
        let Key { key, code, command, alt, shift, writing } = self;
        match (command, alt, shift) {
            (true, false, false) if code == "KeyK" => Some(Order::Switch),
            (true, false, false) if code == "Slash" => Some(Order::Help),
            (false, false, _) if key == "?" && !writing => Some(Order::Help),
            (false, false, true) if key == "PageUp" => Some(Order::FirstUnread),
            (false, true, _) if key == "ArrowUp" => Some(Order::Move { by: -1, unread: shift }),
            (false, true, _) if key == "ArrowDown" => Some(Order::Move { by: 1, unread: shift }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_means_the_same_in_every_layout_and_plain_keys_nothing_while_one_writes() {
        let plain = Key::default();
        let cases = [
            (Key { key: "k", code: "KeyK", command: true, ..plain }, Some(Order::Switch)),
            (Key { key: "ㅏ", code: "KeyK", command: true, writing: true, ..plain }, Some(Order::Switch)),
            (Key { key: "K", code: "KeyK", command: true, shift: true, ..plain }, None),
            (Key { key: "k", code: "KeyK", ..plain }, None),
            (Key { key: "?", code: "Slash", shift: true, ..plain }, Some(Order::Help)),
            (Key { key: "?", code: "Slash", shift: true, writing: true, ..plain }, None),
            (Key { key: "/", code: "Slash", command: true, writing: true, ..plain }, Some(Order::Help)),
            (
                Key { key: "ArrowUp", alt: true, writing: true, ..plain },
                Some(Order::Move { by: -1, unread: false }),
            ),
            (
                Key { key: "ArrowDown", alt: true, shift: true, ..plain },
                Some(Order::Move { by: 1, unread: true }),
            ),
            (Key { key: "ArrowUp", ..plain }, None),
            (Key { key: "PageUp", shift: true, writing: true, ..plain }, Some(Order::FirstUnread)),
            (Key { key: "PageUp", ..plain }, None),
        ];
        for (key, order) in cases {
            assert_eq!(key.order(), order, "{key:?}");
        }
    }
}
