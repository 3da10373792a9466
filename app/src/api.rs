//! What the page asks over plain HTTP: who am I, call me so, which rooms are there.
//!
//! Only this file knows the addresses. The answers are those of `common::event`.

use common::{
    event::{IntroduceYourself, Me, Refused, RoomList, RoomSummary},
    json::{self, FromJson},
    person::{DisplayName, Person},
};
use js_sys::wasm_bindgen::{JsCast, JsValue};
use leptos::prelude::window;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, Response};

use crate::socket::Failure;

/// The person this browser's cookie stands for, if it has one.
pub(crate) async fn me() -> Result<Option<Person>, Failure> {
    let me: Me = read(fetch("/api/me", None).await)?;
    Ok(me.you)
}

/// Introduces this browser; from here on its cookie stands for a person of this name.
pub(crate) async fn introduce(name: DisplayName) -> Result<Option<Person>, Failure> {
    let body = json::write(&IntroduceYourself { name });
    let me: Me = read(fetch("/api/me", Some(&body)).await)?;
    Ok(me.you)
}

/// Rooms with somebody in them or something said, the latest first.
pub(crate) async fn rooms() -> Result<Vec<RoomSummary>, Failure> {
    let list: RoomList = read(fetch("/api/rooms", None).await)?;
    Ok(list.rooms)
}

/// The text of one of the page's own files.
pub(crate) async fn file(path: &str) -> Option<String> {
    fetch(path, None).await.ok().filter(|(ok, _)| *ok).map(|(_, text)| text)
}

/// The answer's status and text; posts when there is a body.
async fn fetch(path: &str, body: Option<&str>) -> Result<(bool, String), JsValue> {
    let init = RequestInit::new();
    if let Some(body) = body {
        init.set_method("POST");
        init.set_body(&body.into());
    }
    let request = Request::new_with_str_and_init(path, &init)?;
    if body.is_some() {
        request.headers().set("content-type", "application/json")?;
    }
    let response: Response = JsFuture::from(window().fetch_with_request(&request)).await?.dyn_into()?;
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.ok(), text.as_string().unwrap_or_default()))
}

/// The answer, the server's refusal, or, when it is neither, a server that can not be reached:
/// a proxy in front of it answers with pages of its own.
fn read<T: FromJson>(response: Result<(bool, String), JsValue>) -> Result<T, Failure> {
    match response {
        Ok((true, text)) => json::read(&text).map_err(|_| Failure::Disconnected),
        Ok((false, text)) => {
            let refused = json::read::<Refused>(&text).map_err(|_| Failure::Disconnected)?;
            Err(Failure::Refused(refused.error))
        }
        Err(_) => Err(Failure::Disconnected),
    }
}
