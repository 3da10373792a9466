//! Tests of the composer in a real browser, with the events of keyboards and input methods.
//!
//! `CHROMEDRIVER=/usr/bin/chromedriver cargo test -p app --lib --features csr --target
//! wasm32-unknown-unknown` runs them; `webdriver.json` configures Chromium.

use std::sync::atomic::{AtomicU32, Ordering};

use common::{
    person::{DisplayName, Person, PersonId},
    protocol::push::{Presence, PresenceChange, Push},
    room::RoomName,
};
use gloo_timers::future::TimeoutFuture;
use leptos::{mount::mount_to, prelude::*};
use wasm_bindgen::JsCast;
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    CompositionEvent, CompositionEventInit, Event, HtmlElement, HtmlTextAreaElement, InputEvent,
    InputEventInit, KeyboardEvent, KeyboardEventInit,
};

use super::{Composer, provide_composer};
use crate::{
    chat::{Chat, provide_chat},
    components::dialog::provide_dialogs,
    emoji::provide_emojis,
    i18n::provide_locale,
    notifications::provide_notifications,
    route::provide_router,
    settings::{Settings, provide_settings, use_settings},
    state::settings::{Choice, Setting},
    storage,
};

wasm_bindgen_test_configure!(run_in_browser);

/// A mounted composer without a server: sent messages stay in the outbox.
struct ComposerHarness {
    container: HtmlElement,
    textarea: HtmlTextAreaElement,
    chat: Chat,
    settings: Settings,
    room: RoomName,
}

/// A key press with its modifiers.
#[derive(Clone, Copy)]
struct KeyPress {
    key: &'static str,
    shift: bool,
    command: bool,
}

const ENTER: KeyPress = KeyPress { key: "Enter", shift: false, command: false };
const SHIFT_ENTER: KeyPress = KeyPress { shift: true, ..ENTER };
const COMMAND_ENTER: KeyPress = KeyPress { command: true, ..ENTER };
const TAB: KeyPress = KeyPress { key: "Tab", ..ENTER };
const DOWN: KeyPress = KeyPress { key: "ArrowDown", ..ENTER };
const ESCAPE: KeyPress = KeyPress { key: "Escape", ..ENTER };

/// The order in which a browser reports a key press that ends a composition.
#[derive(Clone, Copy, Debug, PartialEq)]
enum EventOrder {
    ChromeAndFirefox,
    ChromeOnMacOs,
    Safari,
    /// As Chrome when it also reports the line break that the input method has not consumed.
    WithLineBreak,
}

const EVENT_ORDERS: [EventOrder; 4] =
    [EventOrder::ChromeAndFirefox, EventOrder::ChromeOnMacOs, EventOrder::Safari, EventOrder::WithLineBreak];

/// How a key press is related to a composition.
#[derive(Clone, Copy, PartialEq)]
enum Composition {
    None,
    /// `isComposing` is set.
    Inside,
    /// Only `keyCode` 229 shows that the input method handles the press.
    Taken,
}

impl ComposerHarness {
    async fn new(room: &str) -> ComposerHarness {
        let container: HtmlElement = document().create_element("div").unwrap().unchecked_into();
        document().body().unwrap().append_child(&container).unwrap();
        let room = RoomName::parse(room).unwrap();
        let opened_room = room.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        mount_to(container.clone(), move || {
            provide_locale();
            provide_settings();
            provide_router();
            provide_notifications();
            provide_emojis();
            provide_composer();
            provide_dialogs();
            let chat = provide_chat();
            chat.open_room(opened_room.clone());
            sender.send((chat, use_settings())).unwrap();
            view! { <Composer room=opened_room/> }
        })
        .forget();
        let textarea = container.query_selector("textarea").unwrap().unwrap().unchecked_into();
        // Lets the effects of the mount run, as restoring the draft.
        leptos::task::tick().await;
        let (chat, settings) = receiver.recv().unwrap();
        ComposerHarness { container, textarea, chat, settings, room }
    }

    /// A composer in a room of its own.
    async fn in_new_room() -> ComposerHarness {
        static ROOMS: AtomicU32 = AtomicU32::new(0);
        ComposerHarness::new(&format!("방 {}", ROOMS.fetch_add(1, Ordering::Relaxed))).await
    }

    fn with_people(self, names: &[&str]) -> ComposerHarness {
        let joined = names.iter().enumerate().map(|(index, name)| {
            let name = DisplayName::parse(name).unwrap();
            PresenceChange::Joined(Person::new(PersonId(index as u64), name))
        });
        let presence = Presence {
            room: self.room.clone(),
            changes: joined.collect(),
            member_count: Some(names.len() as u32),
        };
        self.chat.apply_room_push(Push::Presence(presence));
        self
    }

