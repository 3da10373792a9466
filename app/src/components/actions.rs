//! What can be done with a message: by mouse, by finger and by keyboard alike.
//!
//! There is one toolbar, which moves into the row that is pointed at or has the focus; a long press
//! opens the same as a sheet. Whatever belongs to a message says with `data-act` what it does, and
//! this is the one place that listens, however many rows there are.

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
    dialog::{Dialogs, Topic, use_dialogs},
    icon::Icon,
    scroll::Scroll,
    share::copy_text,
};
use crate::{
    chat::{Chat, Composing, Shown, use_chat},
    device::is_command,
    emoji,
    i18n::{Words, use_words},
    route::Route,
    state::{long, rows::Row},
    task::spawn,
    view::{Slot, each, listen_to},
    when,
};

/// How long a finger rests on a message to mean it.
const LONG_PRESS: Duration = Duration::from_millis(450);

/// How far a finger may slip meanwhile, in pixels.
const SLIP: i32 = 10;

/// How long it is said that something was copied, or who it was that reacted.
const SAID_FOR: Duration = Duration::from_secs(2);

/// What can be done with any message, by its `data-act`, which is also the name of its drawing.
const ACTIONS: [&str; 6] = ["react", "reply", "edit", "copy", "share", "delete"];

const HEARD: [&str; 10] = [
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
struct Actions {
    chat: Chat,
    scroll: Scroll,
    dialogs: Dialogs,
    words: &'static Words,
    toolbar: Slot,
    /// What is said just now.
    said: RwSignal<String>,
    press: Rc<Press>,
}

/// A finger on a message.
#[derive(Default)]
struct Press {
    /// Which one it is, counted; a press that is over is not the latest any more.
    number: Cell<u32>,
    at: Cell<(i32, i32)>,
    /// It was long: when the finger goes up, that is no tap on what lies there now.
    was_long: Cell<bool>,
}

/// The toolbar, as long as it is in no row, and the listeners.
#[component]
pub(crate) fn MessageActions(scroll: Scroll) -> impl IntoView {
    let words = use_words();
    let actions = Actions {
        chat: use_chat(),
        scroll,
        dialogs: use_dialogs(),
        words,
        toolbar: Slot::new(),
        said: RwSignal::new(String::new()),
        press: Rc::default(),
    };
    let (toolbar, said) = (actions.toolbar, actions.said);
    for name in HEARD {
        let actions = actions.clone();
        listen_to(name, move |event| actions.hear(&event));
    }
    view! {
        <div class="parked">
            <div class="actions" role="toolbar" aria-label=words.message_actions node_ref=toolbar>
                {each(ACTIONS.map(|act| button(act, words)))}
            </div>
        </div>
        <p class="said" role="status">{move || said.get()}</p>
    }
}

/// The same for fingers, in a sheet: the emoji one likes, and each action by its name.
#[component]
pub(crate) fn MessageSheet(seq: Seq) -> impl IntoView {
    let words = use_words();
    let chat = use_chat();
    let own = row_of(chat, seq).is_some_and(|row| row.own);
    let liked = emoji::recent().into_iter().take(6).map(|emoji| {
        let name = emoji.clone();
        view! { <button class="liked" data-act="toggle" data-emoji=name>{emoji}</button> }
    });
    view! {
        <div class="message-sheet" data-seq=seq.0.to_string() data-own=own.then_some("") data-owner=untrack(|| chat.owns_room()).then_some("")>
            <div class="liked-row">{each(liked)}</div>
            {each(ACTIONS.map(|act| view! {
                <button class="sheet-action" data-act=act><Icon name=act/> {name(act, words)}</button>
            }))}
        </div>
    }
}

/// The first line of a message that may be taken back.
pub(crate) fn first_line(chat: Chat, seq: Seq) -> Option<String> {
    row_of(chat, seq).map(|row| long::first_line(&markup::plain(row.body.as_str())))
}

fn button(act: &'static str, words: &'static Words) -> impl IntoView {
    let name = name(act, words);
    view! {
        <button class="action" data-act=act aria-label=name title=name>
            <Icon name=act/>
        </button>
    }
}

fn name(act: &str, words: &'static Words) -> &'static str {
    match act {
        "react" => words.react,
        "reply" => words.reply,
        "edit" => words.edit,
        "copy" => words.copy_text,
        "share" => words.copy_link,
        _ => words.delete,
    }
}

/// The row of a message, if it is on the screen.
fn row_of(chat: Chat, seq: Seq) -> Option<Row> {
    chat.visit.shown.with_untracked(|shown| {
        shown.iter().find_map(|line| match line {
            Shown::Message(_, row) => row.with_untracked(|row| (row.seq == Some(seq)).then(|| row.clone())),
            Shown::Note(_) => None,
        })
    })
}

impl Actions {
    fn hear(&self, event: &Event) {
        let Some(target) = event.target().and_then(|target| target.dyn_into::<Element>().ok()) else {
            return;
        };
        match event.type_().as_str() {
            "click" => self.clicked(&target),
            "mouseover" | "focusin" => self.visit(&target),
            // The focus would hold the toolbar where it was clicked.
            "mousedown" if self.is_in_toolbar(&target) => event.prevent_default(),
            "mousedown" => {}
            "keydown" => self.key(event.unchecked_ref(), &target),
            "pointerdown" => self.pressed(event.unchecked_ref(), &target),
            "touchend" if self.press.was_long.take() => event.prevent_default(),
            "pointermove" if !self.press.has_slipped(event.unchecked_ref()) => {}
            _ => self.press.over(),
        }
    }

    /// Brings the toolbar to a message, but never away from whoever is using it.
    fn visit(&self, target: &Element) {
        let (Some(row), Some(toolbar)) = (message_around(target), self.toolbar.get::<Element>()) else {
            return;
        };
        let focused = document().active_element();
        let in_use = toolbar.contains(focused.as_ref().map(AsRef::as_ref));
        if in_use || row.contains(Some(&toolbar)) || !can_be_acted_on(&row) {
            return;
        }
        self.say_when(&row);
        // It stands a little above the row, unless that is where the log ends. A row takes any element.
        let log = around(&row, "[role=log]").map_or(0.0, |log| log.get_bounding_client_rect().top());
        let _ = toolbar
            .toggle_attribute_with_force("data-inside", row.get_bounding_client_rect().top() < log + 16.0);
        let _ = row.append_child(&toolbar);
    }

    /// Lets the time of a message say the day as well.
    fn say_when(&self, row: &Element) {
        if let Ok(Some(time)) = row.query_selector("time:not([title])")
            && let Some(said) = number(row, "data-seq").and_then(|seq| row_of(self.chat, seq))
        {
            let _ = time.set_attribute("title", &when::in_full(said.at, self.words.tag));
        }
    }

    fn clicked(&self, target: &Element) {
        let Some(button) = around(target, "[data-act]") else { return };
        let Some(act) = button.get_attribute("data-act") else { return };
        match act.as_str() {
            "unfold" => self.unfold(&button),
            "copy-code" => self.copy(code_beside(&button)),
            act => match around(&button, "[data-seq]").and_then(|row| number(&row, "data-seq")) {
                Some(seq) => self.act(act, seq, &button),
                None => self.insert(&button),
            },
        }
    }

    fn unfold(&self, button: &Element) {
        if let Some(row) = message_around(button)
            && let Ok(unfolded) = row.toggle_attribute("data-unfolded")
        {
            let _ = button.set_attribute("aria-expanded", if unfolded { "true" } else { "false" });
            if unfolded {
                self.scroll.stay();
            }
        }
    }

    fn act(&self, act: &str, seq: Seq, button: &Element) {
        let row = message_around(button);
        if row.as_ref().is_some_and(|row| !can_be_acted_on(row)) && act != "jump" {
            return;
        }
        if matches!(act, "react" | "delete") {
            // It gets the focus back when what opens is closed again; the button may be gone then.
            focus(row);
        }
        match act {
            "react" => return self.dialogs.open(Topic::React(seq)),
            "delete" => return self.dialogs.open(Topic::Delete(seq)),
            "toggle" => self.toggle(seq, button),
            "reply" => self.chat.composing.set(Composing::Reply(seq)),
            "edit" => self.chat.composing.set(Composing::Edit(seq)),
            "copy" => self.copy(row_of(self.chat, seq).map(|row| row.body.to_string())),
            "share" => {
                let room = self.chat.visit.room.get_untracked();
                self.copy(room.map(|room| Route::Message(room, seq).address()));
            }
            "retry-change" => self.chat.retry_change(seq),
            "discard-change" => self.chat.discard_change(seq),
            "jump" => {
                if let Some(quoted) = number(button, "data-to") {
                    self.chat.jump_to(quoted);
                }
            }
            _ => return,
        }
        self.dialogs.close();
    }

    fn toggle(&self, seq: Seq, button: &Element) {
        let picture = button.get_attribute("data-emoji").unwrap_or_default();
        let on = button.get_attribute("aria-pressed").as_deref() != Some("true");
        if let Ok(emoji) = Emoji::parse(&picture) {
            self.chat.react(seq, emoji, on);
            if on {
                emoji::remember(&picture);
            }
        }
    }

    /// An emoji that is for no message is for what is being written.
    fn insert(&self, button: &Element) {
        let Some(picture) = button.get_attribute("data-emoji") else { return };
        // What lies over the page keeps the focus from the composer.
        self.dialogs.close();
        composer::insert(&picture);
        emoji::remember(&picture);
    }

    fn copy(&self, text: Option<String>) {
        let Some(text) = text else { return };
        let actions = self.clone();
        spawn(async move {
            let words = actions.words;
            let said = if copy_text(&text).await { words.copied } else { words.not_copied };
            actions.say(said.to_owned());
        });
    }

    /// Arrows go from message to message, Enter to what can be done with it, Esc back, and from there to
    /// the composer.
    fn key(&self, press: &KeyboardEvent, target: &Element) {
        let Some(log) = around(target, "[role=log]") else { return };
        let row = message_around(target);
        let on_row = row.as_ref() == Some(target);
        match press.key().as_str() {
            "ArrowUp" if on_row => focus(beside(target, Element::previous_element_sibling)),
            "ArrowDown" if on_row => focus(beside(target, Element::next_element_sibling)),
            "Home" if on_row => focus(log.query_selector(".message").ok().flatten()),
            "End" if on_row => focus(lowest_in_sight(&log)),
            "ArrowUp" if *target == log => focus(lowest_in_sight(&log)),
            "ArrowLeft" if self.is_in_toolbar(target) => {
                focus(beside(target, Element::previous_element_sibling));
            }
            "ArrowRight" if self.is_in_toolbar(target) => {
                focus(beside(target, Element::next_element_sibling));
            }
            "Enter" if on_row => {
                focus(self.toolbar.get::<Element>().and_then(|bar| bar.first_element_child()));
            }
            "Escape" if on_row => focus(document().query_selector(".composer textarea").ok().flatten()),
            "Escape" => focus(row),
            // By its place on the keyboard: with a Korean layout R writes ㄱ.
            _ if on_row && press.code() == "KeyR" && !is_command(press) && !press.alt_key() => {
                if let Some(seq) = number(target, "data-seq") {
                    self.act("reply", seq, target);
                }
            }
            _ => return,
        }
        press.prevent_default();
    }

    fn is_in_toolbar(&self, target: &Element) -> bool {
        self.toolbar.get::<Element>().is_some_and(|toolbar| toolbar.contains(Some(target)))
    }

    /// A finger comes down; where there are links, the browser has its own long press, and a long one
    /// on a reaction asks who it was.
    fn pressed(&self, press: &PointerEvent, target: &Element) {
        let number = self.press.begin(press);
        let row = message_around(target).filter(can_be_acted_on);
        let Some(seq) = row.and_then(|row| self::number(&row, "data-seq")) else { return };
        let who = around(target, "[data-who]").and_then(|chip| chip.get_attribute("data-who"));
        if press.pointer_type() != "touch" || (who.is_none() && around(target, "a, button").is_some()) {
            return;
        }
        let actions = self.clone();
        set_timeout(
            move || {
                if actions.press.is(number) {
                    actions.press.was_long.set(true);
                    match who {
                        Some(who) => actions.say(who),
                        None => actions.dialogs.open(Topic::Message(seq)),
                    }
                }
            },
            LONG_PRESS,
        );
    }

    /// Says something beside the page, for a moment.
    fn say(&self, text: String) {
        let said = self.said;
        said.try_set(text);
        set_timeout(move || drop(said.try_set(String::new())), SAID_FOR);
    }
}

impl Press {
    fn begin(&self, event: &PointerEvent) -> u32 {
        self.over();
        self.at.set((event.client_x(), event.client_y()));
        self.number.get()
    }

    fn over(&self) {
        self.number.set(self.number.get().wrapping_add(1));
    }

    fn is(&self, number: u32) -> bool {
        self.number.get() == number
    }

    fn has_slipped(&self, event: &PointerEvent) -> bool {
        let (x, y) = self.at.get();
        (event.client_x() - x).abs().max((event.client_y() - y).abs()) > SLIP
    }
}

/// The nearest element around this one, or itself, that is so.
fn around(element: &Element, selector: &str) -> Option<Element> {
    // Refused only for what is no selector.
    element.closest(selector).ok().flatten()
}

fn message_around(element: &Element) -> Option<Element> {
    around(element, ".log > .message")
}

/// It is said, and not taken back.
fn can_be_acted_on(row: &Element) -> bool {
    row.has_attribute("data-seq") && !row.has_attribute("data-deleted")
}

fn number(element: &Element, attribute: &str) -> Option<Seq> {
    element.get_attribute(attribute)?.parse().ok().map(Seq)
}

/// The next message from this one on, past days and notes; or the next action, past those that are
/// not for this message.
fn beside(element: &Element, step: fn(&Element) -> Option<Element>) -> Option<Element> {
    let mut element = step(element)?;
    while !element.matches(".message, button").unwrap_or(false)
        || element.get_bounding_client_rect().height() == 0.0
    {
        element = step(&element)?;
    }
    Some(element)
}

/// The last message that is to be seen: where the arrows begin.
fn lowest_in_sight(log: &Element) -> Option<Element> {
    let bottom = log.get_bounding_client_rect().bottom();
    let rows = log.query_selector_all(".message").ok()?;
    let at = |place: u32| rows.item(place).and_then(|row| row.dyn_into::<Element>().ok());
    (0..rows.length()).rev().filter_map(at).find(|row| row.get_bounding_client_rect().top() < bottom)
}

fn focus(element: Option<Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // What can not have the focus does not take it.
        let _ = element.focus();
    }
}

fn code_beside(button: &Element) -> Option<String> {
    button.previous_element_sibling()?.text_content()
}
