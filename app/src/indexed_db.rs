//! IndexedDB, used only here: the outbox, which survives a killed browser, and a cache of the own rooms.
//!
//! A write to the outbox completes when the data is on the disk (`durability: "strict"`). All tabs of a
//! browser share it; the database assigns ascending keys without gaps, independent of the clock. The
//! rooms are in a database of their own, so that the outbox never waits for their transactions. `None`
//! means that a request failed this time: storage is full, or the disk is slow. A database that does not
//! open at all is [unavailable](is_unavailable) as long as the page lives.

use std::cell::RefCell;

use common::room::RoomName;
use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{IdbDatabase, IdbObjectStore, IdbObjectStoreParameters, IdbRequest, IdbTransaction};

use crate::{state::outbox::OutboxKey, task::with_timeout};

const VERSION: u32 = 1;

/// Timeout of a database request, in ms.
const TIMEOUT: u32 = 10_000;

/// A database with one object store.
#[derive(Clone, Copy)]
enum Database {
    Outbox,
    Rooms,
}

impl Database {
    fn name(self) -> &'static str {
        ["madang", "madang-rooms"][self as usize]
    }

    fn store(self) -> &'static str {
        ["outbox", "rooms"][self as usize]
    }

    /// The rooms are only a cache of the server's data, so losing them is harmless.
    fn durability(self) -> &'static str {
        ["strict", "relaxed"][self as usize]
    }
}

/// Whether the outbox can not be stored in this browser.
pub(crate) fn is_unavailable() -> bool {
    STATES.with_borrow(|states| matches!(states[Database::Outbox as usize], State::Unavailable))
}

/// Returns all entries of the outbox in the order of their keys.
pub(crate) async fn load_outbox() -> Option<Vec<(OutboxKey, String)>> {
    let results =
        transact(Database::Outbox, "readonly", &|outbox| Ok(vec![outbox.get_all_keys()?, outbox.get_all()?]))
            .await?;
    let [keys, texts] = &*results else { return None };
    let (keys, texts) = (Array::from(keys), Array::from(texts));
    let entries = keys.iter().zip(texts.iter());
    Some(
        entries.filter_map(|(outbox_key, text)| Some((parse_key(&outbox_key)?, text.as_string()?))).collect(),
    )
}

/// Appends texts, all or none, and returns their keys once they are on the disk.
pub(crate) async fn add(texts: &[String]) -> Option<Vec<OutboxKey>> {
    let add = |outbox: &IdbObjectStore| texts.iter().map(|text| outbox.add(&text.into())).collect();
    transact(Database::Outbox, "readwrite", &add).await?.iter().map(parse_key).collect()
}

/// Replaces the text of a key.
pub(crate) async fn put(outbox_key: OutboxKey, text: &str) {
    transact(Database::Outbox, "readwrite", &|outbox| {
        Ok(vec![outbox.put_with_key(&text.into(), &to_js(outbox_key))?])
    })
    .await;
}

pub(crate) async fn remove(keys: &[OutboxKey]) {
    transact(Database::Outbox, "readwrite", &|outbox| {
        keys.iter().map(|outbox_key| outbox.delete(&to_js(*outbox_key))).collect()
    })
    .await;
}

/// Returns the cached data of all rooms.
pub(crate) async fn load_rooms() -> Option<Vec<String>> {
    let results = transact(Database::Rooms, "readonly", &|rooms| Ok(vec![rooms.get_all()?])).await?;
    Some(Array::from(results.first()?).iter().filter_map(|text| text.as_string()).collect())
}

/// Stores the cached data of rooms; `None` removes it.
pub(crate) async fn save_rooms(rooms_data: Vec<(RoomName, Option<String>)>) {
    let make_requests = |rooms: &IdbObjectStore| {
        let write = |(room, text): &(RoomName, Option<String>)| match text {
            Some(text) => rooms.put_with_key(&text.into(), &room.as_str().into()),
            None => rooms.delete(&room.as_str().into()),
        };
        rooms_data.iter().map(write).collect()
    };
    transact(Database::Rooms, "readwrite", &make_requests).await;
}

/// Removes the cached data of all rooms.
pub(crate) async fn clear_rooms() {
    transact(Database::Rooms, "readwrite", &|rooms| Ok(vec![rooms.clear()?])).await;
}

fn to_js(outbox_key: OutboxKey) -> JsValue {
    JsValue::from_f64(outbox_key.0 as f64)
}

fn parse_key(key: &JsValue) -> Option<OutboxKey> {
    key.as_f64().map(|key| OutboxKey(key as u64))
}

/// The requests of a transaction.
type Requests = Result<Vec<IdbRequest>, JsValue>;

/// Makes requests in one transaction, waits for its completion and returns the results. Transactions
/// complete in the order in which they were begun.
async fn transact(
    database: Database,
    mode: &str,
    make_requests: &dyn Fn(&IdbObjectStore) -> Requests,
) -> Option<Vec<JsValue>> {
    let transaction = match begin_transaction(&open(database).await?, database, mode) {
        Ok(transaction) => transaction,
        // The browser has closed the database, as after "clear site data".
        Err(_) => {
            set_state(database, State::NotOpened);
            begin_transaction(&open(database).await?, database, mode).ok()?
        }
    };
    let requests = make_requests(&transaction.object_store(database.store()).ok()?).ok()?;
    let completed = Promise::new(&mut |complete, fail| {
        transaction.set_oncomplete(Some(&complete));
        transaction.set_onabort(Some(&fail));
    });
    with_timeout(TIMEOUT, &completed).await?;
    requests.iter().map(|request| request.result().ok()).collect()
}

