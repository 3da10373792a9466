//! The one file that knows IndexedDB: texts in a row, which a killed browser does not lose.
//!
//! Writing is over when the disk has it (`durability: "strict"`). All windows of a browser share
//! the row; the database gives places in order and without a gap, whatever the clock does. `None`
//! means that it did not work this time: there is no room left, or the disk is slow; a database that
//! does not even open is [missing](is_missing) for as long as the page lives.

use std::cell::RefCell;

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbObjectStore, IdbObjectStoreParameters, IdbRequest, IdbTransaction};

use crate::state::outbox::Place;

const DATABASE: &str = "madang";
const VERSION: u32 = 1;
const OUTBOX: &str = "outbox";

/// How long the database may take for one thing before nobody waits for it any more, in ms.
const PATIENCE: u32 = 10_000;

/// Whether this browser keeps nothing.
pub(crate) fn is_missing() -> bool {
    STATE.with_borrow(|state| matches!(state, State::Missing))
}

/// The whole row, in its order.
pub(crate) async fn read() -> Option<Vec<(Place, String)>> {
    let (places, texts) =
        transact("readonly", |outbox| Ok((outbox.get_all_keys()?, outbox.get_all()?))).await?;
    let (places, texts) = (Array::from(&places.result().ok()?), Array::from(&texts.result().ok()?));
    let row = places.iter().zip(texts.iter());
    Some(row.filter_map(|(place, text)| Some((read_place(&place)?, text.as_string()?))).collect())
}

/// Adds texts at the end, all or none, and tells their places once the disk has them.
pub(crate) async fn add(texts: &[String]) -> Option<Vec<Place>> {
    let add = |outbox: &IdbObjectStore| texts.iter().map(|text| outbox.add(&text.into())).collect();
    let added: Vec<IdbRequest> = transact("readwrite", add).await?;
    added.iter().map(|added| read_place(&added.result().ok()?)).collect()
}

/// Writes another text at this place.
pub(crate) async fn put(place: Place, text: &str) {
    transact("readwrite", |outbox| outbox.put_with_key(&text.into(), &key(place))).await;
}

pub(crate) async fn remove(places: &[Place]) {
    let remove =
        |outbox: &IdbObjectStore| places.iter().try_for_each(|place| outbox.delete(&key(*place)).map(drop));
    transact("readwrite", remove).await;
}

fn key(place: Place) -> JsValue {
    JsValue::from_f64(place.0 as f64)
}

fn read_place(key: &JsValue) -> Option<Place> {
    key.as_f64().map(|key| Place(key as u64))
}

/// Does `work` in one transaction and waits until the transaction is over. Transactions are over in
/// the order in which they were begun.
async fn transact<T>(mode: &str, work: impl FnOnce(&IdbObjectStore) -> Result<T, JsValue>) -> Option<T> {
    let transaction = match begin(&open().await?, mode) {
        Ok(transaction) => transaction,
        // The browser has closed it, as when its data are cleared.
        Err(_) => {
            STATE.set(State::Unopened);
            begin(&open().await?, mode).ok()?
        }
    };
    let done = work(&transaction.object_store(OUTBOX).ok()?).ok()?;
    finish(Promise::new(&mut |complete, fail| {
        transaction.set_oncomplete(Some(&complete));
        transaction.set_onabort(Some(&fail));
    }))
    .await?;
    Some(done)
}

/// `transaction(…, {durability: "strict"})`, which web-sys does not have yet.
fn begin(database: &IdbDatabase, mode: &str) -> Result<IdbTransaction, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &"strict".into())?;
    let transaction: Function = Reflect::get(database, &"transaction".into())?.dyn_into()?;
    transaction.call3(database, &OUTBOX.into(), &mode.into(), &options)?.dyn_into()
}

#[derive(Clone)]
enum State {
    Unopened,
    Open(IdbDatabase),
    /// Forbidden in this browser, or it does not open: nobody waits for it a second time.
    Missing,
}

thread_local! {
    static STATE: RefCell<State> = const { RefCell::new(State::Unopened) };
}

async fn open() -> Option<IdbDatabase> {
    match STATE.with_borrow(State::clone) {
        State::Open(database) => return Some(database),
        State::Missing => return None,
        State::Unopened => {}
    }
    let database = opened().await;
    STATE.set(database.clone().map_or(State::Missing, State::Open));
    database
}

async fn opened() -> Option<IdbDatabase> {
    let request = window().indexed_db().ok()??.open_with_u32(DATABASE, VERSION).ok()?;
    let empty = request.clone();
    let furnish = Closure::once_into_js(move || {
        let database = empty.result().ok()?.dyn_into::<IdbDatabase>().ok()?;
        let options = IdbObjectStoreParameters::new();
        options.set_auto_increment(true);
        database.create_object_store_with_optional_parameters(OUTBOX, &options).ok()
    });
    request.set_onupgradeneeded(Some(furnish.unchecked_ref()));
    finish(Promise::new(&mut |succeed, fail| {
        request.set_onsuccess(Some(&succeed));
        request.set_onerror(Some(&fail));
    }))
    .await?;
    let database: IdbDatabase = request.result().ok()?.dyn_into().ok()?;
    let outdated = database.clone();
    // A newer page in another window may not have to wait for this one.
    let make_way = Closure::once_into_js(move || outdated.close());
    database.set_onversionchange(Some(make_way.unchecked_ref()));
    Some(database)
}

/// Waits for the database, but not for ever.
async fn finish(promise: Promise) -> Option<()> {
    match select(JsFuture::from(promise), TimeoutFuture::new(PATIENCE)).await {
        Either::Left((result, _)) => result.ok().map(drop),
        Either::Right(_) => None,
    }
}

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    /// What stands at these places; other tests write into the same row.
    async fn at(places: &[Place]) -> Vec<String> {
        let row = read().await.unwrap();
        row.into_iter().filter(|(place, _)| places.contains(place)).map(|(_, text)| text).collect()
    }

    #[wasm_bindgen_test]
    async fn texts_stand_in_a_row_without_a_gap() {
        let places = add(&["하나".to_owned(), "둘".to_owned()]).await.unwrap();
        assert_eq!(places[1].0, places[0].0 + 1);
        assert_eq!(at(&places).await, ["하나", "둘"]);
    }

    #[wasm_bindgen_test]
    async fn a_text_is_changed_in_its_place() {
        let places = add(&["하나".to_owned(), "둘".to_owned()]).await.unwrap();
        put(places[0], "다른 하나").await;
        assert_eq!(at(&places).await, ["다른 하나", "둘"]);
    }

    #[wasm_bindgen_test]
    async fn the_place_of_a_removed_text_is_not_given_again() {
        let first = add(&["하나".to_owned()]).await.unwrap();
        remove(&first).await;
        let second = add(&["둘".to_owned()]).await.unwrap();
        assert!(second[0] > first[0]);
        assert_eq!(at(&[first[0], second[0]]).await, ["둘"]);
    }

    #[wasm_bindgen_test]
    async fn a_database_that_the_browser_closed_is_opened_anew() {
        open().await.unwrap().close();
        let places = add(&["다음 말".to_owned()]).await.unwrap();
        assert_eq!(at(&places).await, ["다음 말"]);
    }
}
