//! The tabs of one browser: messages between them (BroadcastChannel) and a lock (Web Locks).
//!
//! A browser may lack either. Then each tab finds out by itself, and does the work as well.

use common::{
    json::{self, FromJson, Json, ParseError, ToJson},
    protocol::push::RoomEvent,
};
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::task::{spawn, with_timeout};

const CHANNEL_NAME: &str = "madang";

/// How long to wait for the lock, in ms, before going ahead without it: the browser may have frozen the
/// tab that holds it.
const LOCK_TIMEOUT: u32 = 15_000;

pub(crate) enum TabMessage {
    /// The outbox in the database has changed.
    OutboxChanged,
    /// A message of the outbox is in the log.
    Sent(RoomEvent),
}

/// Encoded as the event of `Sent`, or `null` for `OutboxChanged`.
impl FromJson for TabMessage {
    fn from_json(json: Json) -> Result<TabMessage, ParseError> {
        Option::from_json(json).map(|event| event.map_or(TabMessage::OutboxChanged, TabMessage::Sent))
    }
}

impl ToJson for TabMessage {
    fn to_json(&self, text: &mut String) {
        match self {
            TabMessage::OutboxChanged => None::<RoomEvent>.to_json(text),
            TabMessage::Sent(event) => event.to_json(text),
        }
    }
}

thread_local! {
    /// One object for sending and receiving: a channel does not receive its own messages.
    static CHANNEL: Option<BroadcastChannel> = BroadcastChannel::new(CHANNEL_NAME).ok();
}

/// Listens as long as the page lives.
pub(crate) fn listen(on_message: impl Fn(TabMessage) + 'static) {
    let listener = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let text = message.data().as_string();
        if let Some(message) = text.and_then(|text| json::from_str(&text).ok()) {
            on_message(message);
        }
    });
    CHANNEL.with(|channel| {
        if let Some(channel) = channel {
            channel.set_onmessage(Some(listener.into_js_value().unchecked_ref()));
        }
    });
}

pub(crate) fn post(message: &TabMessage) {
    CHANNEL.with(|channel| {
        if let Some(channel) = channel {
            // Fails only on a channel that was closed, and ours never is.
            let _ = channel.post_message(&json::to_string(message).into());
        }
    });
}

/// A lock among tabs, released when dropped or when its tab closes.
pub(crate) struct TabLock(Function);

impl TabLock {
    fn new(release: JsValue) -> TabLock {
        TabLock(release.unchecked_into())
    }
}

impl Drop for TabLock {
    fn drop(&mut self) {
        // Resolves a promise, which can not fail.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// Waits for a lock; `None` after a timeout or if the browser has no locks.
pub(crate) async fn acquire_lock(what: &str) -> Option<TabLock> {
    let granted = Promise::new(&mut |grant, refuse| {
        let hold = Closure::once_into_js(move || {
            Promise::new(&mut |release, _| drop(grant.call1(&JsValue::UNDEFINED, &release)))
        });
        if request_lock(what, &hold).is_none() {
            let _ = refuse.call0(&JsValue::UNDEFINED);
        }
    });
    let release = with_timeout(LOCK_TIMEOUT, &granted).await;
    if release.is_none() {
        // Releases the lock at once if it is granted after the timeout.
        spawn(async move { drop(JsFuture::from(granted).await.map(TabLock::new)) });
    }
    release.map(TabLock::new)
}

/// `navigator.locks.request(…)`, which web-sys does not have yet and plain HTTP never has.
fn request_lock(what: &str, hold: &JsValue) -> Option<()> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
    request.call2(&locks, &what.into(), hold).ok().map(drop)
}

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use futures_channel::{mpsc, oneshot};
    use futures_util::StreamExt;
    use wasm_bindgen_futures::spawn_local;
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    async fn a_lock_is_held_by_one_at_a_time() {
        let done = Rc::new(RefCell::new(Vec::new()));
        let first = acquire_lock("교대").await.unwrap();
        let (seen, ended) = (done.clone(), oneshot::channel());
        spawn_local(async move {
            let _lock = acquire_lock("교대").await.unwrap();
            seen.borrow_mut().push("second");
            ended.0.send(()).unwrap();
        });
        acquire_lock("다른 일").await.unwrap();
        done.borrow_mut().push("first");
        drop(first);
        ended.1.await.unwrap();
        assert_eq!(*done.borrow(), ["first", "second"]);
    }

    #[wasm_bindgen_test]
    async fn a_message_of_one_tab_is_received_by_the_others() {
        let (sender, mut messages) = mpsc::unbounded();
        listen(move |message| drop(sender.unbounded_send(message)));
        let another_tab = BroadcastChannel::new(CHANNEL_NAME).unwrap();
        another_tab.post_message(&json::to_string(&TabMessage::OutboxChanged).into()).unwrap();
        assert!(matches!(messages.next().await, Some(TabMessage::OutboxChanged)));
    }
}
