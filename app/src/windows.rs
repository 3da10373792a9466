//! The windows of one browser among themselves: what they tell each other, and who does alone what
//! only one of them need do.
//!
//! A browser may lack either: then each window finds out by itself, and does it as well.

use common::{
    event::RoomEvent,
    json::{self, FromJson, Garbled, Json, ToJson},
};
use js_sys::{Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{BroadcastChannel, MessageEvent};

use crate::task::{spawn, within};

const CHANNEL: &str = "madang";

/// How long another window may hold something up before this one goes ahead as well, in ms: it may
/// have been put to sleep in the middle.
const PATIENCE: u32 = 15_000;

pub(crate) enum News {
    /// The outbox in the database has changed.
    Outbox,
    /// This, which was in the outbox, is in the log.
    Said(RoomEvent),
}

/// Nothing but the event, and without one it is about the outbox.
impl FromJson for News {
    fn from_json(json: Json) -> Result<News, Garbled> {
        Option::from_json(json).map(|said| said.map_or(News::Outbox, News::Said))
    }
}

impl ToJson for News {
    fn to_json(&self, text: &mut String) {
        match self {
            News::Outbox => None::<RoomEvent>.to_json(text),
            News::Said(event) => event.to_json(text),
        }
    }
}

thread_local! {
    /// A window does not hear what it says itself, as long as it says it here.
    static OTHERS: Option<BroadcastChannel> = BroadcastChannel::new(CHANNEL).ok();
}

/// Listens as long as the page lives.
pub(crate) fn listen(hear: impl Fn(News) + 'static) {
    let listener = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let news = message.data().as_string();
        if let Some(news) = news.and_then(|news| json::read(&news).ok()) {
            hear(news);
        }
    });
    OTHERS.with(|others| {
        if let Some(others) = others {
            others.set_onmessage(Some(listener.into_js_value().unchecked_ref()));
        }
    });
}

pub(crate) fn tell(news: &News) {
    OTHERS.with(|others| {
        if let Some(others) = others {
            // Fails only on a channel that was closed, and ours never is.
            let _ = others.post_message(&json::write(news).into());
        }
    });
}

/// The right to do something alone, until it is dropped. A window that closes drops it.
pub(crate) struct Alone(Function);

impl Alone {
    fn new(release: JsValue) -> Alone {
        Alone(release.unchecked_into())
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // Resolves a promise, which can not fail.
        let _ = self.0.call0(&JsValue::UNDEFINED);
    }
}

/// Waits until no other window does the same: `None` if it takes too long or nobody can tell.
pub(crate) async fn alone(what: &str) -> Option<Alone> {
    let granted = Promise::new(&mut |grant, refuse| {
        let hold = Closure::once_into_js(move || {
            Promise::new(&mut |release, _| drop(grant.call1(&JsValue::UNDEFINED, &release)))
        });
        if request(what, &hold).is_none() {
            let _ = refuse.call0(&JsValue::UNDEFINED);
        }
    });
    let release = within(PATIENCE, &granted).await;
    if release.is_none() {
        // Who has gone ahead meanwhile drops it at once.
        spawn(async move { drop(JsFuture::from(granted).await.map(Alone::new)) });
    }
    release.map(Alone::new)
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

    use futures_channel::{mpsc, oneshot};
    use futures_util::StreamExt;
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
        let (heard, mut hear) = mpsc::unbounded();
        listen(move |news| drop(heard.unbounded_send(news)));
        let another_window = BroadcastChannel::new(CHANNEL).unwrap();
        another_window.post_message(&json::write(&News::Outbox).into()).unwrap();
        assert!(matches!(hear.next().await, Some(News::Outbox)));
    }
}
