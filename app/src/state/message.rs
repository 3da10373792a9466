//! What a message refers to and how far it got, as the room, the pending edits and the view model need it.

use common::{
    markup::mentions,
    message::{Body, Seq},
    person::Person,
    protocol::event::Event,
    refusal::Refusal,
};

/// A quoted message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Quote {
    pub(crate) seq: Seq,
    /// `None` until it is fetched.
    pub(crate) author: Option<Person>,
    /// `None` if it was deleted.
    pub(crate) text: Option<Body>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    #[default]
    Sent,
    Sending,
    Failed(Refusal),
}

/// A fetched quoted message; `None` if it does not exist.
pub(crate) type QuotedMessage = (Seq, Option<Event>);

/// Whether a message mentions this person.
pub(crate) fn mentions_person(body: &Body, person: &Person) -> bool {
    // A cheap test first, because this runs often and most messages mention nobody.
    body.as_str().contains('@') && mentions(body.as_str(), person.name.as_str())
}
