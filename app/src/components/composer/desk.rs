//! What goes on while one writes: each event of the textarea, and what is done about it.
//!
//! What a key means is decided by `state::composer_keys`, what can be completed by `state::completion`, what
//! a mark changes by `state::marks`. A key costs the reading of the text and nothing that draws the
//! page anew, unless what it shows has changed.

use std::time::Duration;

use common::{message::Body, refusal::Refusal, room::RoomName};
use leptos::{ev, prelude::*};
use web_sys::HtmlTextAreaElement;

use super::{bound, suggestions, writing};
use crate::{
    chat::{Chat, Composing, use_chat},
    device::{is_command, press},
    emoji::{Emojis, use_emojis},
    field::Field,
    handle::{find, provide},
    i18n::{Words, use_words},
    settings::{Settings, use_settings},
    state::{
        completion::{Choices, Kind, Word},
        composer_keys::{Act, Key, Keys, Situation, Verdict},
        marks::{self, Change},
    },
    storage,
    view::{Slot, listen, show_marked, watch},
};

/// What the composer shows beside the text. There is one composer at a time.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    pub(super) choices: Field<Choices>,
    /// How many characters are left, once that is worth saying.
    pub(super) left: Field<Option<isize>>,
    /// Why something was not done.
    pub(super) note: Field<&'static str>,
}

pub(crate) fn provide_composer() {
    let shown =
        Shown { choices: Field::new(Choices::default()), left: Field::new(None), note: Field::new("") };
    provide(shown);
}

#[derive(Clone, Copy)]
pub(super) struct Desk {
    pub(super) chat: Chat,
    settings: Settings,
    emojis: Emojis,
    pub(super) words: &'static Words,
    room: StoredValue<RoomName>,
    keys: StoredValue<Keys>,
    pub(super) textarea: Slot,
    pub(super) shown: Shown,
}

impl Desk {
    pub(super) fn new(room: RoomName) -> Desk {
        let shown: Shown = find();
        shown.choices.set(Choices::default());
        shown.note.set("");
        Desk {
            chat: use_chat(),
            settings: use_settings(),
            emojis: use_emojis(),
            words: use_words(),
            room: StoredValue::new(room),
            keys: StoredValue::new(Keys::default()),
            textarea: Slot::new(),
            shown,
        }
    }

    /// Brings back what was being written here.
    pub(super) fn open(self, textarea: &HtmlTextAreaElement) {
        writing::let_grow(textarea);
        self.chat.composing.set(self.room.with_value(bound::kept).composing);
        let composing = self.chat.composing.get_untracked();
        self.write(textarea, &untrack(|| self.text_of(composing)));
        self.follow_composing();
        // Windows share one draft, and the other one has said its own.
        listen(ev::storage, move |_| self.keep_draft_again());
        // A word may be older than the people and the emoji it could be.
        watch(move || {
            self.emojis.have_come();
            self.chat.visit.roster.with(|_| ());
            untrack(|| self.suggest_anew());
        });
    }

    /// Takes up the text that belongs to what is to be written now; an edit never touches the draft.
    fn follow_composing(self) {
        let mut before = self.chat.composing.get_untracked();
        let mut original = None;
        watch(move || {
            let now = self.chat.composing.get();
            let gone =
                |composing| matches!(composing, Composing::Edit(seq) if bound::is_gone(self.chat, seq));
            if gone(now) {
                // What is new in it goes on as a message of its own.
                untrack(|| self.keep_as_draft(original.as_deref()));
                return self.chat.composing.set(Composing::New);
            }
            if now == before {
                return;
            }
            let mut begun = None;
            if let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() {
                if matches!(now, Composing::Edit(_)) || matches!(before, Composing::Edit(_)) {
                    let text = untrack(|| self.text_of(now));
                    self.write(&textarea, &text);
                    // After a reload the message may not be known yet.
                    begun = matches!(now, Composing::Edit(_)).then_some(text);
                    original = begun.clone();
                    if untrack(|| gone(before)) {
                        self.shown.note.set(self.words.edited_deleted);
                    }
                }
                // Refused only when it is gone already.
                let _ = textarea.focus();
            }
            self.room.with_value(|room| bound::keep(room, now, begun.as_deref()));
            before = now;
        });
    }

    /// Puts what stands in the textarea behind the draft, unless it is what stood there at first.
    fn keep_as_draft(self, original: Option<&str>) {
        let written = self.textarea.get().map_or(String::new(), |text: HtmlTextAreaElement| text.value());
        if original == Some(&*written) {
            return;
        }
        self.room.with_value(|room| {
            let draft = storage::draft(room);
            let between = if draft.is_empty() { "" } else { "\n" };
            self.chat.keep_draft(room, &format!("{draft}{between}{written}"));
        });
    }

