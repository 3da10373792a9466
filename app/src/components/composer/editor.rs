//! Handles the events of the textarea.
//!
//! `state::ime_keys` decides what a key does, `state::completion` what can be completed, and
//! `state::format_commands` how formatting changes the text. A keystroke reads the text, and rerenders
//! only if something state beside it has changed.

use std::time::Duration;

use common::{message::Body, refusal::Refusal, room::RoomName};
use leptos::{ev, prelude::*};
use web_sys::HtmlTextAreaElement;

use super::{reply_or_edit, textarea};
use crate::{
    chat::{Chat, use_chat},
    context::{expect_context, provide_context},
    device::{has_command_key, key_press},
    emoji::{Emojis, use_emojis},
    field::Field,
    i18n::{Texts, use_texts},
    settings::{Settings, use_settings},
    state::{
        completion::{Kind, SuggestionList, Word},
        composer_mode::ComposerMode,
        format_commands::{self, TextEdit},
        ime_keys::{ComposerAction, Context, Decision, ImeKeys, Key},
    },
    storage,
    view::{ElementRef, effect, listen_on_window, scroll_selected_into_view},
};

/// The id of the list of suggestions.
pub(super) const SUGGESTIONS_ID: &str = "suggestions";

/// The signals rendered beside the text. There is one composer at a time.
#[derive(Clone, Copy)]
pub(crate) struct ComposerState {
    pub(super) suggestions: Field<SuggestionList>,
    /// How many characters are left, near the limit.
    pub(super) characters_left: Field<Option<isize>>,
    /// Why a message was not sent or a file refused.
    pub(super) note: Field<&'static str>,
}

pub(crate) fn provide_composer() {
    let state = ComposerState {
        suggestions: Field::new(SuggestionList::default()),
        characters_left: Field::new(None),
        note: Field::new(""),
    };
    provide_context(state);
}

#[derive(Clone, Copy)]
pub(super) struct Editor {
    pub(super) chat: Chat,
    settings: Settings,
    emojis: Emojis,
    pub(super) texts: &'static Texts,
    room: StoredValue<RoomName>,
    keys: StoredValue<ImeKeys>,
    pub(super) textarea: ElementRef,
    pub(super) state: ComposerState,
}

impl Editor {
    pub(super) fn new(room: RoomName) -> Editor {
        let state: ComposerState = expect_context();
        state.suggestions.set(SuggestionList::default());
        state.note.set("");
        Editor {
            chat: use_chat(),
            settings: use_settings(),
            emojis: use_emojis(),
            texts: use_texts(),
            room: StoredValue::new(room),
            keys: StoredValue::new(ImeKeys::default()),
            textarea: ElementRef::new(),
            state,
        }
    }

    /// Restores the stored mode and text of the room.
    pub(super) fn mount(self, textarea: &HtmlTextAreaElement) {
        textarea::enable_autosize(textarea);
        self.chat.composer_mode.set(self.room.with_value(reply_or_edit::load_mode).mode);
        let mode = self.chat.composer_mode.get_untracked();
        self.set_text(textarea, &untrack(|| self.initial_text(mode)));
        self.watch_composer_mode();
        // Tabs share one draft: another tab has removed it by sending its own.
        listen_on_window(ev::storage, move |_| self.restore_draft());
        // Members or emoji may be loaded after the word was typed.
        effect(move || {
            self.emojis.is_loaded();
            self.chat.current_room.roster.with(|_| ());
            untrack(|| self.rebuild_suggestions());
        });
    }

