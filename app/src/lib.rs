//! Madang's page: everything that runs in the browser.
//!
//! `app` picks the page, pages and components show what `chat` knows and call its verbs; `chat`
//! feeds the plain structs of `state` with what `socket` and `api` bring. Only `socket` knows the
//! WebSocket, and `state` knows neither the browser nor Leptos, so `cargo test -p app` runs it.
//! Both build tools build this library; [`start`] is where the browser begins.

// The component macro writes `pub` items of its own, and props are owned by their nature.
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

mod handle;

mod socket;

mod api;

mod emoji;

mod indexed_db;

mod windows;

mod storage;

mod settings;

mod notices;

mod device;

mod when;

mod i18n;

#[cfg(feature = "csr")]
#[wasm_bindgen::prelude::wasm_bindgen]
extern "C" {
    /// Writes into the browser's console, with the way there.
    #[wasm_bindgen(js_namespace = console)]
    fn error(text: &str);
}

/// Takes the page over from the skeleton in `index.html`.
#[cfg(feature = "csr")]
#[wasm_bindgen::prelude::wasm_bindgen(start)]
pub fn start() {
    std::panic::set_hook(Box::new(|panic| error(&panic.to_string())));
    // In the tests' browser nothing is to be mounted but what a test asks for.
    #[cfg(not(test))]
    app::mount();
}
