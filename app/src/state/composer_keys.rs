//! What a press of a key does in the composer, and in a field of one line: once, with the whole text,
//! while Hangul is being composed too.
//!
//! Browsers tell the end of a composition and the key that ended it in four different orders. For
//! Hangul the press means what it always means; for kana, pinyin and hanja it is the input method's:
//! it confirms a candidate or walks among them. The composer feeds this machine with its events and
//! does what the verdict says.

use common::korean::is_hangul;

/// The keys that may mean something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Key {
    Enter,
    Tab,
    Up,
    Down,
    Escape,
    Hanja,
    #[default]
    Other,
}

/// A key that went down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Press {
    pub(crate) key: Key,
    pub(crate) shift: bool,
    /// Ctrl or ⌘: Enter sends, whatever the device.
    pub(crate) command: bool,
    pub(crate) alt: bool,
    /// The browser says that this press belongs to a composition: `isComposing`.
    pub(crate) composing: bool,
    /// The input method has taken the press: `keyCode` 229.
    pub(crate) taken: bool,
    /// The key is still down from before.
    pub(crate) repeat: bool,
}

/// What the composer is about while a key goes down.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Situation {
    /// Enter alone sends: not where the keyboard is on the screen, nor inside code.
    pub(crate) enter_sends: bool,
    /// A list of names or emoji is open.
    pub(crate) choosing: bool,
    /// An edit or a reply can be given up.
    pub(crate) bound: bool,
    pub(crate) empty: bool,
}

/// What the composer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Send,
    /// Takes what is marked in the list.
    Choose,
    Next,
    Previous,
    CloseList,
    EditLast,
    /// Gives up the edit or the reply.
    Unbind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let the browser do what it does.
    Pass,
    /// Prevent what the browser would do.
    Swallow,
    /// Prevent it and do this.
    Do(Act),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Keys {
    composing: bool,
    /// The latest composition is Hangul, and not about to become hanja.
    hangul: bool,
    hanja: bool,
    course: Course,
    /// This is to be done as soon as the browser has put the last syllable into the text.
    due: Option<Act>,
}

/// What the press in hand has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Course {
    #[default]
    Open,
    /// This is done when the composition ends.
    Waits(Key, Act),
    /// It has had its effect; whatever else it brings is swallowed.
    Spent(Key),
}

impl Press {
    fn meaning(self, situation: Situation) -> Option<Act> {
        let plain = !(self.shift || self.command || self.alt);
        match self.key {
            Key::Enter | Key::Tab if plain && situation.choosing => Some(Act::Choose),
            Key::Enter if self.shift || self.alt => None,
            Key::Enter => (self.command || situation.enter_sends).then_some(Act::Send),
            Key::Up if plain && situation.choosing => Some(Act::Previous),
            Key::Down if plain && situation.choosing => Some(Act::Next),
            Key::Up if plain && situation.empty && !situation.bound => Some(Act::EditLast),
            Key::Escape if plain && situation.choosing => Some(Act::CloseList),
            Key::Escape if plain && situation.bound => Some(Act::Unbind),
            _ => None,
        }
    }
}

impl Keys {
    pub(crate) fn composition_start(&mut self) {
        *self = Keys { composing: true, due: self.due, ..Keys::default() };
    }

    pub(crate) fn composition_update(&mut self, text: &str) {
        self.hangul = text.chars().last().is_some_and(is_hangul);
    }

    /// Whether something is [due](Keys::due) now.
    pub(crate) fn composition_end(&mut self) -> bool {
        self.composing = false;
        let Course::Waits(key, act) = self.course else { return false };
        self.course = Course::Spent(key);
        self.due = Some(act);
        true
    }

    /// What is to be done now that the browser has put the last syllable into the text.
    pub(crate) fn due(&mut self) -> Option<Act> {
        self.due.take()
    }

    pub(crate) fn key_down(&mut self, press: Press, situation: Situation) -> Verdict {
        self.hanja |= press.key == Key::Hanja;
        if self.course == Course::Spent(press.key) {
            // Told once more, and as often as one likes while it is held.
            if !press.repeat {
                self.course = Course::Open;
            }
            return Verdict::Swallow;
        }
        self.course = Course::Open;
        let Some(act) = press.meaning(situation) else { return Verdict::Pass };
        // The Enter that led here may still be down, and what stands here is a draft.
        if press.repeat && act == Act::Send {
            return Verdict::Swallow;
        }
        let inside = self.composing || press.composing;
        // Safari tells the end of the composition first and then the Enter that ended it.
        if (inside || press.taken) && (!self.hangul || self.hanja) {
            self.course = Course::Spent(press.key);
            return Verdict::Pass;
        }
        if inside {
            return self.inside(press.key, act);
        }
        if press.taken {
            self.course = Course::Spent(press.key);
        }
        self.hangul = false;
        Verdict::Do(act)
    }

