//! Extracts what all requests about a room share: the room, the client and the query parameters.
//!
//! A part that can not be parsed is refused with its own code; access is checked by the chat.

use std::str::FromStr;

use anyhow::Context;
use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};
use common::{person::DisplayName, refusal::Refusal, room::RoomName};
use url::form_urlencoded;

use crate::{
    chat::{
        Chat,
        identity::{Credentials, Identity},
    },
    transport::{
        error::{Refused, SEE_OPENAPI},
        guard::ClientInfo,
    },
};

/// The longest part of an unknown parameter's name that is shown.
const MAX_SHOWN_NAME: usize = 32;

/// The extractor for requests about a room.
pub(super) struct RoomRequest {
    pub(super) room: RoomName,
    pub(super) client: ClientInfo,
    parameters: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for RoomRequest {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<RoomRequest, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(room) = path.map_err(|_| {
            Refused::from(Refusal::BadRequest).saying("The room's name is not UTF-8.").about("room")
        })?;
        let client = parts.extensions.get::<ClientInfo>().context("a request that did not pass the guard")?;
        let query = parts.uri.query().unwrap_or_default();
        Ok(RoomRequest {
            room: RoomName::parse(&room).map_err(|refusal| Refused::from(refusal).about("room"))?,
            client: client.clone(),
            parameters: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }
}

impl RoomRequest {
    /// Refuses all parameters but these, so that a misspelt one is not silently ignored.
    pub(super) fn allow_only(&self, names: &[&str]) -> Result<(), Refused> {
        let is_unknown = |(name, _): &&(String, String)| !names.contains(&name.as_str());
        match self.parameters.iter().find(is_unknown) {
            None => Ok(()),
            Some((name, _)) => Err(bad_parameter(name, "is no parameter of this request")),
        }
    }

    /// Returns the first value of this parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Parses the value of this parameter as a number.
    pub(super) fn number_parameter<N: FromStr>(&self, name: &str) -> Result<Option<N>, Refused> {
        let refused = || bad_parameter(name, "should be a whole number that is not negative");
        self.parameter(name).map(|text| text.parse().map_err(|_| refused())).transpose()
    }

    /// Authenticates the client by the `Authorization` token, by the cookie, or as a guest called
    /// `name`. Counts as a connection in the rate limit of the client's address.
    pub(super) async fn authenticate(
        &self,
        chat: &Chat,
        name: Option<DisplayName>,
    ) -> Result<Identity, Refused> {
        chat.check_connection_rate(self.client.address)?;
        let cookie_token = self.client.cookie_token().map(str::to_owned);
        let credentials = Credentials { token: self.client.bearer.clone(), cookie_token, name };
        Ok(chat.authenticate(credentials).await?)
    }
}

/// Refuses a parameter. `problem` completes a sentence that begins with its name.
fn bad_parameter(name: &str, problem: &str) -> Refused {
    // A name may be as long as the URL.
    let name: String = name.chars().take(MAX_SHOWN_NAME).collect();
    Refused::from(Refusal::BadRequest).saying(format!("`{name}` {problem}; {SEE_OPENAPI}.")).about(name)
}
