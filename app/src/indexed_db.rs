//! The one file that knows IndexedDB: texts in a row, which a killed browser does not lose, and what
//! is kept of one's rooms.
//!
//! Writing the row is over when the disk has it (`durability: "strict"`). All windows of a browser
//! share it; the database gives places in order and without a gap, whatever the clock does. The rooms
//! are in a database of their own: whatever is done to them, the row never waits for it. `None`
//! means that it did not work this time: there is no room left, or the disk is slow; a database that
//! does not even open is [missing](is_missing) for as long as the page lives.

use std::cell::RefCell;

use common::room::RoomName;
use js_sys::{Array, Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};
use web_sys::{IdbDatabase, IdbObjectStore, IdbObjectStoreParameters, IdbRequest, IdbTransaction};

use crate::{state::outbox::Place, task::within};

const VERSION: u32 = 1;

/// How long the database may take for one thing before nobody waits for it any more, in ms.
const PATIENCE: u32 = 10_000;

/// A database, which has one store.
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

    /// What is kept of a room the server has as well.
    fn durability(self) -> &'static str {
        ["strict", "relaxed"][self as usize]
    }
}

/// Whether this browser keeps nothing.
pub(crate) fn is_missing() -> bool {
    STATES.with_borrow(|states| matches!(states[Database::Outbox as usize], State::Missing))
}

/// The whole row, in its order.
pub(crate) async fn read() -> Option<Vec<(Place, String)>> {
    let row =
        transact(Database::Outbox, "readonly", &|outbox| Ok(vec![outbox.get_all_keys()?, outbox.get_all()?]))
            .await?;
    let [places, texts] = &*row else { return None };
    let (places, texts) = (Array::from(places), Array::from(texts));
    let row = places.iter().zip(texts.iter());
    Some(row.filter_map(|(place, text)| Some((read_place(&place)?, text.as_string()?))).collect())
}

/// Adds texts at the end, all or none, and tells their places once the disk has them.
pub(crate) async fn add(texts: &[String]) -> Option<Vec<Place>> {
    let add = |outbox: &IdbObjectStore| texts.iter().map(|text| outbox.add(&text.into())).collect();
    transact(Database::Outbox, "readwrite", &add).await?.iter().map(read_place).collect()
}

/// Writes another text at this place.
pub(crate) async fn put(place: Place, text: &str) {
    transact(Database::Outbox, "readwrite", &|outbox| {
        Ok(vec![outbox.put_with_key(&text.into(), &key(place))?])
    })
    .await;
}

pub(crate) async fn remove(places: &[Place]) {
    transact(Database::Outbox, "readwrite", &|outbox| {
        places.iter().map(|place| outbox.delete(&key(*place))).collect()
    })
    .await;
}

/// What is kept of each room.
pub(crate) async fn rooms() -> Option<Vec<String>> {
    let read = transact(Database::Rooms, "readonly", &|rooms| Ok(vec![rooms.get_all()?])).await?;
    Some(Array::from(read.first()?).iter().filter_map(|text| text.as_string()).collect())
}

/// Keeps this of these rooms, or nothing any more.
pub(crate) async fn keep_rooms(kept: Vec<(RoomName, Option<String>)>) {
    let keep = |rooms: &IdbObjectStore| {
        let keep = |(room, text): &(RoomName, Option<String>)| match text {
            Some(text) => rooms.put_with_key(&text.into(), &room.as_str().into()),
            None => rooms.delete(&room.as_str().into()),
        };
        kept.iter().map(keep).collect()
    };
    transact(Database::Rooms, "readwrite", &keep).await;
}

/// Keeps nothing of any room any more.
pub(crate) async fn forget_rooms() {
    transact(Database::Rooms, "readwrite", &|rooms| Ok(vec![rooms.clear()?])).await;
}

fn key(place: Place) -> JsValue {
    JsValue::from_f64(place.0 as f64)
}

fn read_place(key: &JsValue) -> Option<Place> {
    key.as_f64().map(|key| Place(key as u64))
}

/// What a transaction asks for.
type Requests = Result<Vec<IdbRequest>, JsValue>;