    /// Dispatches keydown; returns whether the default action is allowed, which the caller performs.
    fn down(&self, press: KeyPress, composition_flag: Composition) -> bool {
        let init = KeyboardEventInit::new();
        init.set_key(if composition_flag == Composition::Inside { "Process" } else { press.key });
        init.set_is_composing(composition_flag == Composition::Inside);
        if composition_flag != Composition::None {
            init.set_key_code(229);
        }
        self.key("keydown", press, &init)
    }

    fn up(&self, press: KeyPress) {
        let init = KeyboardEventInit::new();
        init.set_key(press.key);
        self.key("keyup", press, &init);
    }

    fn key(&self, kind: &str, press: KeyPress, init: &KeyboardEventInit) -> bool {
        init.set_bubbles(true);
        init.set_cancelable(true);
        init.set_code(press.key);
        init.set_shift_key(press.shift);
        init.set_ctrl_key(press.command);
        let event = KeyboardEvent::new_with_keyboard_event_init_dict(kind, init).unwrap();
        self.textarea.dispatch_event(&event).unwrap()
    }

    /// Presses and releases a key outside of a composition.
    fn press(&self, press: KeyPress) {
        if self.down(press, Composition::None) && press.key == "Enter" {
            self.line_break();
        }
        self.up(press);
    }

    fn line_break(&self) {
        let init = InputEventInit::new();
        init.set_bubbles(true);
        init.set_cancelable(true);
        init.set_input_type("insertLineBreak");
        let event = InputEvent::new_with_event_init_dict("beforeinput", &init).unwrap();
        if self.textarea.dispatch_event(&event).unwrap() {
            self.write(&format!("{}\n", self.textarea.value()));
        }
    }

    /// Composes step by step, each replacing the last, and ends the composition with a key press.
    fn compose(&self, before: &str, steps: &[&str], press: KeyPress, order: EventOrder) {
        self.composition("compositionstart", "");
        for step in steps {
            self.composition("compositionupdate", step);
            self.write(&format!("{before}{step}"));
        }
        let composed = steps.last().unwrap();
        if order == EventOrder::Safari {
            self.composition("compositionend", composed);
            if self.down(press, Composition::Taken) && press.key == "Enter" {
                self.line_break();
            }
        } else {
            self.down(press, Composition::Inside);
            if order == EventOrder::WithLineBreak {
                self.line_break();
            }
            self.composition("compositionend", composed);
        }
        if order == EventOrder::ChromeOnMacOs && self.down(press, Composition::None) && press.key == "Enter"
            || order == EventOrder::WithLineBreak
        {
            self.line_break();
        }
        self.up(press);
    }

    fn composition(&self, kind: &str, text: &str) {
        let init = CompositionEventInit::new();
        init.set_bubbles(true);
        init.set_data(text);
        let event = CompositionEvent::new_with_event_init_dict(kind, &init).unwrap();
        self.textarea.dispatch_event(&event).unwrap();
    }

    fn write(&self, text: &str) {
        self.textarea.set_value(text);
        self.textarea.dispatch_event(&Event::new("input").unwrap()).unwrap();
    }

    /// The sent messages, after everything scheduled has run.
    async fn sent(&self) -> Vec<String> {
        run_scheduled().await;
        self.chat.outbox.with_untracked(|outbox| {
            outbox.in_room(&self.room).map(|message| message.body.to_string()).collect()
        })
    }

    async fn check(&self, sent: &[&str], left: &str, what: &str) {
        assert_eq!(self.sent().await, sent, "sent: {what}");
        assert_eq!(self.textarea.value(), left, "left: {what}");
    }

    /// The names in the list, the selected one in brackets, after everything scheduled has run.
    async fn suggested(&self) -> Vec<String> {
        run_scheduled().await;
        let options = self.container.query_selector_all("[role=option]").unwrap();
        let text = |index| {
            let option: HtmlElement = options.item(index).unwrap().unchecked_into();
            let name = option.last_element_child().unwrap().text_content().unwrap();
            let marked = option.get_attribute("aria-selected").as_deref() == Some("true");
            if marked { format!("[{name}]") } else { name }
        };
        (0..options.length()).map(text).collect()
    }
}

impl Drop for ComposerHarness {
    fn drop(&mut self) {
        self.container.remove();
        window().local_storage().unwrap().unwrap().clear().unwrap();
    }
}