    /// What stands in the textarea at first.
    fn text_of(self, composing: Composing) -> String {
        let Composing::Edit(seq) = composing else { return self.room.with_value(storage::draft) };
        let kept = self.room.with_value(bound::kept);
        let begun = kept.text.filter(|_| kept.composing == composing);
        begun.or_else(|| Some(bound::said(self.chat, seq)?.1.to_string())).unwrap_or_default()
    }

    fn write(self, textarea: &HtmlTextAreaElement, text: &str) {
        textarea.set_value(text);
        writing::fit(textarea);
        self.measure(text);
        self.suggest("");
    }

    pub(super) fn enter_sends(self) -> bool {
        self.settings.enter_sends()
    }

    pub(super) fn send(self) {
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        let text = textarea.value();
        let edits = matches!(self.chat.composing.get_untracked(), Composing::Edit(_));
        match self.chat.send(&text) {
            // What was being written before comes back by itself.
            Ok(()) if edits => {}
            // The draft stays until the outbox is on the disk; `chat` takes it away then.
            Ok(()) => self.write(&textarea, ""),
            Err(Refusal::MessageEmpty) if !edits => {}
            Err(refusal) => self.shown.note.set((self.words.refusal)(refusal)),
        }
    }

    pub(super) fn changed(self) {
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        let text = textarea.value();
        let composing = self.chat.composing.get_untracked();
        self.room.with_value(|room| match composing {
            Composing::Edit(_) => bound::keep(room, composing, Some(&text)),
            Composing::New | Composing::Reply(_) => self.chat.keep_draft(room, &text),
        });
        self.chat.letter_written();
        if !text.is_empty() {
            self.chat.type_something();
        }
        writing::fit(&textarea);
        self.measure(&text);
        self.suggest_at_caret(&textarea, &text);
    }

    fn keep_draft_again(self) {
        let is_draft = !matches!(self.chat.composing.get_untracked(), Composing::Edit(_));
        if let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>().filter(|_| is_draft) {
            let text = textarea.value();
            self.room.with_value(|room| {
                if !text.is_empty() && storage::draft(room).is_empty() {
                    self.chat.keep_draft(room, &text);
                }
            });
        }
    }

    /// The caret may have gone somewhere else.
    pub(super) fn moved(self) {
        if self.shown.choices.with_untracked(|choices| !choices.is_empty()) {
            self.suggest_again();
        }
    }

    /// There are other people or emoji than when the list was made.
    fn suggest_anew(self) {
        let choices = self.shown.choices;
        let before = choices.get_untracked();
        if !before.is_empty() {
            choices.set(Choices::default());
        }
        self.suggest_again();
        choices.update(|choices| choices.mark_like(&before));
    }

    fn suggest_again(self) {
        if let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() {
            self.suggest_at_caret(&textarea, &textarea.value());
        }
    }

    pub(super) fn key_down(self, event: &ev::KeyboardEvent) {
        self.do_what_is_due();
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        if let Some(mark) = mark(event) {
            event.prevent_default();
            if !event.is_composing() {
                let text = textarea.value();
                let selected = writing::selected(&textarea, &text);
                writing::change(&textarea, &text, &marks::toggle(&text, selected, mark));
            }
            return;
        }
        let press = press(event);
        let situation = self.situation(press.key, &textarea);
        let verdict = self.keys.try_update_value(|keys| keys.key_down(press, situation));
        match verdict.unwrap_or(Verdict::Pass) {
            Verdict::Pass => {}
            Verdict::Swallow => event.prevent_default(),
            Verdict::Do(act) => {
                event.prevent_default();
                self.act(act);
            }
        }
    }

    fn situation(self, key: Key, textarea: &HtmlTextAreaElement) -> Situation {
        let in_code = || {
            let text = textarea.value();
            marks::ends_in_code(&text[..writing::selected(textarea, &text).start])
        };
        Situation {
            enter_sends: key == Key::Enter && untrack(|| self.enter_sends()) && !in_code(),
            choosing: self.shown.choices.with_untracked(|choices| !choices.is_empty()),
            bound: self.chat.composing.get_untracked() != Composing::New,
            empty: key == Key::Up && textarea.text_length() == 0,
        }
    }

    pub(super) fn before_input(self, event: &ev::InputEvent) {
        let breaks = matches!(event.input_type().as_str(), "insertLineBreak" | "insertParagraph");
        if breaks && self.keys.with_value(Keys::line_break) == Verdict::Swallow {
            event.prevent_default();
        }
    }

    pub(super) fn key_up(self, event: &ev::KeyboardEvent) {
        self.keys.update_value(|keys| keys.key_up(press(event).key));
        self.moved();
    }

