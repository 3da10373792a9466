//! The two ways something can fail.
//!
//! A refusal is the client's to hear. Everything else is ours: it is logged with its context, and
//! the client hears `internal`.

use common::refusal::Refusal;
use tracing::error;

/// Why something was not done.
#[derive(Debug)]
pub enum Failure {
    /// The client asked for something it can not have, and may know why.
    Refused(Refusal),
    /// We could not do it, and only our log may know why.
    Internal(anyhow::Error),
}

impl Failure {
    /// What the client hears. Logs what it must not hear.
    pub fn tell(self) -> Refusal {
        match self {
            Failure::Refused(refusal) => refusal,
            Failure::Internal(error) => {
                error!("{error:#}");
                Refusal::Internal
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Internal(error)
    }
}
