//! Spawning futures, timers, and waiting for promises.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use js_sys::{Array, Function, Promise};
use leptos::prelude::window;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

/// Spawns a boxed future. One type for all, so that the executor's code is compiled once, see "The weight
/// of the page" in docs/development.md.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    let work: Pin<Box<dyn Future<Output = ()>>> = Box::pin(work);
    wasm_bindgen_futures::spawn_local(work);
}

/// Calls `act` after a delay.
pub(crate) fn run_after(milliseconds: u32, act: impl FnOnce() + 'static) {
    spawn(sleep_then_run(milliseconds, Box::new(act)));
}

/// Calls `act` after a delay, unless a call with the same flag is scheduled already.
pub(crate) fn schedule_once(flag: &'static AtomicBool, milliseconds: u32, act: impl FnOnce() + 'static) {
    if !flag.swap(true, Relaxed) {
        run_after(milliseconds, move || {
            flag.store(false, Relaxed);
            act();
        });
    }
}

async fn sleep_then_run(milliseconds: u32, act: Box<dyn FnOnce()>) {
    sleep(milliseconds).await;
    act();
}

/// Waits for a number of milliseconds.
pub(crate) async fn sleep(milliseconds: u32) {
    // The promise is never rejected.
    let _ = JsFuture::from(Promise::new(&mut |over, _| set_timeout(milliseconds, &over))).await;
}

/// Returns the value of a promise, or `None` if it is rejected or takes too long.
pub(crate) async fn with_timeout(milliseconds: u32, promise: &Promise) -> Option<JsValue> {
    let too_late = Promise::new(&mut |_, fail| set_timeout(milliseconds, &fail));
    JsFuture::from(Promise::race(&Array::of2(promise, &too_late))).await.ok()
}

fn set_timeout(milliseconds: u32, act: &Function) {
    // Fails only for wrong argument types.
    let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(act, milliseconds as i32);
}
