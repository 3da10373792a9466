//! Madang's page: everything that runs in the browser.
//!
//! `app` picks the page by the route; pages and components render the signals of `chat` and call
//! its methods; `chat` updates the plain structs of `state` with the data that `socket` and `api`
//! receive. Only `socket` uses the WebSocket. `state` depends neither on the browser nor on Leptos, so
//! `cargo test -p app` runs it natively. Both build tools build this library; [`start`] is its entry
//! point in the browser.

// The component macro generates `pub` items, and props are always passed by value.
#![allow(unreachable_pub, clippy::needless_pass_by_value)]

pub mod app;

mod route;

mod pages;

mod components;

mod chat;

mod state;

mod view;

mod task;

mod field;

mod context;

mod socket;

mod api;

mod emoji;

mod indexed_db;

mod tabs;

mod storage;

mod settings;

mod notifications;

mod badge;

mod device;

mod time_format;

mod i18n;

#[cfg(feature = "csr")]
#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    /// `console.error`, which also prints a stack trace.
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// Mounts the app and replaces the skeleton of `index.html`.
#[cfg(feature = "csr")]
#[wasm_bindgen::prelude::wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| error(&panic.to_string())));
    // Browser tests mount single components themselves.
    #[cfg(not(test))]
    app::mount();
}
