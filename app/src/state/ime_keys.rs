//! What a key press does in the composer and in single-line inputs, exactly once and with the whole
//! text, also while Hangul is being composed.
//!
//! Browsers report the end of a composition and the key that ended it in four different orders. For
//! Hangul the key keeps its usual meaning; for kana, pinyin and hanja it belongs to the input
//! method, which confirms or selects a candidate. The composer feeds its events to this state
//! machine and follows the decisions.

use common::unicode::is_hangul;

/// The keys that may have a meaning.
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

/// A `keydown` event.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct KeyPress {
    pub(crate) key: Key,
    pub(crate) shift: bool,
    /// Ctrl or ⌘: Enter sends on every device.
    pub(crate) command: bool,
    pub(crate) alt: bool,
    /// `isComposing`: the browser counts the press to a composition.
    pub(crate) composing: bool,
    /// `keyCode` 229: the input method has handled the press.
    pub(crate) by_ime: bool,
    /// The key is held down.
    pub(crate) repeat: bool,
}

/// The state of the composer at the key press.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// Whether Enter alone sends; false for an on-screen keyboard and inside code.
    pub(crate) enter_sends: bool,
    /// Whether the list of suggestions is open.
    pub(crate) list_open: bool,
    /// Whether a reply or an edit can be cancelled.
    pub(crate) reply_or_edit: bool,
    pub(crate) is_empty: bool,
}

/// An action of the composer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComposerAction {
    Send,
    /// Takes the selected suggestion.
    AcceptSuggestion,
    NextSuggestion,
    PreviousSuggestion,
    CloseSuggestions,
    EditLastMessage,
    /// Cancels the reply or the edit.
    CancelReplyOrEdit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Let the browser handle the event.
    AllowDefault,
    /// Prevent the browser's default.
    PreventDefault,
    /// Prevent the default and do this.
    Do(ComposerAction),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ImeKeys {
    composing: bool,
    /// Whether the latest composition is Hangul.
    is_hangul: bool,
    is_hanja: bool,
    state: State,
    /// The action to do once the browser has put the last syllable into the text.
    deferred: Option<ComposerAction>,
}

/// The state of the current key press.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    /// The action is done when the composition ends.
    AfterComposition(Key, ComposerAction),
    /// The press has been handled; further events of it are prevented.
    Handled(Key),
}

impl KeyPress {
    fn meaning(self, context: Context) -> Option<ComposerAction> {
        let plain = !(self.shift || self.command || self.alt);
        match self.key {
            Key::Enter | Key::Tab if plain && context.list_open => Some(ComposerAction::AcceptSuggestion),
            Key::Enter if self.shift || self.alt => None,
            Key::Enter => (self.command || context.enter_sends).then_some(ComposerAction::Send),
            Key::Up if plain && context.list_open => Some(ComposerAction::PreviousSuggestion),
            Key::Down if plain && context.list_open => Some(ComposerAction::NextSuggestion),
            Key::Up if plain && context.is_empty && !context.reply_or_edit => {
                Some(ComposerAction::EditLastMessage)
            }
            Key::Escape if plain && context.list_open => Some(ComposerAction::CloseSuggestions),
            Key::Escape if plain && context.reply_or_edit => Some(ComposerAction::CancelReplyOrEdit),
            _ => None,
        }
    }
}

impl ImeKeys {
    pub(crate) fn composition_start(&mut self) {
        *self = ImeKeys { composing: true, deferred: self.deferred, ..ImeKeys::default() };
    }

    pub(crate) fn composition_update(&mut self, text: &str) {
        self.is_hangul = text.chars().last().is_some_and(is_hangul);
    }

    /// Returns whether an action is [deferred](ImeKeys::take_deferred) now.
    pub(crate) fn composition_end(&mut self) -> bool {
        self.composing = false;
        let State::AfterComposition(key, action) = self.state else { return false };
        self.state = State::Handled(key);
        self.deferred = Some(action);
        true
    }

    /// Returns the deferred action, once the browser has put the last syllable into the text.
    pub(crate) fn take_deferred(&mut self) -> Option<ComposerAction> {
        self.deferred.take()
    }