    /// A press while Hangul is being composed, which ends the composition.
    fn inside(&mut self, key: Key, act: Act) -> Verdict {
        self.course = match act {
            Act::Send | Act::Choose => Course::Waits(key, act),
            _ => Course::Spent(key),
        };
        match act {
            Act::Next | Act::Previous | Act::CloseList => Verdict::Do(act),
            // Or Tab would leave the composer.
            Act::Choose if key == Key::Tab => Verdict::Swallow,
            _ => Verdict::Pass,
        }
    }

    /// Whether the press in hand may be told once more, wherever the focus is by then.
    pub(crate) fn is_spent(&self) -> bool {
        matches!(self.course, Course::Spent(_))
    }

    /// The browser is about to break the line.
    pub(crate) fn line_break(&self) -> Verdict {
        if self.course == Course::Open { Verdict::Pass } else { Verdict::Swallow }
    }

    pub(crate) fn key_up(&mut self, key: Key) {
        if self.course == Course::Spent(key) {
            self.course = Course::Open;
        }
    }

    pub(crate) fn blur(&mut self) {
        *self = Keys { due: self.due, ..Keys::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Told {
        Start,
        Update(&'static str),
        End,
        Down(Press),
        Break,
        Up(Key),
    }
    use Told::{Break, Down, End, Start, Up, Update};

    const ENTER: Press = Press {
        key: Key::Enter,
        shift: false,
        command: false,
        alt: false,
        composing: false,
        taken: false,
        repeat: false,
    };
    const SHIFT: Press = Press { shift: true, ..ENTER };
    const COMMAND: Press = Press { command: true, ..ENTER };
    const TAB: Press = Press { key: Key::Tab, ..ENTER };

    const SENDS: Situation = Situation { enter_sends: true, choosing: false, bound: false, empty: false };
    /// On a touch screen, with the swapping setting, inside code.
    const BREAKS: Situation = Situation { enter_sends: false, ..SENDS };
    const CHOOSING: Situation = Situation { choosing: true, ..SENDS };
    const CHOOSING_BREAKS: Situation = Situation { choosing: true, ..BREAKS };
    const BOUND: Situation = Situation { bound: true, ..SENDS };

    /// What input methods compose; only the first is Hangul that is sent as it is.
    const HANGUL: [&str; 2] = ["안", "ㅎ"];
    const CONFIRMED: [&str; 3] = ["にほん", "日本", "ni"];

    /// A press that ends a composition, in the four orders in which browsers tell it: Chrome and
    /// Firefox, Chrome on macOS, Safari, and Chrome where a line break is told beside it.
    fn orders(text: &'static str, press: Press) -> [Vec<Told>; 4] {
        let inside = Down(Press { composing: true, taken: true, ..press });
        let taken = Down(Press { taken: true, ..press });
        let up = Up(press.key);
        [
            vec![Start, Update(text), inside, End, up],
            vec![Start, Update(text), inside, End, Down(press), up],
            vec![Start, Update(text), End, taken, Break, up],
            vec![Start, Update(text), inside, Break, End, Break, up],
        ]
    }

    /// What is done about it, and how many of the line breaks are left to the browser.
    fn outcome(told: &[Told], situation: Situation) -> (Vec<Act>, usize) {
        let mut keys = Keys::default();
        let (mut done, mut broken) = (Vec::new(), 0);
        for told in told {
            match told {
                Start => keys.composition_start(),
                Update(text) => keys.composition_update(text),
                End => {
                    keys.composition_end();
                    done.extend(keys.due());
                }
                Down(press) => {
                    if let Verdict::Do(act) = keys.key_down(*press, situation) {
                        done.push(act);
                    }
                }
                Break => broken += usize::from(keys.line_break() == Verdict::Pass),
                Up(key) => keys.key_up(*key),
            }
        }
        (done, broken)
    }

    fn breaks(told: &[Told]) -> usize {
        told.iter().filter(|told| matches!(told, Break)).count()
    }

    #[test]
    fn one_press_acts_once_on_hangul_in_every_order_of_events() {
        let presses = [
            (ENTER, SENDS, Act::Send),
            (COMMAND, SENDS, Act::Send),
            (COMMAND, BREAKS, Act::Send),
            (COMMAND, CHOOSING, Act::Send),
            (ENTER, CHOOSING, Act::Choose),
            (ENTER, CHOOSING_BREAKS, Act::Choose),
            (TAB, CHOOSING, Act::Choose),
        ];
        for (press, situation, act) in presses {
            for told in HANGUL.iter().flat_map(|text| orders(text, press)) {
                assert_eq!(outcome(&told, situation), (vec![act], 0), "{told:?} {situation:?}");
                assert_eq!(outcome(&told.repeat(3), situation), (vec![act; 3], 0), "three times {told:?}");
            }
        }
    }

    #[test]
    fn kana_and_pinyin_are_confirmed_and_the_next_press_acts() {
        let presses = [
            (ENTER, SENDS, Act::Send),
            (COMMAND, SENDS, Act::Send),
            (COMMAND, BREAKS, Act::Send),
            (ENTER, CHOOSING, Act::Choose),
            (TAB, CHOOSING, Act::Choose),
        ];
        for (press, situation, act) in presses {
            for told in CONFIRMED.iter().flat_map(|text| orders(text, press)) {
                assert_eq!(outcome(&told, situation), (vec![], 0), "{told:?} {situation:?}");
                let again = [&told[..], &[Down(press), Up(press.key)]].concat();
                assert_eq!(outcome(&again, situation), (vec![act], 0), "{again:?}");
            }
        }
    }

    #[test]
    fn hanja_is_confirmed_as_kana_is() {
        let hanja = Down(Press { key: Key::Hanja, ..ENTER });
        for told in orders("한", ENTER) {
            let told = [&told[..2], &[hanja], &told[2..]].concat();
            assert_eq!(outcome(&told, SENDS).0, [], "{told:?}");
        }
    }

    #[test]
    fn where_enter_breaks_the_line_the_browser_does_it_in_every_order() {
        for (press, situation) in [(ENTER, BREAKS), (SHIFT, BREAKS), (SHIFT, SENDS), (SHIFT, CHOOSING)] {
            for text in HANGUL.into_iter().chain(CONFIRMED) {
                for told in orders(text, press) {
                    assert_eq!(outcome(&told, situation), (vec![], breaks(&told)), "{told:?}");
                }
            }
            assert_eq!(outcome(&[Down(press), Break, Up(Key::Enter)], situation), (vec![], 1));
        }
    }

    #[test]
    fn arrows_move_in_the_list_once_for_hangul_and_are_left_to_kana() {
        for (key, act) in [(Key::Down, Act::Next), (Key::Up, Act::Previous), (Key::Escape, Act::CloseList)] {
            let press = Press { key, ..ENTER };
            for order in 0..3 {
                let told = &orders("지", press)[order];
                assert_eq!(outcome(told, CHOOSING).0, [act], "{told:?}");
                let told = &orders("ni", press)[order];
                assert_eq!(outcome(told, CHOOSING).0, [], "{told:?}");
            }
            assert_eq!(outcome(&[Down(press), Up(key)].repeat(2), CHOOSING).0, [act; 2]);
        }
    }

    #[test]
    fn without_a_composition_enter_sends() {
        assert_eq!(outcome(&[Down(ENTER), Up(Key::Enter), Down(ENTER)], SENDS).0, [Act::Send; 2]);
        assert_eq!(outcome(&[Down(ENTER), Down(ENTER)], SENDS).0, [Act::Send; 2], "a lost key up");
    }

    #[test]
    fn a_key_that_is_held_sends_nothing_more() {
        let held = Down(Press { repeat: true, ..ENTER });
        assert_eq!(outcome(&[held, held, Up(Key::Enter), Down(ENTER)], SENDS).0, [Act::Send]);
        assert_eq!(outcome(&[held, Break], BREAKS), (vec![], 1), "lines it breaks as in any text");
        for told in orders("안", ENTER) {
            let told = [&told[..told.len() - 1], &[held, held, Up(Key::Enter)]].concat();
            assert_eq!(outcome(&told, SENDS).0, [Act::Send], "{told:?}");
        }
    }

    #[test]
    fn arrow_up_edits_only_in_an_empty_composer_and_escape_leaves() {
        let up = Down(Press { key: Key::Up, ..ENTER });
        assert_eq!(outcome(&[up], Situation { empty: true, ..SENDS }).0, [Act::EditLast]);
        assert_eq!(outcome(&[up], SENDS).0, []);
        assert_eq!(outcome(&[up], Situation { empty: true, ..BOUND }).0, []);
        let escape = Press { key: Key::Escape, ..ENTER };
        assert_eq!(outcome(&[Down(escape)], BOUND).0, [Act::Unbind]);
        assert_eq!(outcome(&[Down(escape)], SENDS).0, []);
        assert_eq!(outcome(&orders("ㅎ", escape)[1], BOUND).0, [], "it only ends the composition");
    }

    #[test]
    fn keys_held_with_others_are_somebody_elses() {
        for key in [Key::Up, Key::Down, Key::Tab, Key::Escape] {
            let press = Press { key, alt: true, ..ENTER };
            assert_eq!(outcome(&[Down(press)], CHOOSING).0, []);
        }
    }

    #[test]
    fn a_composition_that_ends_by_itself_sends_nothing() {
        assert_eq!(outcome(&[Start, Update("안"), End, Start, Update("녕"), End], SENDS).0, []);
    }

    #[test]
    fn what_is_due_outlasts_whatever_comes_before_it_is_done() {
        let mut keys = Keys::default();
        keys.composition_start();
        keys.composition_update("안");
        keys.key_down(Press { composing: true, ..ENTER }, SENDS);
        assert!(keys.composition_end());
        keys.blur();
        keys.composition_start();
        assert_eq!((keys.due(), keys.due()), (Some(Act::Send), None));
    }

    #[test]
    fn a_lost_key_up_does_not_cost_the_next_message() {
        let told = [&orders("안", ENTER)[0][..4], &[Down(Press::default()), Down(ENTER)]].concat();
        assert_eq!(outcome(&told, SENDS).0, [Act::Send; 2]);
    }
}