    /// Replaces the text when the mode changes; an edit never changes the draft.
    fn watch_composer_mode(self) {
        let mut before = self.chat.composer_mode.get_untracked();
        let mut original = None;
        effect(move || {
            let now = self.chat.composer_mode.get();
            let is_deleted =
                |mode| matches!(mode, ComposerMode::Edit(seq) if reply_or_edit::is_deleted(self.chat, seq));
            if is_deleted(now) {
                // The edited message was deleted: the changed text is kept in the draft.
                untrack(|| self.append_to_draft(original.as_deref()));
                return self.chat.composer_mode.set(ComposerMode::New);
            }
            if now == before {
                return;
            }
            let mut edit_text = None;
            if let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() {
                if matches!(now, ComposerMode::Edit(_)) || matches!(before, ComposerMode::Edit(_)) {
                    let text = untrack(|| self.initial_text(now));
                    self.set_text(&textarea, &text);
                    // After a reload the message may not be loaded yet.
                    edit_text = matches!(now, ComposerMode::Edit(_)).then_some(text);
                    original = edit_text.clone();
                    if untrack(|| is_deleted(before)) {
                        self.state.note.set(self.texts.edited_message_deleted);
                    }
                }
                // Fails only when the element has been removed.
                let _ = textarea.focus();
            }
            self.room.with_value(|room| reply_or_edit::save_mode(room, now, edit_text.as_deref()));
            before = now;
        });
    }

    /// Appends the text to the draft, unless it is unchanged.
    fn append_to_draft(self, original: Option<&str>) {
        let text =
            self.textarea.get().map_or(String::new(), |textarea: HtmlTextAreaElement| textarea.value());
        if original == Some(&*text) {
            return;
        }
        self.room.with_value(|room| {
            let draft = storage::load_draft(room);
            let separator = if draft.is_empty() { "" } else { "\n" };
            self.chat.save_draft(room, &format!("{draft}{separator}{text}"));
        });
    }

    /// Returns the stored text of a mode.
    fn initial_text(self, mode: ComposerMode) -> String {
        let ComposerMode::Edit(seq) = mode else { return self.room.with_value(storage::load_draft) };
        let stored = self.room.with_value(reply_or_edit::load_mode);
        let edit_text = stored.text.filter(|_| stored.mode == mode);
        edit_text
            .or_else(|| Some(reply_or_edit::find_message(self.chat, seq)?.1.to_string()))
            .unwrap_or_default()
    }

    fn set_text(self, textarea: &HtmlTextAreaElement, text: &str) {
        textarea.set_value(text);
        textarea::fit_height(textarea);
        self.update_length(text);
        self.suggest("");
    }

    pub(super) fn enter_sends(self) -> bool {
        self.settings.enter_sends()
    }

    pub(super) fn send(self) {
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        let text = textarea.value();
        let is_edit = matches!(self.chat.composer_mode.get_untracked(), ComposerMode::Edit(_));
        match self.chat.send(&text) {
            // The change of the mode restores the draft.
            Ok(()) if is_edit => {}
            // `chat` removes the draft when the outbox is on the disk.
            Ok(()) => self.set_text(&textarea, ""),
            Err(Refusal::MessageEmpty) if !is_edit => {}
            Err(refusal) => self.state.note.set((self.texts.refusal)(refusal)),
        }
    }

    pub(super) fn on_input(self) {
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        let text = textarea.value();
        let mode = self.chat.composer_mode.get_untracked();
        self.room.with_value(|room| match mode {
            ComposerMode::Edit(_) => reply_or_edit::save_mode(room, mode, Some(&text)),
            ComposerMode::New | ComposerMode::Reply(_) => self.chat.save_draft(room, &text),
        });
        self.chat.on_keystroke();
        if !text.is_empty() {
            self.chat.send_typing();
        }
        textarea::fit_height(&textarea);
        self.update_length(&text);
        self.suggest_at_caret(&textarea, &text);
    }

    fn restore_draft(self) {
        let is_draft = !matches!(self.chat.composer_mode.get_untracked(), ComposerMode::Edit(_));
        if let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>().filter(|_| is_draft) {
            let text = textarea.value();
            self.room.with_value(|room| {
                if !text.is_empty() && storage::load_draft(room).is_empty() {
                    self.chat.save_draft(room, &text);
                }
            });
        }
    }

