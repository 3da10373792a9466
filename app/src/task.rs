//! Work that goes on by itself, and waiting for what the browser brings.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use js_sys::{Array, Function, Promise};
use leptos::prelude::window;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Goes on with `work` as long as it takes. One type for all, so that the compiler builds the
/// machinery that drives it once and not for each, see "A small page" in docs/development.md.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    wasm_bindgen_futures::spawn_local(work);
}

/// Does something once so many milliseconds have passed.
pub(crate) fn later(milliseconds: u32, act: impl FnOnce() + 'static) {
    spawn(wait_and_act(milliseconds, Box::new(act)));
}

/// Does something in so many milliseconds, unless it is about to be done already, which the flag says.
pub(crate) fn soon(flag: &'static AtomicBool, milliseconds: u32, act: impl FnOnce() + 'static) {
    if !flag.swap(true, Relaxed) {
        later(milliseconds, move || {
            flag.store(false, Relaxed);
            act();
        });
    }
}

async fn wait_and_act(milliseconds: u32, act: Box<dyn FnOnce()>) {
    pause(milliseconds).await;
    act();
}

/// Waits so many milliseconds.
pub(crate) async fn pause(milliseconds: u32) {
    // Nothing can make it fail.
    let _ = JsFuture::from(Promise::new(&mut |over, _| call_after(milliseconds, &over))).await;
}

/// What a promise brings, unless it fails or takes longer than so many milliseconds.
pub(crate) async fn within(milliseconds: u32, promise: &Promise) -> Option<JsValue> {
    let too_late = Promise::new(&mut |_, fail| call_after(milliseconds, &fail));
    JsFuture::from(Promise::race(&Array::of2(promise, &too_late))).await.ok()
}

fn call_after(milliseconds: u32, act: &Function) {
    // A number and a function are always taken.
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(act, milliseconds as i32);
}
