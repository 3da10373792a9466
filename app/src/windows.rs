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

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use wasm_bindgen_futures::spawn_local;
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    async fn one_at_a_time_does_what_is_done_alone() {
        let done = Rc::new(RefCell::new(Vec::new()));
        let first = alone("교대").await.unwrap();
        let (seen, ended) = (done.clone(), oneshot::channel());
        spawn_local(async move {
            let _alone = alone("교대").await.unwrap();
            seen.borrow_mut().push("second");
            ended.0.send(()).unwrap();
        });
        alone("다른 일").await.unwrap();
        done.borrow_mut().push("first");
        drop(first);
        ended.1.await.unwrap();
        assert_eq!(*done.borrow(), ["first", "second"]);
    }

    #[wasm_bindgen_test]
    async fn what_one_window_tells_the_others_hear() {
        let (heard, mut hear) = futures_channel::mpsc::unbounded();
        // It listens as long as the page lives, which is longer than this test.
        let _listening = Windows::listen(move |news| drop(heard.unbounded_send(news)));
        Windows::listen(|_| ()).tell(&News::Outbox);
        let news = futures_util::StreamExt::next(&mut hear).await;
        assert!(matches!(news, Some(News::Outbox)));
    }
}