/// Asks for something in one transaction and waits until the transaction is over; what was brought.
/// Transactions are over in the order in which they were begun.
async fn transact(
    database: Database,
    mode: &str,
    ask: &dyn Fn(&IdbObjectStore) -> Requests,
) -> Option<Vec<JsValue>> {
    let transaction = match begin(&open(database).await?, database, mode) {
        Ok(transaction) => transaction,
        // The browser has closed it, as when its data are cleared.
        Err(_) => {
            set_state(database, State::Unopened);
            begin(&open(database).await?, database, mode).ok()?
        }
    };
    let requests = ask(&transaction.object_store(database.store()).ok()?).ok()?;
    let over = Promise::new(&mut |complete, fail| {
        transaction.set_oncomplete(Some(&complete));
        transaction.set_onabort(Some(&fail));
    });
    within(PATIENCE, &over).await?;
    requests.iter().map(|request| request.result().ok()).collect()
}

/// `transaction(…, {durability: …})`, which web-sys does not have yet.
fn begin(open: &IdbDatabase, database: Database, mode: &str) -> Result<IdbTransaction, JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &database.durability().into())?;
    let transaction: Function = Reflect::get(open, &"transaction".into())?.dyn_into()?;
    transaction.call3(open, &database.store().into(), &mode.into(), &options)?.dyn_into()
}

#[derive(Clone)]
enum State {
    Unopened,
    Open(IdbDatabase),
    /// Forbidden in this browser, or it does not open: nobody waits for it a second time.
    Missing,
}

thread_local! {
    /// One for each [`Database`].
    static STATES: RefCell<[State; 2]> = const { RefCell::new([State::Unopened, State::Unopened]) };
}

fn set_state(database: Database, state: State) {
    STATES.with_borrow_mut(|states| states[database as usize] = state);
}

async fn open(database: Database) -> Option<IdbDatabase> {
    match STATES.with_borrow(|states| states[database as usize].clone()) {
        State::Open(open) => return Some(open),
        State::Missing => return None,
        State::Unopened => {}
    }
    let open = opened(database).await;
    set_state(database, open.clone().map_or(State::Missing, State::Open));
    open
}

async fn opened(database: Database) -> Option<IdbDatabase> {
    let request = window().indexed_db().ok()??.open_with_u32(database.name(), VERSION).ok()?;
    let empty = request.clone();
    let furnish = Closure::once_into_js(move || {
        let new = empty.result().ok()?.dyn_into::<IdbDatabase>().ok()?;
        let options = IdbObjectStoreParameters::new();
        options.set_auto_increment(true);
        new.create_object_store_with_optional_parameters(database.store(), &options).ok()
    });
    request.set_onupgradeneeded(Some(furnish.unchecked_ref()));
    let answered = Promise::new(&mut |succeed, fail| {
        request.set_onsuccess(Some(&succeed));
        request.set_onerror(Some(&fail));
    });
    within(PATIENCE, &answered).await?;
    let open: IdbDatabase = request.result().ok()?.dyn_into().ok()?;
    let outdated = open.clone();
    // A newer page in another window may not have to wait for this one.
    let make_way = Closure::once_into_js(move || outdated.close());
    open.set_onversionchange(Some(make_way.unchecked_ref()));
    Some(open)
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
        open(Database::Outbox).await.unwrap().close();
        let places = add(&["다음 말".to_owned()]).await.unwrap();
        assert_eq!(at(&places).await, ["다음 말"]);
    }

    #[wasm_bindgen_test]
    async fn what_is_kept_of_a_room_takes_the_place_of_what_was() {
        let [here, there] = ["여기", "저기"].map(|room| RoomName::parse(room).unwrap());
        let kept = |room: &RoomName, text: Option<&str>| (room.clone(), text.map(str::to_owned));
        keep_rooms(vec![kept(&here, Some("하나")), kept(&there, Some("둘"))]).await;
        keep_rooms(vec![kept(&here, Some("다른 하나")), kept(&there, None)]).await;
        assert_eq!(rooms().await.unwrap(), ["다른 하나"]);
        forget_rooms().await;
        assert_eq!(rooms().await.unwrap(), [""; 0]);
    }
}
