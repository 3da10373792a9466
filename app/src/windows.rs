//! The windows of one browser among themselves: what they tell each other, and who does alone what
//! only one of them need do.
//!
//! A browser may lack either: then each window finds out by itself, and does it as well.

use common::event::RoomEvent;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::window;
use serde::{Deserialize, Serialize};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{BroadcastChannel, MessageEvent};

const CHANNEL: &str = "madang";

/// How long another window may hold something up before this one goes ahead as well, in ms: it may
/// have been put to sleep in the middle.
const PATIENCE: u32 = 15_000;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum News {
    /// The outbox in the database has changed.
    Outbox,
    /// This, which was in the outbox, is in the log.
    Said(RoomEvent),
}

/// The other windows, to talk to.
#[derive(Clone)]
pub(crate) struct Windows(Option<BroadcastChannel>);

impl Windows {
    /// Listens as long as the page lives.
    pub(crate) fn listen(hear: impl Fn(News) + 'static) -> Windows {
        let channel = BroadcastChannel::new(CHANNEL).ok();
        if let Some(channel) = &channel {
            let listener = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
                let news = message.data().as_string();
                if let Some(news) = news.and_then(|news| serde_json::from_str(&news).ok()) {
                    hear(news);
                }
            });
            channel.set_onmessage(Some(listener.as_ref().unchecked_ref()));
            listener.forget();
        }
        Windows(channel)
    }

    pub(crate) fn tell(&self, news: &News) {
        if let (Some(channel), Ok(news)) = (&self.0, serde_json::to_string(news)) {
            // Fails only on a channel that was closed, and ours never is.
            let _ = channel.post_message(&news.into());
        }
    }
}

/// The right to do something alone, until it is dropped. A window that closes drops it.
pub(crate) struct Alone(Function);

impl Drop for Alone {
    fn drop(&mut self) {
        // Resolves a promise, which can not fail.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// Waits until no other window does the same: `None` if it takes too long or nobody can tell.
pub(crate) async fn alone(what: &str) -> Option<Alone> {
    let (grant, granted) = oneshot::channel();
    let mut grant = Some(grant);
    let hold = Closure::once_into_js(move || {
        Promise::new(&mut |release, _| {
            if let Some(grant) = grant.take() {
                // Whoever asked may have gone ahead: then the right is dropped at once.
                let _ = grant.send(Alone(release));
            }
        })
    });
    request(what, &hold)?;
    match select(granted, TimeoutFuture::new(PATIENCE)).await {
        Either::Left((alone, _)) => alone.ok(),
        Either::Right(_) => None,
    }
}

/// `navigator.locks.request(…)`, which web-sys does not have yet and plain HTTP never has.
fn request(what: &str, hold: &JsValue) -> Option<()> {
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    let request: Function = Reflect::get(&locks, &"request".into()).ok()?.dyn_into().ok()?;
    request.call2(&locks, &what.into(), hold).ok().map(drop)
}