    /// The caret may have moved.
    pub(super) fn on_caret_move(self) {
        if self.state.suggestions.with_untracked(|suggestions| !suggestions.is_empty()) {
            self.update_suggestions();
        }
    }

    /// Members or emoji have changed: rebuilds the list and keeps the selection.
    fn rebuild_suggestions(self) {
        let suggestions = self.state.suggestions;
        let before = suggestions.get_untracked();
        if !before.is_empty() {
            suggestions.set(SuggestionList::default());
        }
        self.update_suggestions();
        suggestions.update(|suggestions| suggestions.keep_selection(&before));
    }

    fn update_suggestions(self) {
        if let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() {
            self.suggest_at_caret(&textarea, &textarea.value());
        }
    }

    pub(super) fn key_down(self, event: &ev::KeyboardEvent) {
        self.run_due_action();
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        if let Some(mark) = format_mark(event) {
            event.prevent_default();
            if !event.is_composing() {
                let text = textarea.value();
                let selected = textarea::selection(&textarea, &text);
                textarea::apply_edit(&textarea, &text, &format_commands::toggle(&text, selected, mark));
            }
            return;
        }
        let press = key_press(event);
        let context = self.key_context(press.key, &textarea);
        let decision = self.keys.try_update_value(|keys| keys.key_down(press, context));
        match decision.unwrap_or(Decision::AllowDefault) {
            Decision::AllowDefault => {}
            Decision::PreventDefault => event.prevent_default(),
            Decision::Do(action) => {
                event.prevent_default();
                self.run_action(action);
            }
        }
    }

    fn key_context(self, key: Key, textarea: &HtmlTextAreaElement) -> Context {
        let in_code = || {
            let text = textarea.value();
            format_commands::is_inside_code_block(&text[..textarea::selection(textarea, &text).start])
        };
        Context {
            enter_sends: key == Key::Enter && untrack(|| self.enter_sends()) && !in_code(),
            list_open: self.state.suggestions.with_untracked(|suggestions| !suggestions.is_empty()),
            reply_or_edit: self.chat.composer_mode.get_untracked() != ComposerMode::New,
            is_empty: key == Key::Up && textarea.text_length() == 0,
        }
    }

    pub(super) fn before_input(self, event: &ev::InputEvent) {
        let breaks = matches!(event.input_type().as_str(), "insertLineBreak" | "insertParagraph");
        if breaks && self.keys.with_value(ImeKeys::on_line_break) == Decision::PreventDefault {
            event.prevent_default();
        }
    }

    pub(super) fn key_up(self, event: &ev::KeyboardEvent) {
        self.keys.update_value(|keys| keys.key_up(key_press(event).key));
        self.on_caret_move();
    }

    pub(super) fn composition_start(self) {
        self.run_due_action();
        self.keys.update_value(ImeKeys::composition_start);
    }

    pub(super) fn composition_update(self, event: &ev::CompositionEvent) {
        let text = event.data().unwrap_or_default();
        self.keys.update_value(|keys| keys.composition_update(&text));
    }

    pub(super) fn composition_end(self) {
        if self.keys.try_update_value(ImeKeys::composition_end) == Some(true) {
            // The browser inserts the last syllable after this event.
            set_timeout(move || self.run_due_action(), Duration::ZERO);
        }
    }

    /// Runs before each key as well: on a slow device the next key may precede the timer, and its character
    /// would be sent with the text before it.
    fn run_due_action(self) {
        if let Some(action) = self.keys.try_update_value(ImeKeys::take_deferred).flatten() {
            self.run_action(action);
        }
    }

    pub(super) fn blur(self) {
        self.keys.update_value(ImeKeys::blur);
        self.suggest("");
    }