/// Waits until everything that the composer has scheduled has run, so that what did not happen will not.
///
/// Its timers have no delay and effects are microtasks. A browser runs timers of one delay in the order in
/// which they were set, and all microtasks before the next timer, so this timer is the last of all.
async fn run_scheduled() {
    TimeoutFuture::new(0).await;
}

/// The text before, the steps of the composition, and the resulting text.
type Composed = (&'static str, &'static [&'static str], &'static str);

const HANGUL: Composed = ("안녕하세", &["ㅇ", "요"], "안녕하세요");
const KANA: Composed = ("", &["に", "にほん", "日本"], "日本");
const PINYIN: Composed = ("好", &["n", "ni"], "好ni");

#[wasm_bindgen_test]
async fn one_press_sends_hangul_once_in_every_order_of_events() {
    let (before, steps, text) = HANGUL;
    for order in EVENT_ORDERS {
        for (press, enter) in
            [(ENTER, Choice::Send), (COMMAND_ENTER, Choice::Send), (COMMAND_ENTER, Choice::NewLine)]
        {
            let composer = ComposerHarness::in_new_room().await;
            composer.settings.set(Setting::EnterKey, enter);
            composer.compose(before, steps, press, order);
            composer.check(&[text], "", &format!("{order:?} {enter:?}")).await;
            composer.compose("", &["ㄴ", "네"], press, order);
            composer.check(&[text, "네"], "", &format!("{order:?} {enter:?}, again")).await;
        }
    }
}

#[wasm_bindgen_test]
async fn a_syllable_that_is_begun_at_once_is_not_sent_with_the_message_before_it() {
    let (before, steps, text) = HANGUL;
    for order in EVENT_ORDERS {
        let composer = ComposerHarness::in_new_room().await;
        composer.compose(before, steps, ENTER, order);
        // The device is too slow: no timer has run in between.
        composer.down(KeyPress { key: "ㄴ", ..ENTER }, Composition::Taken);
        composer.composition("compositionstart", "");
        composer.write(&format!("{}ㄴ", composer.textarea.value()));
        composer.check(&[text], "ㄴ", &format!("{order:?}")).await;
    }
}

#[wasm_bindgen_test]
async fn kana_and_pinyin_are_confirmed_and_the_next_press_sends() {
    for order in EVENT_ORDERS {
        for (before, steps, text) in [KANA, PINYIN] {
            for press in [ENTER, COMMAND_ENTER] {
                let composer = ComposerHarness::in_new_room().await;
                composer.compose(before, steps, press, order);
                composer.check(&[], text, &format!("{order:?}")).await;
                composer.press(press);
                composer.check(&[text], "", &format!("{order:?}, again")).await;
            }
        }
    }
}

#[wasm_bindgen_test]
async fn nothing_is_sent_where_enter_breaks_the_line() {
    for order in EVENT_ORDERS {
        for (before, steps, text) in [HANGUL, KANA, PINYIN] {
            let composer = ComposerHarness::in_new_room().await;
            composer.compose(before, steps, SHIFT_ENTER, order);
            assert_eq!(composer.sent().await, [""; 0], "{order:?} Shift");
            assert_eq!(composer.textarea.value().trim_end(), text, "{order:?} Shift");

            composer.settings.set(Setting::EnterKey, Choice::NewLine);
            composer.compose(before, steps, ENTER, order);
            assert_eq!(composer.sent().await, [""; 0], "{order:?} swapped");
            assert_eq!(composer.textarea.value().trim_end(), text, "{order:?} swapped");

            composer.settings.set(Setting::EnterKey, Choice::Send);
            composer.compose(&format!("```\n{before}"), steps, ENTER, order);
            assert_eq!(composer.sent().await, [""; 0], "{order:?} in code");
            assert_eq!(composer.textarea.value().trim_end(), format!("```\n{text}"), "{order:?} in code");
        }
    }
}

#[wasm_bindgen_test]
async fn one_press_chooses_a_name_still_being_composed_in_every_order_of_events() {
    for order in EVENT_ORDERS {
        for press in [ENTER, TAB] {
            let composer = ComposerHarness::in_new_room().await.with_people(&["지은", "민호", "김지우"]);
            composer.compose("이따 @", &["ㅈ", "지", "짐"], DOWN, EventOrder::ChromeAndFirefox);
            assert_eq!(composer.suggested().await, [""; 0], "nobody is called so");
            composer.compose("이따 @", &["ㅈ", "지"], press, order);
            composer.check(&[], "이따 @지은 ", &format!("{order:?}")).await;
            assert_eq!(composer.suggested().await, [""; 0]);
            composer.press(ENTER);
            composer.check(&["이따 @지은"], "", &format!("{order:?}, then sent")).await;
        }
    }
}

#[wasm_bindgen_test]
async fn the_list_leaves_its_keys_to_kana_and_pinyin() {
    for order in EVENT_ORDERS {
        for press in [ENTER, TAB, DOWN, ESCAPE] {
            let composer = ComposerHarness::in_new_room().await.with_people(&["nina", "nico"]);
            composer.compose("@", &["n", "ni"], press, order);
            composer.check(&[], "@ni", &format!("{order:?}")).await;
            assert_eq!(composer.suggested().await, ["[nina]", "nico"], "{order:?}");
        }
    }
}

#[wasm_bindgen_test]
async fn arrows_walk_in_the_list_once_for_each_press() {
    for order in [EventOrder::ChromeAndFirefox, EventOrder::ChromeOnMacOs, EventOrder::Safari] {
        let composer = ComposerHarness::in_new_room().await.with_people(&["지은", "지민", "김지우"]);
        composer.compose("@", &["ㅈ"], DOWN, order);
        assert_eq!(composer.suggested().await, ["지은", "[지민]", "김지우"], "{order:?}");
        composer.press(DOWN);
        composer.press(DOWN);
        assert_eq!(composer.suggested().await, ["[지은]", "지민", "김지우"], "{order:?}");
        composer.press(ESCAPE);
        assert_eq!(composer.suggested().await, [""; 0]);
        composer.write("@지");
        assert_eq!(composer.suggested().await, [""; 0], "it stays closed for this word");
        composer.write("@지 ");
        composer.write("@지 @");
        assert_eq!(composer.suggested().await.len(), 3);
    }
}

#[wasm_bindgen_test]
async fn shift_and_enter_break_the_line_and_so_does_enter_in_code() {
    let composer = ComposerHarness::new("breaks").await;
    composer.write("첫 줄");
    composer.press(SHIFT_ENTER);
    composer.write(&format!("{}```", composer.textarea.value()));
    composer.press(ENTER);
    composer.check(&[], "첫 줄\n```\n", "in code").await;
    composer.write("첫 줄\n```\n코드\n```");
    composer.press(ENTER);
    composer.check(&["첫 줄\n```\n코드\n```"], "", "code is closed").await;
}

#[wasm_bindgen_test]
async fn the_setting_swaps_what_enter_does() {
    let composer = ComposerHarness::new("swap").await;
    composer.settings.set(Setting::EnterKey, Choice::NewLine);
    composer.write("첫 줄");
    composer.press(ENTER);
    composer.check(&[], "첫 줄\n", "Enter").await;
    composer.press(COMMAND_ENTER);
    composer.check(&["첫 줄"], "", "Ctrl and Enter").await;
}

#[wasm_bindgen_test]
async fn a_text_that_is_too_long_is_counted_not_sent_and_not_lost() {
    let composer = ComposerHarness::new("long").await;
    let left =
        || composer.container.query_selector(".characters-left").unwrap().unwrap().text_content().unwrap();
    composer.write(&"글".repeat(3_599));
    run_scheduled().await;
    assert_eq!(left(), "");
    composer.write(&"글".repeat(3_600));
    run_scheduled().await;
    assert!(left().contains("400"), "{}", left());
    let text = "글".repeat(4_001);
    composer.write(&text);
    composer.press(ENTER);
    composer.check(&[], &text, "too long").await;
    assert!(left().contains('1'), "{}", left());
}

#[wasm_bindgen_test]
async fn a_sent_message_stays_in_the_draft_until_the_outbox_is_stored() {
    let composer = ComposerHarness::new("kept").await;
    composer.write("보낸 말");
    composer.press(ENTER);
    assert_eq!(composer.textarea.value(), "");
    assert_eq!(storage::load_draft(&composer.room), "보낸 말");
    while composer.chat.outbox.with_untracked(|outbox| !outbox.unpersisted().is_empty()) {
        TimeoutFuture::new(5).await;
    }
    assert_eq!(storage::load_draft(&composer.room), "");
}

#[wasm_bindgen_test]
async fn a_draft_is_there_again_after_a_reload() {
    let composer = ComposerHarness::new("draft").await;
    composer.write("쓰다 만");
    let again = ComposerHarness::new("draft").await;
    run_scheduled().await;
    assert_eq!(again.textarea.value(), "쓰다 만");
}
