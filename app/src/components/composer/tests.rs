//! The composer in a real browser, told what keyboards and input methods tell it.
//!
//! `CHROMEDRIVER=/usr/bin/chromedriver cargo test -p app --lib --features csr --target
//! wasm32-unknown-unknown` runs them; `webdriver.json` says how Chromium is started.

use common::room::RoomName;
use gloo_timers::future::TimeoutFuture;
use leptos::{mount::mount_to, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
use web_sys::{
    CompositionEvent, CompositionEventInit, Event, HtmlElement, HtmlTextAreaElement, InputEvent,
    InputEventInit, KeyboardEvent, KeyboardEventInit,
};

use super::Composer;
use crate::{
    chat::{Chat, provide_chat},
    i18n::provide_speech,
    storage,
};

wasm_bindgen_test_configure!(run_in_browser);

/// A mounted composer with nobody to talk to: what is sent stays in the outbox.
struct Bench {
    textarea: HtmlTextAreaElement,
    chat: Chat,
    room: RoomName,
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
            let chat = provide_chat();
            chat.enter(entered.clone());
            told.send(chat).unwrap();
            view! { <Composer room=entered/> }
        })
        .forget();
        let textarea = place.query_selector("textarea").unwrap().unwrap().unchecked_into();
        // What the composer does when it has come up, bringing the draft back for one.
        leptos::task::tick().await;
        Bench { textarea, chat: tell.recv().unwrap(), room }
    }

    fn key(&self, kind: &str, change: impl FnOnce(&KeyboardEventInit)) {
        let init = KeyboardEventInit::new();
        init.set_bubbles(true);
        init.set_cancelable(true);
        init.set_key("Enter");
        init.set_code("Enter");
        change(&init);
        let event = KeyboardEvent::new_with_keyboard_event_init_dict(kind, &init).unwrap();
        let went_through = self.textarea.dispatch_event(&event).unwrap();
        // What the browser would do about it.
        if kind == "keydown" && went_through && !init_is_composing(&init) {
            self.line_break();
        }
    }

    fn press(&self) {
        self.key("keydown", |_| ());
    }

    fn press_inside(&self) {
        self.key("keydown", |init| {
            init.set_is_composing(true);
            init.set_key_code(229);
            init.set_key("Process");
        });
    }

    fn press_taken(&self) {
        self.key("keydown", |init| init.set_key_code(229));
    }

    fn release(&self) {
        self.key("keyup", |_| ());
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

    /// Composes one syllable after the other in place of the last, as an input method does.
    fn compose(&self, before: &str, steps: &[&str]) {
        self.composition("compositionstart", "");
        for step in steps {
            self.composition("compositionupdate", step);
            self.write(&format!("{before}{step}"));
        }
    }

    fn end(&self, text: &str) {
        self.composition("compositionend", text);
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
}

impl Drop for Bench {
    fn drop(&mut self) {
        window().local_storage().unwrap().unwrap().clear().unwrap();
    }
}

fn init_is_composing(init: &KeyboardEventInit) -> bool {
    js_sys::Reflect::get(init, &JsValue::from_str("isComposing")).is_ok_and(|composing| composing.is_truthy())
}

#[wasm_bindgen_test]
async fn one_enter_sends_hangul_once_as_chrome_and_firefox_tell_it() {
    let bench = Bench::new("chrome").await;
    bench.compose("안녕하세", &["ㅇ", "요"]);
    bench.press_inside();
    bench.end("요");
    bench.release();
    assert_eq!(bench.sent().await, ["안녕하세요"]);
    assert_eq!(bench.textarea.value(), "");
}

#[wasm_bindgen_test]
async fn one_enter_sends_hangul_once_as_chrome_on_macos_tells_it() {
    let bench = Bench::new("macos").await;
    bench.compose("안", &["ㄴ", "녀", "녕"]);
    bench.press_inside();
    bench.end("녕");
    bench.press();
    bench.release();
    assert_eq!(bench.sent().await, ["안녕"]);
    assert_eq!(bench.textarea.value(), "");
}

#[wasm_bindgen_test]
async fn one_enter_sends_hangul_once_as_safari_tells_it() {
    let bench = Bench::new("safari").await;
    bench.compose("안", &["녕"]);
    bench.end("녕");
    bench.press_taken();
    bench.release();
    assert_eq!(bench.sent().await, ["안녕"]);
    assert_eq!(bench.textarea.value(), "");
}

#[wasm_bindgen_test]
async fn enter_confirms_kana_and_the_next_one_sends() {
    let bench = Bench::new("kana").await;
    bench.compose("", &["に", "にほん"]);
    bench.press_inside();
    bench.end("にほん");
    bench.release();
    assert_eq!(bench.sent().await, [""; 0]);
    bench.press();
    bench.release();
    assert_eq!(bench.sent().await, ["にほん"]);
}

#[wasm_bindgen_test]
async fn a_second_message_right_behind_the_first_is_sent_too() {
    let bench = Bench::new("twice").await;
    for text in ["가", "나"] {
        bench.compose("", &[text]);
        bench.press_inside();
        bench.end(text);
        bench.release();
        TimeoutFuture::new(5).await;
    }
    assert_eq!(bench.sent().await, ["가", "나"]);
}

#[wasm_bindgen_test]
async fn shift_and_enter_break_the_line() {
    let bench = Bench::new("shift").await;
    bench.write("첫 줄");
    bench.key("keydown", |init| init.set_shift_key(true));
    bench.write(&format!("{}둘째 줄", bench.textarea.value()));
    bench.press();
    assert_eq!(bench.sent().await, ["첫 줄\n둘째 줄"]);
}

#[wasm_bindgen_test]
async fn a_text_that_is_too_long_is_not_sent_and_not_lost() {
    let bench = Bench::new("long").await;
    let text = "글".repeat(4_001);
    bench.write(&text);
    bench.press();
    assert_eq!(bench.sent().await, [""; 0]);
    assert_eq!(bench.textarea.value(), text);
}

#[wasm_bindgen_test]
async fn what_is_sent_stays_a_draft_until_it_is_kept() {
    let bench = Bench::new("kept").await;
    bench.write("보낸 말");
    bench.press();
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
