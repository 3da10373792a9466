//! What the page asks over plain HTTP: who am I, call me so, which rooms are there.
//!
//! Only this file knows the addresses. The answers are those of `common::event`.

use common::{
    event::{IntroduceYourself, Me, Refused, RoomList, RoomSummary},
    person::{DisplayName, Person},
};
use gloo_net::http::{Request, Response};
use serde::de::DeserializeOwned;

use crate::socket::Failure;

/// The person this browser's cookie stands for, if it has one.
pub(crate) async fn me() -> Result<Option<Person>, Failure> {
    let me: Me = read(Request::get("/api/me").send().await).await?;
    Ok(me.you)
}

/// Introduces this browser; from here on its cookie stands for a person of this name.
pub(crate) async fn introduce(name: DisplayName) -> Result<Option<Person>, Failure> {
    let body = serde_json::to_string(&IntroduceYourself { name }).map_err(|_| Failure::Disconnected)?;
    let request = Request::post("/api/me").header("content-type", "application/json").body(body);
    let me: Me = read(request.map_err(|_| Failure::Disconnected)?.send().await).await?;
    Ok(me.you)
}

/// Rooms with somebody in them or something said, the latest first.
pub(crate) async fn rooms() -> Result<Vec<RoomSummary>, Failure> {
    let list: RoomList = read(Request::get("/api/rooms").send().await).await?;
    Ok(list.rooms)
}

/// The answer, the server's refusal, or, when it is neither, a server that can not be reached:
/// a proxy in front of it answers with pages of its own.
async fn read<T: DeserializeOwned>(response: Result<Response, gloo_net::Error>) -> Result<T, Failure> {
    let response = response.map_err(|_| Failure::Disconnected)?;
    let text = response.text().await.map_err(|_| Failure::Disconnected)?;
    if response.ok() {
        serde_json::from_str(&text).map_err(|_| Failure::Disconnected)
    } else {
        let refused = serde_json::from_str::<Refused>(&text).map_err(|_| Failure::Disconnected)?;
        Err(Failure::Refused(refused.error))
    }
}