    pub(crate) fn key_down(&mut self, press: KeyPress, context: Context) -> Decision {
        self.is_hanja |= press.key == Key::Hanja;
        if self.state == State::Handled(press.key) {
            // The same press again, or any number of repeats while the key is held.
            if !press.repeat {
                self.state = State::Idle;
            }
            return Decision::PreventDefault;
        }
        self.state = State::Idle;
        let Some(action) = press.meaning(context) else { return Decision::AllowDefault };
        // The Enter that opened this page may still be down, and the composer holds a draft.
        if press.repeat && action == ComposerAction::Send {
            return Decision::PreventDefault;
        }
        let inside = self.composing || press.composing;
        // Safari reports the end of the composition first and then the Enter that ended it.
        if (inside || press.by_ime) && (!self.is_hangul || self.is_hanja) {
            self.state = State::Handled(press.key);
            return Decision::AllowDefault;
        }
        if inside {
            return self.during_composition(press.key, action);
        }
        if press.by_ime {
            self.state = State::Handled(press.key);
        }
        self.is_hangul = false;
        Decision::Do(action)
    }

    /// Handles a press that ends a Hangul composition.
    fn during_composition(&mut self, key: Key, action: ComposerAction) -> Decision {
        self.state = match action {
            ComposerAction::Send | ComposerAction::AcceptSuggestion => State::AfterComposition(key, action),
            _ => State::Handled(key),
        };
        match action {
            ComposerAction::NextSuggestion
            | ComposerAction::PreviousSuggestion
            | ComposerAction::CloseSuggestions => Decision::Do(action),
            // Otherwise Tab would leave the composer.
            ComposerAction::AcceptSuggestion if key == Key::Tab => Decision::PreventDefault,
            _ => Decision::AllowDefault,
        }
    }

    /// Whether the handled press may be reported again, wherever the focus is by then.
    pub(crate) fn has_handled_press(&self) -> bool {
        matches!(self.state, State::Handled(_))
    }

    /// Decides about a line break that the browser is about to insert.
    pub(crate) fn on_line_break(&self) -> Decision {
        if self.state == State::Idle { Decision::AllowDefault } else { Decision::PreventDefault }
    }

    pub(crate) fn key_up(&mut self, key: Key) {
        if self.state == State::Handled(key) {
            self.state = State::Idle;
        }
    }

