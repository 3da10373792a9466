//! The HTTP requests of the page: identity, name, list of rooms. The URLs are known here only.

use common::{
    json::{self, FromJson},
    person::{DisplayName, Person},
    protocol::{
        http::{Me, RoomList, RoomSummary, UpdateMe},
        reply::ErrorReply,
    },
};
use js_sys::wasm_bindgen::{JsCast, JsValue};
use leptos::prelude::window;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, Response};

use crate::socket::RequestError;

/// Returns the person of this browser's cookie, if it has one.
pub(crate) async fn me() -> Result<Option<Person>, RequestError> {
    let me: Me = parse_response(fetch("/api/me", None).await)?;
    Ok(me.you)
}

/// Registers this browser under a name, or renames its person.
pub(crate) async fn register_or_rename(name: DisplayName) -> Result<Option<Person>, RequestError> {
    let body = json::to_string(&UpdateMe { name });
    let me: Me = parse_response(fetch("/api/me", Some(&body)).await)?;
    Ok(me.you)
}

/// Lists the rooms that have members or messages, the most recent first.
pub(crate) async fn list_rooms() -> Result<Vec<RoomSummary>, RequestError> {
    let list: RoomList = parse_response(fetch("/api/rooms", None).await)?;
    Ok(list.rooms)
}

/// Fetches a static file of the page.
pub(crate) async fn fetch_text(path: &str) -> Option<String> {
    fetch(path, None).await.ok().filter(|(ok, _)| *ok).map(|(_, text)| text)
}

/// Returns whether the status is a success, and the text. Posts if there is a body.
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

/// Parses the reply or the server's refusal. Anything else, as the error page of a proxy, counts as
/// disconnected.
fn parse_response<T: FromJson>(response: Result<(bool, String), JsValue>) -> Result<T, RequestError> {
    match response {
        Ok((true, text)) => json::from_str(&text).map_err(|_| RequestError::Disconnected),
        Ok((false, text)) => {
            let refused = json::from_str::<ErrorReply>(&text).map_err(|_| RequestError::Disconnected)?;
            Err(RequestError::Refused(refused.error))
        }
        Err(_) => Err(RequestError::Disconnected),
    }
}
