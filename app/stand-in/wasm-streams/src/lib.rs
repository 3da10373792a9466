//! Stands in for the crate `wasm-streams`, so that the page need not carry it.
//!
//! Leptos always brings its server functions, and these that crate, for bodies that are streams.
//! Madang has no server functions, but the crate exports classes to JavaScript, and what is exported
//! no linker can leave out: 6 KB of every first visit. Here is what the server functions must find
//! in order to be compiled, and nothing that does anything; the workspace's `[patch]` puts it there.

use futures_util::stream::{self, Stream};
use wasm_bindgen::{JsCast, JsValue};

pub struct ReadableStream;

impl ReadableStream {
    pub fn from_raw(_: web_sys::ReadableStream) -> ReadableStream {
        ReadableStream
    }

    pub fn from_stream(_: impl Stream<Item = Result<JsValue, JsValue>> + 'static) -> ReadableStream {
        ReadableStream
    }

    pub fn into_raw(self) -> web_sys::ReadableStream {
        JsValue::UNDEFINED.unchecked_into()
    }

    pub fn into_stream(self) -> impl Stream<Item = Result<JsValue, JsValue>> {
        stream::empty()
    }
}
