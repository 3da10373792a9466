//! The composer in a real browser, told what keyboards and input methods tell it.
//!
//! `CHROMEDRIVER=/usr/bin/chromedriver cargo test -p app --lib --features csr --target
//! wasm32-unknown-unknown` runs them; `webdriver.json` says how Chromium is started.

use std::sync::atomic::{AtomicU32, Ordering};

use common::{
    event::{Change, Presence, Push},
    person::{DisplayName, Person, PersonId},
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
    i18n::provide_speech,
    notices::provide_notices,
    route::provide_router,
    settings::{Choice, Setting, Settings, provide_settings, use_settings},
    storage,
};

wasm_bindgen_test_configure!(run_in_browser);

/// A mounted composer with nobody to talk to: what is sent stays in the outbox.
struct Bench {
    place: HtmlElement,
    textarea: HtmlTextAreaElement,
    chat: Chat,
    settings: Settings,
    room: RoomName,
}

/// A key with what is held beside it.
#[derive(Clone, Copy)]
struct Press {
    key: &'static str,
    shift: bool,
    command: bool,
}

const ENTER: Press = Press { key: "Enter", shift: false, command: false };
const SHIFT_ENTER: Press = Press { shift: true, ..ENTER };
const COMMAND_ENTER: Press = Press { command: true, ..ENTER };
const TAB: Press = Press { key: "Tab", ..ENTER };
const DOWN: Press = Press { key: "ArrowDown", ..ENTER };
const ESCAPE: Press = Press { key: "Escape", ..ENTER };

/// In which order a browser tells that a press ends a composition.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    ChromeAndFirefox,
    ChromeOnMacOs,
    Safari,
    /// As Chrome where it also tells of the line break that the input method has left it.
    WithLineBreak,
}

const ORDERS: [Order; 4] =
    [Order::ChromeAndFirefox, Order::ChromeOnMacOs, Order::Safari, Order::WithLineBreak];

/// How a press belongs to a composition.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    None,
    /// The browser says that it does: `isComposing`.
    Inside,
    /// The browser says only that the input method has taken it: `keyCode` 229.
    Taken,
}

impl Bench {
    async fn new(room: &str) -> Bench {
        let place: HtmlElement = document().create_element("div").unwrap().unchecked_into();
        document().body().unwrap().append_child(&place).unwrap();
        let room = RoomName::parse(room).unwrap();
        let entered = room.clone();
        let (told, tell) = std::sync::mpsc::channel();
        mount_to(place.clone(), move || {
            provide_speech();
            provide_settings();
            provide_router();
            provide_notices();
            provide_emojis();
            provide_composer();
            provide_dialogs();
            let chat = provide_chat();
            chat.enter(entered.clone());
            told.send((chat, use_settings())).unwrap();
            view! { <Composer room=entered/> }
        })
        .forget();
        let textarea = place.query_selector("textarea").unwrap().unwrap().unchecked_into();
        // What the composer does when it has come up, bringing the draft back for one.
        leptos::task::tick().await;
        let (chat, settings) = tell.recv().unwrap();
        Bench { place, textarea, chat, settings, room }
    }

    /// In a room where nothing has been written before.
    async fn somewhere() -> Bench {
        static ROOMS: AtomicU32 = AtomicU32::new(0);
        Bench::new(&format!("방 {}", ROOMS.fetch_add(1, Ordering::Relaxed))).await
    }

    fn with_people(self, names: &[&str]) -> Bench {
        let here = names.iter().enumerate().map(|(place, name)| {
            let name = DisplayName::parse(name).unwrap();
            Change::Here(Person { id: PersonId(place as u64), name })
        });
        let told =
            Presence { room: self.room.clone(), changes: here.collect(), here: Some(names.len() as u32) };
        self.chat.hear_room(Push::Presence(told));
        self
    }

    /// The key goes down; what the browser would do about it is the business of the caller.
    fn down(&self, press: Press, part: Part) -> bool {
        let init = KeyboardEventInit::new();
        init.set_key(if part == Part::Inside { "Process" } else { press.key });
        init.set_is_composing(part == Part::Inside);
        if part != Part::None {
            init.set_key_code(229);
        }
        self.key("keydown", press, &init)
    }

    fn up(&self, press: Press) {
        let init = KeyboardEventInit::new();
        init.set_key(press.key);
        self.key("keyup", press, &init);
    }

    fn key(&self, kind: &str, press: Press, init: &KeyboardEventInit) -> bool {
        init.set_bubbles(true);
        init.set_cancelable(true);
        init.set_code(press.key);
        init.set_shift_key(press.shift);
        init.set_ctrl_key(press.command);
        let event = KeyboardEvent::new_with_keyboard_event_init_dict(kind, init).unwrap();
        self.textarea.dispatch_event(&event).unwrap()
    }