/// Calls `transaction(…, {durability: …})`, which web-sys does not have yet.
fn begin_transaction(open: &IdbDatabase, database: Database, mode: &str) -> Result<IdbTransaction, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &database.durability().into())?;
    let transaction: Function = Reflect::get(open, &"transaction".into())?.dyn_into()?;
    transaction.call3(open, &database.store().into(), &mode.into(), &options)?.dyn_into()
}

#[derive(Clone)]
enum State {
    NotOpened,
    Open(IdbDatabase),
    /// Forbidden in this browser, or it failed to open: not tried again.
    Unavailable,
}

thread_local! {
    /// One for each [`Database`].
    static STATES: RefCell<[State; 2]> = const { RefCell::new([State::NotOpened, State::NotOpened]) };
}

fn set_state(database: Database, state: State) {
    STATES.with_borrow_mut(|states| states[database as usize] = state);
}

async fn open(database: Database) -> Option<IdbDatabase> {
    match STATES.with_borrow(|states| states[database as usize].clone()) {
        State::Open(open) => return Some(open),
        State::Unavailable => return None,
        State::NotOpened => {}
    }
    let open = try_open(database).await;
    set_state(database, open.clone().map_or(State::Unavailable, State::Open));
    open
}

async fn try_open(database: Database) -> Option<IdbDatabase> {
    let request = window().indexed_db().ok()??.open_with_u32(database.name(), VERSION).ok()?;
    let upgrade = request.clone();
    let create_store = Closure::once_into_js(move || {
        let new = upgrade.result().ok()?.dyn_into::<IdbDatabase>().ok()?;
        let options = IdbObjectStoreParameters::new();
        options.set_auto_increment(true);
        new.create_object_store_with_optional_parameters(database.store(), &options).ok()
    });
    request.set_onupgradeneeded(Some(create_store.unchecked_ref()));
    let opened = Promise::new(&mut |succeed, fail| {
        request.set_onsuccess(Some(&succeed));
        request.set_onerror(Some(&fail));
    });
    with_timeout(TIMEOUT, &opened).await?;
    let open: IdbDatabase = request.result().ok()?.dyn_into().ok()?;
    let outdated = open.clone();
    // A newer version of the page in another tab must be able to upgrade the database.
    let close_outdated = Closure::once_into_js(move || outdated.close());
    open.set_onversionchange(Some(close_outdated.unchecked_ref()));
    Some(open)
}

#[cfg(test)]
#[cfg(target_arch = "wasm32")]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    /// The texts of these keys; other tests write to the same outbox.
    async fn at(keys: &[OutboxKey]) -> Vec<String> {
        let entries = load_outbox().await.unwrap();
        entries
            .into_iter()
            .filter(|(outbox_key, _)| keys.contains(outbox_key))
            .map(|(_, text)| text)
            .collect()
    }

    #[wasm_bindgen_test]
    async fn texts_get_consecutive_keys() {
        let keys = add(&["하나".to_owned(), "둘".to_owned()]).await.unwrap();
        assert_eq!(keys[1].0, keys[0].0 + 1);
        assert_eq!(at(&keys).await, ["하나", "둘"]);
    }

    #[wasm_bindgen_test]
    async fn a_text_is_replaced_under_its_key() {
        let keys = add(&["하나".to_owned(), "둘".to_owned()]).await.unwrap();
        put(keys[0], "다른 하나").await;
        assert_eq!(at(&keys).await, ["다른 하나", "둘"]);
    }

    #[wasm_bindgen_test]
    async fn the_key_of_a_removed_text_is_not_used_again() {
        let first = add(&["하나".to_owned()]).await.unwrap();
        remove(&first).await;
        let second = add(&["둘".to_owned()]).await.unwrap();
        assert!(second[0] > first[0]);
        assert_eq!(at(&[first[0], second[0]]).await, ["둘"]);
    }

    #[wasm_bindgen_test]
    async fn a_database_that_the_browser_closed_is_opened_anew() {
        open(Database::Outbox).await.unwrap().close();
        let keys = add(&["다음 말".to_owned()]).await.unwrap();
        assert_eq!(at(&keys).await, ["다음 말"]);
    }

    #[wasm_bindgen_test]
    async fn the_cached_data_of_a_room_is_replaced_by_new_data() {
        let [here, there] = ["여기", "저기"].map(|room| RoomName::parse(room).unwrap());
        let entry = |room: &RoomName, text: Option<&str>| (room.clone(), text.map(str::to_owned));
        save_rooms(vec![entry(&here, Some("하나")), entry(&there, Some("둘"))]).await;
        save_rooms(vec![entry(&here, Some("다른 하나")), entry(&there, None)]).await;
        assert_eq!(load_rooms().await.unwrap(), ["다른 하나"]);
        clear_rooms().await;
        assert_eq!(load_rooms().await.unwrap(), [""; 0]);
    }
}
