//! The actions on a message, by mouse, touch and keyboard.
//!
//! A single toolbar is moved into the row that is hovered or focused; a long press opens the same
//! actions as a sheet. Buttons in rows carry a `data-action`; one listener on `window` handles them all,
//! however many rows there are.

use std::{cell::Cell, rc::Rc, time::Duration};

use common::{
    markup,
    message::{Emoji, Seq},
};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, KeyboardEvent, PointerEvent};

use super::{
    composer,
    dialog::{DialogKind, Dialogs, use_dialogs},
    icon::Icon,
    scroll::Scroll,
    share::copy_text,
};
use crate::{
    chat::{Chat, RenderedRow, use_chat},
    device::has_command_key,
    emoji,
    i18n::{Texts, use_texts},
    route::Route,
    state::{composer_mode::ComposerMode, truncate, view_model::MessageRow},
    task::spawn,
    time_format,
    view::{ElementRef, collect_views, listen_on_window_untyped},
};

/// How long a touch must last to open the sheet.
const LONG_PRESS: Duration = Duration::from_millis(450);

/// How far the finger may move during a long press, in pixels.
const TOUCH_SLOP: i32 = 10;

/// How long a toast is shown.
const TOAST_DURATION: Duration = Duration::from_secs(2);

/// The actions of the toolbar and the sheet: the values of `data-action`, also the names of their icons.
const ACTIONS: [&str; 6] = ["react", "reply", "edit", "copy", "share", "delete"];

const EVENTS: [&str; 10] = [
    "click",
    "mousedown",
    "mouseover",
    "focusin",
    "keydown",
    "pointerdown",
    "pointermove",
    "pointerup",
    "pointercancel",
    "touchend",
];

#[derive(Clone)]
struct Menu {
    chat: Chat,
    scroll: Scroll,
    dialogs: Dialogs,
    texts: &'static Texts,
    toolbar: ElementRef,
    /// The text of the toast; empty if none is shown.
    toast: RwSignal<String>,
    touch: Rc<Touch>,
}

/// The touch in progress.
#[derive(Default)]
struct Touch {
    /// Incremented when a touch starts or ends, so that the timer of an ended one does nothing.
    id: Cell<u32>,
    start: Cell<(i32, i32)>,
    /// Set by a long press: the `touchend` must not become a click on the sheet.
    was_long: Cell<bool>,
}

/// The toolbar, hidden until it is moved into a row, the toast, and the listeners.
#[component]
pub(crate) fn MessageMenu(scroll: Scroll) -> impl IntoView {
    let texts = use_texts();
    let menu = Menu {
        chat: use_chat(),
        scroll,
        dialogs: use_dialogs(),
        texts,
        toolbar: ElementRef::new(),
        toast: RwSignal::new(String::new()),
        touch: Rc::default(),
    };
    let (toolbar, toast) = (menu.toolbar, menu.toast);
    for name in EVENTS {
        let menu = menu.clone();
        listen_on_window_untyped(name, move |event| menu.on_event(&event));
    }
    view! {
        <div class="toolbar-holder">
            <div class="message-toolbar" role="toolbar" aria-label=texts.message_actions node_ref=toolbar>
                {collect_views(ACTIONS.map(|action| toolbar_button(action, texts)))}
            </div>
        </div>
        <p class="toast" role="status">{move || toast.get()}</p>
    }
}

/// The sheet for touch devices: recently used emoji, and the actions with labels.
#[component]
pub(crate) fn MessageSheet(seq: Seq) -> impl IntoView {
    let texts = use_texts();
    let chat = use_chat();
    let is_own = find_row(chat, seq).is_some_and(|row| row.is_own);
    let quick_reactions = emoji::recent().into_iter().take(6).map(|emoji| {
        let name = emoji.clone();
        view! { <button class="quick-reaction" data-action="toggle" data-emoji=name>{emoji}</button> }
    });
    view! {
        <div class="message-sheet" data-seq=seq.0.to_string() data-own=is_own.then_some("") data-room-owner=untrack(|| chat.owns_room()).then_some("")>
            <div class="quick-reactions">{collect_views(quick_reactions)}</div>
            {collect_views(ACTIONS.map(|action| view! {
                <button class="sheet-action" data-action=action><Icon name=action/> {action_label(action, texts)}</button>
            }))}
        </div>
    }
}