    pub(super) fn composition_start(self) {
        self.do_what_is_due();
        self.keys.update_value(Keys::composition_start);
    }

    pub(super) fn composition_update(self, event: &ev::CompositionEvent) {
        let text = event.data().unwrap_or_default();
        self.keys.update_value(|keys| keys.composition_update(&text));
    }

    pub(super) fn composition_end(self) {
        if self.keys.try_update_value(Keys::composition_end) == Some(true) {
            // The browser puts the last syllable into the text after this event.
            set_timeout(move || self.do_what_is_due(), Duration::ZERO);
        }
    }

    /// On a slow device the next key comes before the timer, and would be sent with what was written
    /// before it.
    fn do_what_is_due(self) {
        if let Some(act) = self.keys.try_update_value(Keys::due).flatten() {
            self.act(act);
        }
    }

    pub(super) fn blur(self) {
        self.keys.update_value(Keys::blur);
        self.suggest("");
    }

    fn act(self, act: Act) {
        let choices = self.shown.choices;
        match act {
            Act::Send => self.send(),
            Act::Choose => self.choose(),
            Act::Next => {
                choices.update(Choices::next);
                show_marked(suggestions::ID);
            }
            Act::Previous => {
                choices.update(Choices::previous);
                show_marked(suggestions::ID);
            }
            Act::CloseList => choices.update(Choices::dismiss),
            Act::EditLast => self.edit_last(),
            Act::Unbind => self.chat.composing.set(Composing::New),
        }
    }

    /// Puts what is marked in the list in the place of the word.
    pub(super) fn choose(self) {
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        let chosen = self.shown.choices.with_untracked(|choices| choices.marked().cloned());
        let text = textarea.value();
        let caret = writing::selected(&textarea, &text).start;
        if let Some((choice, word)) = chosen.zip(Word::at_end(&text[..caret])) {
            let end = caret - word.len() + choice.text.len();
            let place = caret - word.len()..caret;
            writing::change(&textarea, &text, &Change { place, text: choice.text, selected: end..end });
        }
    }

    fn edit_last(self) {
        if let Some(seq) = untrack(|| bound::last_own(self.chat)) {
            self.chat.composing.set(Composing::Edit(seq));
        }
    }

    pub(super) fn refuse_files(self) {
        self.shown.note.set(self.words.no_files_yet);
    }

    fn measure(self, text: &str) {
        let left = Body::left(text);
        let is_over = left.is_some_and(|left| left < 0);
        let note = if is_over { (self.words.refusal)(Refusal::MessageTooLong) } else { "" };
        set_if_other(self.shown.left, left);
        set_if_other(self.shown.note, note);
    }

    fn suggest_at_caret(self, textarea: &HtmlTextAreaElement, text: &str) {
        let selected = writing::selected(textarea, text);
        let in_code = marks::ends_in_code(&text[..selected.start]);
        self.suggest(if selected.is_empty() && !in_code { &text[..selected.start] } else { "" });
    }

    fn suggest(self, before_caret: &str) {
        let Some(word) = Word::at_end(before_caret) else {
            return set_if_other(self.shown.choices, Choices::default());
        };
        if self.shown.choices.with_untracked(|choices| choices.is_dismissed() || choices.are_for(word)) {
            return;
        }
        let choices = match word.kind {
            Kind::Person => {
                let me = self.chat.me_untracked().map(|me| me.id);
                let roster = self.chat.visit.roster;
                roster.with_untracked(|roster| Choices::of_people(word.text, roster.people(), me))
            }
            Kind::Emoji => {
                self.emojis.load();
                Choices::of_emoji(word.text, &untrack(|| self.emojis.search(word.text, Choices::MOST)))
            }
        };
        set_if_other(self.shown.choices, choices);
    }
}

/// What is shown is drawn anew only when it is something else.
fn set_if_other<T: Send + PartialEq>(field: Field<T>, value: T) {
    if field.with_untracked(|shown| *shown != value) {
        field.set(value);
    }
}

/// The mark that a shortcut stands for. On a Korean keyboard ⌘B may be called ⌘ㅠ.
fn mark(event: &ev::KeyboardEvent) -> Option<char> {
    if !is_command(event) || event.alt_key() {
        return None;
    }
    let (name, place) = (event.key(), event.code());
    let letter = if name.len() == 1 { &name } else { place.strip_prefix("Key")? };
    match (letter.to_ascii_lowercase().as_str(), event.shift_key()) {
        ("b", false) => Some('*'),
        ("i", false) => Some('_'),
        ("x", true) => Some('~'),
        ("e", false) => Some('`'),
        _ => None,
    }
}