    fn run_action(self, action: ComposerAction) {
        let suggestions = self.state.suggestions;
        match action {
            ComposerAction::Send => self.send(),
            ComposerAction::AcceptSuggestion => self.accept_suggestion(),
            ComposerAction::NextSuggestion => {
                suggestions.update(SuggestionList::next);
                scroll_selected_into_view(SUGGESTIONS_ID);
            }
            ComposerAction::PreviousSuggestion => {
                suggestions.update(SuggestionList::previous);
                scroll_selected_into_view(SUGGESTIONS_ID);
            }
            ComposerAction::CloseSuggestions => suggestions.update(SuggestionList::dismiss),
            ComposerAction::EditLastMessage => self.edit_last_message(),
            ComposerAction::CancelReplyOrEdit => self.chat.composer_mode.set(ComposerMode::New),
        }
    }

    /// Replaces the word with the selected suggestion.
    pub(super) fn accept_suggestion(self) {
        let Some(textarea) = self.textarea.get::<HtmlTextAreaElement>() else { return };
        let selected = self.state.suggestions.with_untracked(|suggestions| suggestions.selected().cloned());
        let text = textarea.value();
        let caret = textarea::selection(&textarea, &text).start;
        if let Some((suggestion, word)) = selected.zip(Word::at_end(&text[..caret])) {
            let end = caret - word.len() + suggestion.text.len();
            let range = caret - word.len()..caret;
            textarea::apply_edit(
                &textarea,
                &text,
                &TextEdit { range, replacement: suggestion.text, selection: end..end },
            );
        }
    }

    fn edit_last_message(self) {
        if let Some(seq) = untrack(|| reply_or_edit::last_own_message(self.chat)) {
            self.chat.composer_mode.set(ComposerMode::Edit(seq));
        }
    }

    pub(super) fn refuse_files(self) {
        self.state.note.set(self.texts.files_unsupported);
    }

    fn update_length(self, text: &str) {
        let left = Body::remaining(text);
        let is_too_long = left.is_some_and(|left| left < 0);
        let note = if is_too_long { (self.texts.refusal)(Refusal::MessageTooLong) } else { "" };
        set_if_changed(self.state.characters_left, left);
        set_if_changed(self.state.note, note);
    }

    fn suggest_at_caret(self, textarea: &HtmlTextAreaElement, text: &str) {
        let selected = textarea::selection(textarea, text);
        let in_code = format_commands::is_inside_code_block(&text[..selected.start]);
        self.suggest(if selected.is_empty() && !in_code { &text[..selected.start] } else { "" });
    }

    fn suggest(self, before_caret: &str) {
        let Some(word) = Word::at_end(before_caret) else {
            return set_if_changed(self.state.suggestions, SuggestionList::default());
        };
        if self
            .state
            .suggestions
            .with_untracked(|suggestions| suggestions.is_dismissed() || suggestions.is_open_for(word))
        {
            return;
        }
        let suggestions = match word.kind {
            Kind::Person => {
                let me = self.chat.me_untracked().map(|me| me.id);
                let roster = self.chat.current_room.roster;
                roster.with_untracked(|roster| SuggestionList::for_people(word.text, roster.people(), me))
            }
            Kind::Emoji => {
                self.emojis.load();
                SuggestionList::for_emoji(
                    word.text,
                    &untrack(|| self.emojis.search(word.text, SuggestionList::MAX)),
                )
            }
        };
        set_if_changed(self.state.suggestions, suggestions);
    }
}

/// Notifies readers only if the value changes.
fn set_if_changed<T: Send + PartialEq>(field: Field<T>, value: T) {
    if field.with_untracked(|current| *current != value) {
        field.set(value);
    }
}

/// The format mark of a shortcut. With a Korean layout, ⌘B may be reported as ⌘ㅠ.
fn format_mark(event: &ev::KeyboardEvent) -> Option<char> {
    if !has_command_key(event) || event.alt_key() {
        return None;
    }
    let (name, code) = (event.key(), event.code());
    let letter = if name.len() == 1 { &name } else { code.strip_prefix("Key")? };
    match (letter.to_ascii_lowercase().as_str(), event.shift_key()) {
        ("b", false) => Some('*'),
        ("i", false) => Some('_'),
        ("x", true) => Some('~'),
        ("e", false) => Some('`'),
        _ => None,
    }
}
