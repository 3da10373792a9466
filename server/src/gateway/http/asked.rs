//! What the requests about a room have in common: which room, by whom, and the parameters.
//!
//! Reading them decides nothing; a part that can not be read is refused with its own code.

use std::str::FromStr;

use anyhow::Context;
use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderMap, header, request::Parts},
};
use common::{person::DisplayName, refusal::Refusal, room::RoomName};
use url::form_urlencoded;

use crate::{
    chat::{
        Chat,
        people::{Claim, Identity},
    },
    failure::Failure,
    gateway::{answer::BEARER, guard::Visitor},
};

/// A request about a room.
pub(super) struct Asked {
    pub(super) room: RoomName,
    pub(super) visitor: Visitor,
    /// The token of the `Authorization` header.
    bearer: Option<String>,
    parameters: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked, Failure> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(room) = path.map_err(|_| Refusal::BadRequest)?;
        let visitor = parts.extensions.get::<Visitor>().context("a request that did not pass the guard")?;
        let query = parts.uri.query().unwrap_or_default();
        Ok(Asked {
            room: RoomName::parse(&room)?,
            visitor: visitor.clone(),
            bearer: bearer(&parts.headers),
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }
}

impl Asked {
    /// Refuses every parameter but these: one that is misspelt must not be taken for none.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), Refusal> {
        let is_known = |(name, _): &(String, String)| names.contains(&name.as_str());
        if self.parameters.iter().all(is_known) { Ok(()) } else { Err(Refusal::BadRequest) }
    }

    /// The parameter of this name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The parameter of this name, which is a number.
    pub(super) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, Refusal> {
        self.text(name).map(|text| text.parse().map_err(|_| Refusal::BadRequest)).transpose()
    }

    /// Finds out who asks: by token, by cookie, or a guest who goes by `name`. Each request counts as
    /// a connection of its address.
    pub(super) async fn identify(&self, chat: &Chat, name: Option<DisplayName>) -> Result<Identity, Failure> {
        chat.knock(self.visitor.peer.address)?;
        let claim = Claim { token: self.bearer.clone(), remembered: self.visitor.token.clone(), name };
        chat.identify(claim).await
    }
}

/// Another scheme than ours is somebody else's: a reverse proxy that asks for a password passes it on.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim().to_owned())
}