/// The first line of a message, if it is rendered.
pub(crate) fn first_line(chat: Chat, seq: Seq) -> Option<String> {
    find_row(chat, seq).map(|row| truncate::first_line(&markup::plain_text(row.body.as_str())))
}

fn toolbar_button(action: &'static str, texts: &'static Texts) -> impl IntoView {
    let name = action_label(action, texts);
    view! {
        <button class="toolbar-button" data-action=action aria-label=name title=name>
            <Icon name=action/>
        </button>
    }
}

fn action_label(action: &str, texts: &'static Texts) -> &'static str {
    match action {
        "react" => texts.react,
        "reply" => texts.reply,
        "edit" => texts.edit,
        "copy" => texts.copy_text,
        "share" => texts.copy_link,
        _ => texts.delete,
    }
}

/// Finds the row of a message, if it is rendered.
fn find_row(chat: Chat, seq: Seq) -> Option<MessageRow> {
    chat.current_room.rows.with_untracked(|rows| {
        rows.iter().find_map(|row| match row {
            RenderedRow::Message(_, row) => {
                row.with_untracked(|row| (row.seq == Some(seq)).then(|| row.clone()))
            }
            RenderedRow::System(_) => None,
        })
    })
}

impl Menu {
    fn on_event(&self, event: &Event) {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        match event.type_().as_str() {
            "click" => self.on_click(&target),
            "mouseover" | "focusin" => self.show_toolbar_on(&target),
            // A focused button would keep the toolbar in its row.
            "mousedown" if self.is_in_toolbar(&target) => event.prevent_default(),
            "mousedown" => {}
            "keydown" => self.on_key_down(event.unchecked_ref(), &target),
            "pointerdown" => self.on_pointer_down(event.unchecked_ref(), &target),
            "touchend" if self.touch.was_long.take() => event.prevent_default(),
            "pointermove" if !self.touch.has_moved(event.unchecked_ref()) => {}
            _ => self.touch.end(),
        }
    }

    /// Moves the toolbar into a row, unless the toolbar has the focus.
    fn show_toolbar_on(&self, target: &Element) {
        let (Some(row), Some(toolbar)) = (closest_message(target), self.toolbar.get::<Element>()) else {
            return;
        };
        let focused = document().active_element();
        let in_use = toolbar.contains(focused.as_ref().map(AsRef::as_ref));
        if in_use || row.contains(Some(&toolbar)) || !has_actions(&row) {
            return;
        }
        self.set_time_title(&row);
        // The toolbar overlaps the row above, unless there is no space above the row.
        let log_top = closest(&row, "[role=log]").map_or(0.0, |log| log.get_bounding_client_rect().top());
        let _ = toolbar.toggle_attribute_with_force(
            "data-inside-row",
            row.get_bounding_client_rect().top() < log_top + 16.0,
        );
        let _ = row.append_child(&toolbar);
    }

    /// Sets the title of a timestamp to the full date.
    fn set_time_title(&self, row: &Element) {
        if let Ok(Some(time)) = row.query_selector("time:not([title])")
            && let Some(message) = seq_attribute(row, "data-seq").and_then(|seq| find_row(self.chat, seq))
        {
            let _ = time.set_attribute("title", &time_format::full(message.at, self.texts.tag));
        }
    }

    fn on_click(&self, target: &Element) {
        let Some(button) = closest(target, "[data-action]") else { return };
        let Some(action) = button.get_attribute("data-action") else { return };
        match action.as_str() {
            "expand" => self.toggle_expanded(&button),
            "copy-code" => self.copy(code_text(&button)),
            action => match closest(&button, "[data-seq]").and_then(|row| seq_attribute(&row, "data-seq")) {
                Some(seq) => self.run_action(action, seq, &button),
                None => self.insert_emoji(&button),
            },
        }
    }

    fn toggle_expanded(&self, button: &Element) {
        if let Some(row) = closest_message(button)
            && let Ok(expanded) = row.toggle_attribute("data-expanded")
        {
            let _ = button.set_attribute("aria-expanded", if expanded { "true" } else { "false" });
            if expanded {
                self.scroll.update_anchor();
            }
        }
    }

    fn run_action(&self, action: &str, seq: Seq, button: &Element) {
        let row = closest_message(button);
        if row.as_ref().is_some_and(|row| !has_actions(row)) && action != "jump" {
            return;
        }
        if matches!(action, "react" | "delete") {
            // The dialog returns the focus to the row when it closes; the button may be gone by then.
            focus(row);
        }
        match action {
            "react" => return self.dialogs.open(DialogKind::ReactionPicker(seq)),
            "delete" => return self.dialogs.open(DialogKind::ConfirmDelete(seq)),
            "toggle" => self.toggle_reaction(seq, button),
            "reply" => self.chat.composer_mode.set(ComposerMode::Reply(seq)),
            "edit" => self.chat.composer_mode.set(ComposerMode::Edit(seq)),
            "copy" => self.copy(find_row(self.chat, seq).map(|row| row.body.to_string())),
            "share" => {
                let room = self.chat.current_room.name.get_untracked();
                self.copy(room.map(|room| Route::Message(room, seq).url()));
            }
            "retry-edit" => self.chat.retry_edit(seq),
            "discard-edit" => self.chat.discard_edit(seq),
            "jump" => {
                if let Some(quoted) = seq_attribute(button, "data-target-seq") {
                    self.chat.jump_to_message(quoted);
                }
            }
            _ => return,
        }
        self.dialogs.close();
    }

    fn toggle_reaction(&self, seq: Seq, button: &Element) {
        let picture = button.get_attribute("data-emoji").unwrap_or_default();
        let on = button.get_attribute("aria-pressed").as_deref() != Some("true");
        if let Ok(emoji) = Emoji::parse(&picture) {
            self.chat.react(seq, emoji, on);
            if on {
                emoji::add_recent(&picture);
            }
        }
    }

    /// Inserts an emoji that was picked for no message into the composer.
    fn insert_emoji(&self, button: &Element) {
        let Some(picture) = button.get_attribute("data-emoji") else { return };
        // The composer can not be focused while a dialog is open.
        self.dialogs.close();
        composer::insert_at_caret(&picture);
        emoji::add_recent(&picture);
    }

    fn copy(&self, text: Option<String>) {
        let Some(text) = text else { return };
        let menu = self.clone();
        spawn(async move {
            let texts = menu.texts;
            let text = if copy_text(&text).await { texts.copied } else { texts.copy_failed };
            menu.show_toast(text.to_owned());
        });
    }

    /// Arrows move between messages, Enter into the toolbar, Esc back to the message, then to the composer.
    fn on_key_down(&self, press: &KeyboardEvent, target: &Element) {
        let Some(log) = closest(target, "[role=log]") else { return };
        let row = closest_message(target);
        let on_row = row.as_ref() == Some(target);
        match press.key().as_str() {
            "ArrowUp" if on_row => focus(next_focusable(target, Element::previous_element_sibling)),
            "ArrowDown" if on_row => focus(next_focusable(target, Element::next_element_sibling)),
            "Home" if on_row => focus(log.query_selector(".message").ok().flatten()),
            "End" if on_row => focus(last_visible_message(&log)),
            "ArrowUp" if *target == log => focus(last_visible_message(&log)),
            "ArrowLeft" if self.is_in_toolbar(target) => {
                focus(next_focusable(target, Element::previous_element_sibling));
            }
            "ArrowRight" if self.is_in_toolbar(target) => {
                focus(next_focusable(target, Element::next_element_sibling));
            }
            "Enter" if on_row => {
                focus(self.toolbar.get::<Element>().and_then(|bar| bar.first_element_child()));
            }
            "Escape" if on_row => focus(document().query_selector(".composer textarea").ok().flatten()),
            "Escape" => focus(row),
            // By the key code: with a Korean layout, R types ㄱ.
            _ if on_row && press.code() == "KeyR" && !has_command_key(press) && !press.alt_key() => {
                if let Some(seq) = seq_attribute(target, "data-seq") {
                    self.run_action("reply", seq, target);
                }
            }
            _ => return,
        }
        press.prevent_default();
    }

    fn is_in_toolbar(&self, target: &Element) -> bool {
        self.toolbar.get::<Element>().is_some_and(|toolbar| toolbar.contains(Some(target)))
    }

    /// Starts the timer of a long press. On links and buttons the browser has its own long press; on a
    /// reaction it shows its people.
    fn on_pointer_down(&self, press: &PointerEvent, target: &Element) {
        let id = self.touch.start(press);
        let row = closest_message(target).filter(has_actions);
        let Some(seq) = row.and_then(|row| seq_attribute(&row, "data-seq")) else { return };
        let people = closest(target, "[data-people]").and_then(|button| button.get_attribute("data-people"));
        if press.pointer_type() != "touch" || (people.is_none() && closest(target, "a, button").is_some()) {
            return;
        }
        let menu = self.clone();
        set_timeout(
            move || {
                if menu.touch.is_current(id) {
                    menu.touch.was_long.set(true);
                    match people {
                        Some(people) => menu.show_toast(people),
                        None => menu.dialogs.open(DialogKind::MessageSheet(seq)),
                    }
                }
            },
            LONG_PRESS,
        );
    }

    /// Shows a text for a moment.
    fn show_toast(&self, text: String) {
        let toast = self.toast;
        toast.try_set(text);
        set_timeout(move || drop(toast.try_set(String::new())), TOAST_DURATION);
    }
}

impl Touch {
    fn start(&self, event: &PointerEvent) -> u32 {
        self.end();
        self.start.set((event.client_x(), event.client_y()));
        self.id.get()
    }

    fn end(&self) {
        self.id.set(self.id.get().wrapping_add(1));
    }

    fn is_current(&self, id: u32) -> bool {
        self.id.get() == id
    }

    fn has_moved(&self, event: &PointerEvent) -> bool {
        let (x, y) = self.start.get();
        (event.client_x() - x).abs().max((event.client_y() - y).abs()) > TOUCH_SLOP
    }
}

/// Like `Element.closest`.
fn closest(element: &Element, selector: &str) -> Option<Element> {
    // Fails only for an invalid selector.
    element.closest(selector).ok().flatten()
}

fn closest_message(element: &Element) -> Option<Element> {
    closest(element, ".message-list > .message")
}

/// Whether the message is sent and not deleted.
fn has_actions(row: &Element) -> bool {
    row.has_attribute("data-seq") && !row.has_attribute("data-deleted")
}

fn seq_attribute(element: &Element, attribute: &str) -> Option<Seq> {
    element.get_attribute(attribute)?.parse().ok().map(Seq)
}

/// The next message, skipping dividers and system messages; or the next toolbar button, skipping hidden
/// ones.
fn next_focusable(element: &Element, step: fn(&Element) -> Option<Element>) -> Option<Element> {
    let mut element = step(element)?;
    while !element.matches(".message, button").unwrap_or(false)
        || element.get_bounding_client_rect().height() == 0.0
    {
        element = step(&element)?;
    }
    Some(element)
}

/// The last visible message, where keyboard navigation starts.
fn last_visible_message(log: &Element) -> Option<Element> {
    let bottom = log.get_bounding_client_rect().bottom();
    let rows = log.query_selector_all(".message").ok()?;
    let at = |index: u32| rows.item(index).and_then(|row| row.dyn_into::<Element>().ok());
    (0..rows.length()).rev().filter_map(at).find(|row| row.get_bounding_client_rect().top() < bottom)
}

fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that can not be focused ignores the call.
        let _ = element.focus();
    }
}

fn code_text(button: &Element) -> Option<String> {
    button.previous_element_sibling()?.text_content()
}
