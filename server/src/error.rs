//! The error type of the server: a refusal or an internal error.
//!
//! Clients receive refusals. Internal errors are logged with their context, and the client receives
//! `internal`.

use common::refusal::Refusal;
use tracing::error;

/// Why a request failed.
#[derive(Debug)]
pub enum Error {
    /// A refusal, which the client receives.
    Refused(Refusal),
    /// An internal error, which only the log receives.
    Internal(anyhow::Error),
}

impl Error {
    /// Returns the refusal for the client, logging an internal error.
    pub fn into_refusal(self) -> Refusal {
        match self {
            Error::Refused(refusal) => refusal,
            Error::Internal(error) => {
                error!("{error:#}");
                Refusal::Internal
            }
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::Refused(refusal)
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Error::Internal(error)
    }
}
