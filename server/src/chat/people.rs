//! Who somebody is: a person kept under a token, or a guest who is forgotten on leaving.
//!
//! A token is 256 random bits in hexadecimal. Only its hash is stored, so whoever reads the
//! database can not be anybody.

use std::{fmt, net::IpAddr};

use common::{
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
};
use sha2::{Digest, Sha256};

use super::{Chat, now};
use crate::{failure::Failure, store::TokenHash};

/// What a connection says about itself.
#[derive(Debug, Default)]
pub struct Claim {
    /// A token that must be right.
    pub token: Option<String>,
    /// A token that a browser kept: when it means nothing any more, it is as if there were none.
    pub remembered: Option<String>,
    /// The name to go by, for somebody who has no token.
    pub name: Option<DisplayName>,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub struct Identity {
    pub person: Person,
    /// Whether this person can come back and be the same.
    pub kept: bool,
}

/// A secret that makes its holder one person, again and again.
pub struct Token(String);

impl Token {
    fn new() -> Token {
        Token(format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>()))
    }

    /// The secret itself, for the holder's eyes.
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
    /// Finds out who is there. The refusal is `unknown_token`.
    pub async fn identify(&self, claim: Claim) -> Result<Identity, Failure> {
        if let Some(token) = claim.token {
            let person = self.0.store.get_person(hash(&token)).await?.ok_or(Refusal::UnknownToken)?;
            return Ok(Identity { person, kept: true });
        }
        if let Some(person) = self.recall(claim.remembered.as_deref()).await? {
            return Ok(Identity { person, kept: true });
        }
        let id = PersonId(rand::random());
        let name = claim.name.unwrap_or_else(|| DisplayName::of_guest(id));
        Ok(Identity { person: Person { id, name }, kept: false })
    }

    /// The person a browser's token stands for, if it still stands for one.
    pub async fn recall(&self, remembered: Option<&str>) -> Result<Option<Person>, Failure> {
        match remembered {
            Some(token) => self.0.store.get_person(hash(token)).await,
            None => Ok(None),
        }
    }

    /// Gives the person behind `remembered` this name, or makes a new person of that name with a
    /// token to keep. The refusal is `too_fast`, by address.
    pub async fn introduce(
        &self,
        name: DisplayName,
        remembered: Option<&str>,
        address: IpAddr,
    ) -> Result<(Person, Option<Token>), Failure> {
        self.knock(address)?;
        if let Some(mut person) = self.recall(remembered).await? {
            person.name = name;
            self.0.store.rename_person(person.id, person.name.clone()).await?;
            self.spread_name(&person);
            return Ok((person, None));
        }
        let person = Person { id: PersonId(rand::random()), name };
        let token = self.keep(&person).await?;
        Ok((person, Some(token)))
    }

    /// Keeps a person, who can come back with the token from now on.
    pub(super) async fn keep(&self, person: &Person) -> Result<Token, Failure> {
        let token = Token::new();
        self.0.store.append_person(person.clone(), hash(token.reveal()), now()).await?;
        Ok(token)
    }
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