    pub(crate) fn blur(&mut self) {
        *self = ImeKeys { deferred: self.deferred, ..ImeKeys::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum InputEvent {
        Start,
        Update(&'static str),
        End,
        Down(KeyPress),
        Break,
        Up(Key),
    }
    use InputEvent::{Break, Down, End, Start, Up, Update};

    const ENTER: KeyPress = KeyPress {
        key: Key::Enter,
        shift: false,
        command: false,
        alt: false,
        composing: false,
        by_ime: false,
        repeat: false,
    };
    const SHIFT: KeyPress = KeyPress { shift: true, ..ENTER };
    const COMMAND: KeyPress = KeyPress { command: true, ..ENTER };
    const TAB: KeyPress = KeyPress { key: Key::Tab, ..ENTER };

    const SENDS: Context =
        Context { enter_sends: true, list_open: false, reply_or_edit: false, is_empty: false };
    /// On a touch screen, with the setting that swaps Enter, or inside code.
    const BREAKS: Context = Context { enter_sends: false, ..SENDS };
    const CHOOSING: Context = Context { list_open: true, ..SENDS };
    const CHOOSING_BREAKS: Context = Context { list_open: true, ..BREAKS };
    const BOUND: Context = Context { reply_or_edit: true, ..SENDS };

    /// What input methods compose; only the first list is Hangul, which is sent as it is.
    const HANGUL: [&str; 2] = ["안", "ㅎ"];
    const CONFIRMED: [&str; 3] = ["にほん", "日本", "ni"];

    /// A press that ends a composition, in the four orders browsers report it: Chrome and Firefox,
    /// Chrome on macOS, Safari, and Chrome with an additional line break event.
    fn orders(text: &'static str, press: KeyPress) -> [Vec<InputEvent>; 4] {
        let inside = Down(KeyPress { composing: true, by_ime: true, ..press });
        let by_ime = Down(KeyPress { by_ime: true, ..press });
        let up = Up(press.key);
        [
            vec![Start, Update(text), inside, End, up],
            vec![Start, Update(text), inside, End, Down(press), up],
            vec![Start, Update(text), End, by_ime, Break, up],
            vec![Start, Update(text), inside, Break, End, Break, up],
        ]
    }

    /// The actions done, and the number of line breaks left to the browser.
    fn outcome(events: &[InputEvent], context: Context) -> (Vec<ComposerAction>, usize) {
        let mut keys = ImeKeys::default();
        let (mut actions, mut broken) = (Vec::new(), 0);
        for events in events {
            match events {
                Start => keys.composition_start(),
                Update(text) => keys.composition_update(text),
                End => {
                    keys.composition_end();
                    actions.extend(keys.take_deferred());
                }
                Down(press) => {
                    if let Decision::Do(action) = keys.key_down(*press, context) {
                        actions.push(action);
                    }
                }
                Break => broken += usize::from(keys.on_line_break() == Decision::AllowDefault),
                Up(key) => keys.key_up(*key),
            }
        }
        (actions, broken)
    }

    fn breaks(events: &[InputEvent]) -> usize {
        events.iter().filter(|events| matches!(events, Break)).count()
    }

    #[test]
    fn one_press_acts_once_on_hangul_in_every_order_of_events() {
        let presses = [
            (ENTER, SENDS, ComposerAction::Send),
            (COMMAND, SENDS, ComposerAction::Send),
            (COMMAND, BREAKS, ComposerAction::Send),
            (COMMAND, CHOOSING, ComposerAction::Send),
            (ENTER, CHOOSING, ComposerAction::AcceptSuggestion),
            (ENTER, CHOOSING_BREAKS, ComposerAction::AcceptSuggestion),
            (TAB, CHOOSING, ComposerAction::AcceptSuggestion),
        ];
        for (press, context, action) in presses {
            for events in HANGUL.iter().flat_map(|text| orders(text, press)) {
                assert_eq!(outcome(&events, context), (vec![action], 0), "{events:?} {context:?}");
                assert_eq!(
                    outcome(&events.repeat(3), context),
                    (vec![action; 3], 0),
                    "three times {events:?}"
                );
            }
        }
    }

    #[test]
    fn kana_and_pinyin_are_confirmed_and_the_next_press_acts() {
        let presses = [
            (ENTER, SENDS, ComposerAction::Send),
            (COMMAND, SENDS, ComposerAction::Send),
            (COMMAND, BREAKS, ComposerAction::Send),
            (ENTER, CHOOSING, ComposerAction::AcceptSuggestion),
            (TAB, CHOOSING, ComposerAction::AcceptSuggestion),
        ];
        for (press, context, action) in presses {
            for events in CONFIRMED.iter().flat_map(|text| orders(text, press)) {
                assert_eq!(outcome(&events, context), (vec![], 0), "{events:?} {context:?}");
                let again = [&events[..], &[Down(press), Up(press.key)]].concat();
                assert_eq!(outcome(&again, context), (vec![action], 0), "{again:?}");
            }
        }
    }

    #[test]
    fn hanja_is_confirmed_as_kana_is() {
        let is_hanja = Down(KeyPress { key: Key::Hanja, ..ENTER });
        for events in orders("한", ENTER) {
            let events = [&events[..2], &[is_hanja], &events[2..]].concat();
            assert_eq!(outcome(&events, SENDS).0, [], "{events:?}");
        }
    }

    #[test]
    fn where_enter_breaks_the_line_the_browser_does_it_in_every_order() {
        for (press, context) in [(ENTER, BREAKS), (SHIFT, BREAKS), (SHIFT, SENDS), (SHIFT, CHOOSING)] {
            for text in HANGUL.into_iter().chain(CONFIRMED) {
                for events in orders(text, press) {
                    assert_eq!(outcome(&events, context), (vec![], breaks(&events)), "{events:?}");
                }
            }
            assert_eq!(outcome(&[Down(press), Break, Up(Key::Enter)], context), (vec![], 1));
        }
    }

    #[test]
    fn arrows_move_the_selection_once_for_hangul_and_are_left_to_kana() {
        for (key, action) in [
            (Key::Down, ComposerAction::NextSuggestion),
            (Key::Up, ComposerAction::PreviousSuggestion),
            (Key::Escape, ComposerAction::CloseSuggestions),
        ] {
            let press = KeyPress { key, ..ENTER };
            for order in 0..3 {
                let events = &orders("지", press)[order];
                assert_eq!(outcome(events, CHOOSING).0, [action], "{events:?}");
                let events = &orders("ni", press)[order];
                assert_eq!(outcome(events, CHOOSING).0, [], "{events:?}");
            }
            assert_eq!(outcome(&[Down(press), Up(key)].repeat(2), CHOOSING).0, [action; 2]);
        }
    }

    #[test]
    fn without_a_composition_enter_sends() {
        assert_eq!(outcome(&[Down(ENTER), Up(Key::Enter), Down(ENTER)], SENDS).0, [ComposerAction::Send; 2]);
        assert_eq!(outcome(&[Down(ENTER), Down(ENTER)], SENDS).0, [ComposerAction::Send; 2], "a lost key up");
    }

    #[test]
    fn a_repeated_key_sends_nothing_more() {
        let repeated = Down(KeyPress { repeat: true, ..ENTER });
        assert_eq!(
            outcome(&[repeated, repeated, Up(Key::Enter), Down(ENTER)], SENDS).0,
            [ComposerAction::Send]
        );
        assert_eq!(outcome(&[repeated, Break], BREAKS), (vec![], 1), "it inserts lines as in any text");
        for events in orders("안", ENTER) {
            let events = [&events[..events.len() - 1], &[repeated, repeated, Up(Key::Enter)]].concat();
            assert_eq!(outcome(&events, SENDS).0, [ComposerAction::Send], "{events:?}");
        }
    }

    #[test]
    fn arrow_up_edits_only_in_an_empty_composer_and_escape_leaves() {
        let up = Down(KeyPress { key: Key::Up, ..ENTER });
        assert_eq!(outcome(&[up], Context { is_empty: true, ..SENDS }).0, [ComposerAction::EditLastMessage]);
        assert_eq!(outcome(&[up], SENDS).0, []);
        assert_eq!(outcome(&[up], Context { is_empty: true, ..BOUND }).0, []);
        let escape = KeyPress { key: Key::Escape, ..ENTER };
        assert_eq!(outcome(&[Down(escape)], BOUND).0, [ComposerAction::CancelReplyOrEdit]);
        assert_eq!(outcome(&[Down(escape)], SENDS).0, []);
        assert_eq!(outcome(&orders("ㅎ", escape)[1], BOUND).0, [], "it only ends the composition");
    }

    #[test]
    fn keys_with_other_modifiers_are_left_alone() {
        for key in [Key::Up, Key::Down, Key::Tab, Key::Escape] {
            let press = KeyPress { key, alt: true, ..ENTER };
            assert_eq!(outcome(&[Down(press)], CHOOSING).0, []);
        }
    }

    #[test]
    fn a_composition_that_ends_by_itself_sends_nothing() {
        assert_eq!(outcome(&[Start, Update("안"), End, Start, Update("녕"), End], SENDS).0, []);
    }

    #[test]
    fn a_deferred_action_survives_a_blur() {
        let mut keys = ImeKeys::default();
        keys.composition_start();
        keys.composition_update("안");
        keys.key_down(KeyPress { composing: true, ..ENTER }, SENDS);
        assert!(keys.composition_end());
        keys.blur();
        keys.composition_start();
        assert_eq!((keys.take_deferred(), keys.take_deferred()), (Some(ComposerAction::Send), None));
    }

    #[test]
    fn a_lost_key_up_does_not_cost_the_next_message() {
        let events = [&orders("안", ENTER)[0][..4], &[Down(KeyPress::default()), Down(ENTER)]].concat();
        assert_eq!(outcome(&events, SENDS).0, [ComposerAction::Send; 2]);
    }
}
