//! Identities: registered people, who have a token, and guests, who exist as long as their session.
//!
//! A token is 256 random bits in hexadecimal. The database holds only its hash, so a copy of the
//! database does not allow anybody to impersonate people.

use std::fmt;

use common::{
    message::Timestamp,
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
};
use sha2::{Digest, Sha256};
use tokio::time::Instant;
use tracing::warn;

use super::{
    Chat,
    limits::{Cost, RateKey},
    timestamp_now,
};
use crate::{
    address::ClientAddress,
    error::Error,
    store::{RegisteredPerson, TokenHash},
};

/// How precisely it is recorded when a person last came.
const LAST_SEEN_PRECISION_MS: i64 = 24 * 60 * 60 * 1000;

/// The credentials of a connection or request.
#[derive(Debug, Default)]
pub struct Credentials {
    /// A token given explicitly. If it is unknown, authentication fails.
    pub token: Option<String>,
    /// The token from a browser's cookie. If it is unknown, it is ignored.
    pub cookie_token: Option<String>,
    /// The display name of a guest; ignored with a valid token.
    pub name: Option<DisplayName>,
}

/// An authenticated person.
#[derive(Clone, Debug)]
pub struct Identity {
    pub person: Person,
    /// Whether the person has a token, and can come back under the same id.
    pub is_registered: bool,
    /// When they registered; now for a guest.
    pub first_seen: Timestamp,
}

impl Identity {
    /// The key under which this identity's requests without a session are limited.
    pub(super) fn rate_key(&self, address: ClientAddress) -> RateKey {
        if self.is_registered { RateKey::Person(self.person.id) } else { RateKey::guests(address) }
    }
}

/// A secret that identifies one registered person.
pub struct Token(String);

impl Token {
    fn new() -> Token {
        Token(format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()))
    }

    /// Returns the secret, for its owner only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Chat {
    /// Returns the person behind the credentials, or a new guest. The refusal is `unknown_token`.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Identity, Error> {
        if let Some(token) = credentials.token {
            let found = self.find_person(&token).await?.ok_or(Refusal::UnknownToken)?;
            return Ok(Identity { person: found.person, is_registered: true, first_seen: found.since });
        }
        if let Some(cookie_token) = credentials.cookie_token
            && let Some(found) = self.find_person(&cookie_token).await?
        {
            return Ok(Identity { person: found.person, is_registered: true, first_seen: found.since });
        }
        let id = PersonId(rand::random());
        let name = credentials.name.unwrap_or_else(|| DisplayName::for_guest(id));
        Ok(Identity { person: Person::new(id, name), is_registered: false, first_seen: timestamp_now() })
    }

    /// Looks up the person of a cookie's token. Returns `None` without a token or if it is unknown.
    pub async fn person_by_token(&self, cookie_token: Option<&str>) -> Result<Option<Person>, Error> {
        match cookie_token {
            Some(token) => Ok(self.find_person(token).await?.map(|found| found.person)),
            None => Ok(None),
        }
    }

    /// Looks up the person of a token, and records once a day that they have come.
    async fn find_person(&self, token: &str) -> Result<Option<RegisteredPerson>, Error> {
        let Some(found) = self.0.store.get_person_by_token(hash_token(token)).await? else { return Ok(None) };
        let (id, now) = (found.person.id, timestamp_now());
        if now.0.saturating_sub(found.last_seen.0) > LAST_SEEN_PRECISION_MS {
            let chat = self.clone();
            // Not awaited: on a full disk people can still come and read.
            tokio::spawn(async move {
                if let Err(error) = chat.0.store.set_last_seen(id, now).await {
                    warn!("recording that somebody came: {}", error.into_refusal());
                }
            });
        }
        Ok(Some(found))
    }

    /// Renames the person of `cookie_token`, or registers a new person and returns their token.
    /// The refusal is `too_fast`, by address, and for a rename by person.
    pub async fn register_or_rename(
        &self,
        name: DisplayName,
        cookie_token: Option<&str>,
        address: ClientAddress,
    ) -> Result<(Person, Option<Token>), Error> {
        self.check_connection_rate(address)?;
        if let Some(mut person) = self.person_by_token(cookie_token).await? {
            let key = RateKey::Person(person.id);
            self.0.rate_limiter.take(key, Cost::Join, Instant::now())?;
            person.name = name;
            self.0.store.rename_person(person.id, person.name.clone()).await?;
            self.broadcast_rename(&person);
            return Ok((person, None));
        }
        let person = Person::new(PersonId(rand::random()), name);
        let token = self.register(&person).await?;
        Ok((person, Some(token)))
    }

    /// Stores a person and returns the token with which they can come back.
    pub(super) async fn register(&self, person: &Person) -> Result<Token, Error> {
        let token = Token::new();
        self.0.store.insert_person(person.clone(), hash_token(token.reveal()), timestamp_now()).await?;
        Ok(token)
    }
}

fn hash_token(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