    /// A press while nothing is being composed.
    fn press(&self, press: Press) {
        if self.down(press, Part::None) && press.key == "Enter" {
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

    /// Composes each step in place of the last, as an input method does, and ends with this press.
    fn compose(&self, before: &str, steps: &[&str], press: Press, order: Order) {
        self.composition("compositionstart", "");
        for step in steps {
            self.composition("compositionupdate", step);
            self.write(&format!("{before}{step}"));
        }
        let composed = steps.last().unwrap();
        if order == Order::Safari {
            self.composition("compositionend", composed);
            if self.down(press, Part::Taken) && press.key == "Enter" {
                self.line_break();
            }
        } else {
            self.down(press, Part::Inside);
            if order == Order::WithLineBreak {
                self.line_break();
            }
            self.composition("compositionend", composed);
        }
        if order == Order::ChromeOnMacOs && self.down(press, Part::None) && press.key == "Enter"
            || order == Order::WithLineBreak
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

    /// What has been sent since, after everything that was put off has happened.
    async fn sent(&self) -> Vec<String> {
        TimeoutFuture::new(20).await;
        self.chat.outbox.with_untracked(|outbox| {
            outbox.in_room(&self.room).map(|message| message.body.to_string()).collect()
        })
    }

    async fn check(&self, sent: &[&str], left: &str, what: &str) {
        assert_eq!(self.sent().await, sent, "sent: {what}");
        assert_eq!(self.textarea.value(), left, "left: {what}");
    }

    /// The names in the list, the marked one in brackets.
    async fn suggested(&self) -> Vec<String> {
        TimeoutFuture::new(20).await;
        let options = self.place.query_selector_all("[role=option]").unwrap();
        let text = |place| {
            let option: HtmlElement = options.item(place).unwrap().unchecked_into();
            let name = option.last_element_child().unwrap().text_content().unwrap();
            let marked = option.get_attribute("aria-selected").as_deref() == Some("true");
            if marked { format!("[{name}]") } else { name }
        };
        (0..options.length()).map(text).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.place.remove();
        window().local_storage().unwrap().unwrap().clear().unwrap();
    }
}

/// What is written before, what is composed step by step, and the text there is then.
type Composed = (&'static str, &'static [&'static str], &'static str);

const HANGUL: Composed = ("안녕하세", &["ㅇ", "요"], "안녕하세요");
const KANA: Composed = ("", &["に", "にほん", "日本"], "日本");
const PINYIN: Composed = ("好", &["n", "ni"], "好ni");

#[wasm_bindgen_test]
async fn one_press_sends_hangul_once_in_every_order_of_events() {
    let (before, steps, text) = HANGUL;
    for order in ORDERS {
        for (press, enter) in
            [(ENTER, Choice::Sends), (COMMAND_ENTER, Choice::Sends), (COMMAND_ENTER, Choice::Breaks)]
        {
            let bench = Bench::somewhere().await;
            bench.settings.choose(Setting::Enter, enter);
            bench.compose(before, steps, press, order);
            bench.check(&[text], "", &format!("{order:?} {enter:?}")).await;
            bench.compose("", &["ㄴ", "네"], press, order);
            bench.check(&[text, "네"], "", &format!("{order:?} {enter:?}, again")).await;
        }
    }
}

#[wasm_bindgen_test]
async fn a_syllable_that_is_begun_at_once_is_not_sent_with_the_message_before_it() {
    let (before, steps, text) = HANGUL;
    for order in ORDERS {
        let bench = Bench::somewhere().await;
        bench.compose(before, steps, ENTER, order);
        // The machine has been too slow to do anything in between.
        bench.down(Press { key: "ㄴ", ..ENTER }, Part::Taken);
        bench.composition("compositionstart", "");
        bench.write(&format!("{}ㄴ", bench.textarea.value()));
        bench.check(&[text], "ㄴ", &format!("{order:?}")).await;
    }
}

#[wasm_bindgen_test]
async fn kana_and_pinyin_are_confirmed_and_the_next_press_sends() {
    for order in ORDERS {
        for (before, steps, text) in [KANA, PINYIN] {
            for press in [ENTER, COMMAND_ENTER] {
                let bench = Bench::somewhere().await;
                bench.compose(before, steps, press, order);
                bench.check(&[], text, &format!("{order:?}")).await;
                bench.press(press);
                bench.check(&[text], "", &format!("{order:?}, again")).await;
            }
        }
    }
}

#[wasm_bindgen_test]
async fn nothing_is_sent_where_enter_breaks_the_line() {
    for order in ORDERS {
        for (before, steps, text) in [HANGUL, KANA, PINYIN] {
            let bench = Bench::somewhere().await;
            bench.compose(before, steps, SHIFT_ENTER, order);
            assert_eq!(bench.sent().await, [""; 0], "{order:?} Shift");
            assert_eq!(bench.textarea.value().trim_end(), text, "{order:?} Shift");

            bench.settings.choose(Setting::Enter, Choice::Breaks);
            bench.compose(before, steps, ENTER, order);
            assert_eq!(bench.sent().await, [""; 0], "{order:?} swapped");
            assert_eq!(bench.textarea.value().trim_end(), text, "{order:?} swapped");

            bench.settings.choose(Setting::Enter, Choice::Sends);
            bench.compose(&format!("```\n{before}"), steps, ENTER, order);
            assert_eq!(bench.sent().await, [""; 0], "{order:?} in code");
            assert_eq!(bench.textarea.value().trim_end(), format!("```\n{text}"), "{order:?} in code");
        }
    }
}

#[wasm_bindgen_test]
async fn one_press_chooses_a_name_still_being_composed_in_every_order_of_events() {
    for order in ORDERS {
        for press in [ENTER, TAB] {
            let bench = Bench::somewhere().await.with_people(&["지은", "민호", "김지우"]);
            bench.compose("이따 @", &["ㅈ", "지", "짐"], DOWN, Order::ChromeAndFirefox);
            assert_eq!(bench.suggested().await, [""; 0], "nobody is called so");
            bench.compose("이따 @", &["ㅈ", "지"], press, order);
            bench.check(&[], "이따 @지은 ", &format!("{order:?}")).await;
            assert_eq!(bench.suggested().await, [""; 0]);
            bench.press(ENTER);
            bench.check(&["이따 @지은"], "", &format!("{order:?}, then sent")).await;
        }
    }
}

#[wasm_bindgen_test]
async fn the_list_leaves_its_keys_to_kana_and_pinyin() {
    for order in ORDERS {
        for press in [ENTER, TAB, DOWN, ESCAPE] {
            let bench = Bench::somewhere().await.with_people(&["nina", "nico"]);
            bench.compose("@", &["n", "ni"], press, order);
            bench.check(&[], "@ni", &format!("{order:?}")).await;
            assert_eq!(bench.suggested().await, ["[nina]", "nico"], "{order:?}");
        }
    }
}

#[wasm_bindgen_test]
async fn arrows_walk_in_the_list_once_for_each_press() {
    for order in [Order::ChromeAndFirefox, Order::ChromeOnMacOs, Order::Safari] {
        let bench = Bench::somewhere().await.with_people(&["지은", "지민", "김지우"]);
        bench.compose("@", &["ㅈ"], DOWN, order);
        assert_eq!(bench.suggested().await, ["지은", "[지민]", "김지우"], "{order:?}");
        bench.press(DOWN);
        bench.press(DOWN);
        assert_eq!(bench.suggested().await, ["[지은]", "지민", "김지우"], "{order:?}");
        bench.press(ESCAPE);
        assert_eq!(bench.suggested().await, [""; 0]);
        bench.write("@지");
        assert_eq!(bench.suggested().await, [""; 0], "it stays closed for this word");
        bench.write("@지 ");
        bench.write("@지 @");
        assert_eq!(bench.suggested().await.len(), 3);
    }
}

#[wasm_bindgen_test]
async fn shift_and_enter_break_the_line_and_so_does_enter_in_code() {
    let bench = Bench::new("breaks").await;
    bench.write("첫 줄");
    bench.press(SHIFT_ENTER);
    bench.write(&format!("{}```", bench.textarea.value()));
    bench.press(ENTER);
    bench.check(&[], "첫 줄\n```\n", "in code").await;
    bench.write("첫 줄\n```\n코드\n```");
    bench.press(ENTER);
    bench.check(&["첫 줄\n```\n코드\n```"], "", "code is closed").await;
}

#[wasm_bindgen_test]
async fn the_setting_swaps_what_enter_does() {
    let bench = Bench::new("swap").await;
    bench.settings.choose(Setting::Enter, Choice::Breaks);
    bench.write("첫 줄");
    bench.press(ENTER);
    bench.check(&[], "첫 줄\n", "Enter").await;
    bench.press(COMMAND_ENTER);
    bench.check(&["첫 줄"], "", "Ctrl and Enter").await;
}

#[wasm_bindgen_test]
async fn a_text_that_is_too_long_is_counted_not_sent_and_not_lost() {
    let bench = Bench::new("long").await;
    let left = || bench.place.query_selector(".left").unwrap().unwrap().text_content().unwrap();
    bench.write(&"글".repeat(3_599));
    TimeoutFuture::new(5).await;
    assert_eq!(left(), "");
    bench.write(&"글".repeat(3_600));
    TimeoutFuture::new(5).await;
    assert!(left().contains("400"), "{}", left());
    let text = "글".repeat(4_001);
    bench.write(&text);
    bench.press(ENTER);
    bench.check(&[], &text, "too long").await;
    assert!(left().contains('1'), "{}", left());
}

#[wasm_bindgen_test]
async fn what_is_sent_stays_a_draft_until_it_is_kept() {
    let bench = Bench::new("kept").await;
    bench.write("보낸 말");
    bench.press(ENTER);
    assert_eq!(bench.textarea.value(), "");
    assert_eq!(storage::draft(&bench.room), "보낸 말");
    while bench.chat.outbox.with_untracked(|outbox| !outbox.pending().is_empty()) {
        TimeoutFuture::new(5).await;
    }
    assert_eq!(storage::draft(&bench.room), "");
}

#[wasm_bindgen_test]
async fn a_draft_is_there_again_after_a_reload() {
    let bench = Bench::new("draft").await;
    bench.write("쓰다 만");
    let again = Bench::new("draft").await;
    TimeoutFuture::new(20).await;
    assert_eq!(again.textarea.value(), "쓰다 만");
}
