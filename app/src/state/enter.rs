//! When Enter sends: once for one press, with the whole text, while Hangul is being composed too.
//!
//! Browsers tell the end of a composition and the Enter that ended it in four different orders.
//! For Hangul the press means "send" at once; for kana and pinyin it only confirms the candidate.
//! The composer feeds this machine with its events and does what the verdict says.

/// What the composer has to do about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let the browser do what it does.
    Pass,
    /// Prevent what the browser would do.
    Swallow,
    /// Prevent it and send the text.
    Send,
}

/// A key that went down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Press {
    pub(crate) enter: bool,
    pub(crate) hanja: bool,
    pub(crate) shift: bool,
    /// Ctrl or ⌘: Enter sends, whatever the device.
    pub(crate) command: bool,
    /// The browser says that this press belongs to a composition: `isComposing`.
    pub(crate) composing: bool,
    /// The input method has taken the press: `keyCode` 229.
    pub(crate) taken: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Enter {
    composing: bool,
    /// The latest composition is Hangul, and not about to become hanja.
    hangul: bool,
    hanja: bool,
    /// Enter was pressed inside a composition that is Hangul: send when it ends.
    pending: bool,
    /// This press of Enter has sent already; whatever else it brings is swallowed.
    spent: bool,
}

impl Enter {
    pub(crate) fn composition_start(&mut self) {
        *self = Enter { composing: true, ..Enter::default() };
    }

    pub(crate) fn composition_update(&mut self, text: &str) {
        self.hangul = text.chars().last().is_some_and(is_hangul);
    }

    /// True when the text is to be sent as soon as the browser has put the last syllable into it.
    pub(crate) fn composition_end(&mut self) -> bool {
        self.composing = false;
        let send = std::mem::take(&mut self.pending);
        self.spent |= send;
        send
    }

    /// `plain_sends`: whether Enter alone sends; it does not where the keyboard is on the screen.
    pub(crate) fn key_down(&mut self, press: Press, plain_sends: bool) -> Verdict {
        if press.hanja {
            self.hanja = true;
        }
        if !press.enter {
            self.spent = false;
            return Verdict::Pass;
        }
        if press.shift || !(plain_sends || press.command) {
            return Verdict::Pass;
        }
        if self.spent {
            return Verdict::Swallow;
        }
        let confirms = !self.hangul || self.hanja;
        if self.composing || press.composing {
            self.pending = !confirms;
            return Verdict::Pass;
        }
        // Safari tells the end of the composition first and then the Enter that ended it.
        if press.taken && confirms {
            return Verdict::Pass;
        }
        self.spent = press.taken;
        self.hangul = false;
        Verdict::Send
    }

    /// The browser is about to break the line.
    pub(crate) fn line_break(&self) -> Verdict {
        if self.pending || self.spent { Verdict::Swallow } else { Verdict::Pass }
    }

    pub(crate) fn key_up(&mut self) {
        self.spent = false;
    }

    pub(crate) fn blur(&mut self) {
        *self = Enter::default();
    }
}

fn is_hangul(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{11FF}' | '\u{3130}'..='\u{318F}' | '\u{AC00}'..='\u{D7A3}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Told {
        Start,
        Update(&'static str),
        End,
        Down(Press),
        Break,
        Up,
    }
    use Told::{Break, Down, End, Start, Up, Update};

    const ENTER: Press =
        Press { enter: true, hanja: false, shift: false, command: false, composing: false, taken: false };
    const INSIDE: Press = Press { composing: true, taken: true, ..ENTER };
    const TAKEN: Press = Press { taken: true, ..ENTER };
    const SHIFT: Press = Press { shift: true, ..ENTER };
    const COMMAND: Press = Press { command: true, ..ENTER };
    const HANJA: Press = Press { enter: false, hanja: true, ..ENTER };

    /// How often the text is sent and how often a line is broken.
    fn check(told: &[Told], plain_sends: bool) -> (u32, u32) {
        let mut enter = Enter::default();
        let (mut sent, mut broken) = (0, 0);
        for told in told {
            match told {
                Start => enter.composition_start(),
                Update(text) => enter.composition_update(text),
                End => sent += u32::from(enter.composition_end()),
                Down(press) => sent += u32::from(enter.key_down(*press, plain_sends) == Verdict::Send),
                Break => broken += u32::from(enter.line_break() == Verdict::Pass),
                Up => enter.key_up(),
            }
        }
        (sent, broken)
    }

    #[test]
    fn one_enter_sends_hangul_once_in_every_order_of_events() {
        let orders: [(&str, &[Told]); 4] = [
            ("Chrome and Firefox", &[Start, Update("안"), Down(INSIDE), End, Up]),
            ("Chrome on macOS", &[Start, Update("안"), Down(INSIDE), End, Down(ENTER), Up]),
            ("Safari", &[Start, Update("안"), End, Down(TAKEN), Break, Up]),
            ("Chrome with a line break", &[Start, Update("ㅎ"), Down(INSIDE), Break, End, Break, Up]),
        ];
        for (browser, order) in orders {
            assert_eq!(check(order, true), (1, 0), "{browser}");
            assert_eq!(check(&order.repeat(3), true), (3, 0), "{browser}, three messages");
        }
    }

    #[test]
    fn enter_only_confirms_kana_pinyin_and_hanja() {
        let orders: [(&str, &[Told]); 4] = [
            ("kana", &[Start, Update("にほん"), Down(INSIDE), End, Up]),
            ("kana in Safari", &[Start, Update("日本"), End, Down(TAKEN), Up]),
            ("pinyin", &[Start, Update("ni"), Down(INSIDE), End, Up]),
            ("hanja", &[Start, Update("한"), Down(HANJA), Down(INSIDE), End, Up]),
        ];
        for (what, order) in orders {
            assert_eq!(check(order, true), (0, 0), "{what}");
            assert_eq!(check(&[order, &[Down(ENTER), Up]].concat(), true), (1, 0), "{what}, then Enter");
        }
    }

    #[test]
    fn without_a_composition_enter_sends_and_shift_breaks() {
        assert_eq!(check(&[Down(ENTER), Up, Down(ENTER), Up], true), (2, 0));
        assert_eq!(check(&[Down(SHIFT), Break, Up], true), (0, 1));
    }

    #[test]
    fn on_a_touch_screen_enter_breaks_and_command_enter_sends() {
        assert_eq!(check(&[Down(ENTER), Break, Up], false), (0, 1));
        assert_eq!(check(&[Start, Update("안"), Down(INSIDE), End, Break, Up], false), (0, 1));
        assert_eq!(check(&[Down(COMMAND), Up], false), (1, 0));
    }

    #[test]
    fn a_composition_that_ends_by_itself_sends_nothing() {
        assert_eq!(check(&[Start, Update("안"), End, Start, Update("녕"), End], true), (0, 0));
    }

    #[test]
    fn a_lost_key_up_does_not_cost_the_next_message() {
        let mut enter = Enter::default();
        enter.composition_start();
        enter.composition_update("안");
        enter.key_down(INSIDE, true);
        assert!(enter.composition_end());
        enter.key_down(Press::default(), true);
        assert_eq!(enter.key_down(ENTER, true), Verdict::Send);
    }
}
