//! What was written here and is not yet in the log: in the order it was sent.
//!
//! `chat` sends the first of them, one at a time, until the server has it; the same `cid` makes
//! repeating harmless. A message leaves the outbox when its event is in the timeline, so that it
//! is on the screen exactly once at every moment.

use common::{
    event::{Event, Sent, What},
    message::{Body, Cid, Timestamp},
    person::Person,
    refusal::Refusal,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox {
    unsent: Vec<Unsent>,
}

/// A message on its way, as it is also kept across a reload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unsent {
    pub(crate) cid: Cid,
    pub(crate) body: Body,
    /// By this browser's clock.
    pub(crate) at: Timestamp,
    /// The server's no; a message without one is tried again by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failed: Option<Refusal>,
    /// The server has it; its event is not in the timeline yet.
    #[serde(skip)]
    pub(crate) accepted: bool,
}

impl Unsent {
    pub(crate) fn new(cid: Cid, body: Body, at: Timestamp) -> Unsent {
        Unsent { cid, body, at, failed: None, accepted: false }
    }
}

impl Outbox {
    /// What an earlier visit left behind, the oldest first.
    pub(crate) fn restored(mut unsent: Vec<Unsent>) -> Outbox {
        unsent.sort_by_key(|message| message.at);
        Outbox { unsent }
    }

    pub(crate) fn push(&mut self, message: Unsent) {
        self.unsent.push(message);
    }

    /// In the order they were written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Unsent> {
        self.unsent.iter()
    }

    /// The one to send now. One that failed does not hold up those behind it.
    pub(crate) fn next(&self) -> Option<&Unsent> {
        self.unsent.iter().find(|message| message.failed.is_none() && !message.accepted)
    }

    pub(crate) fn fail(&mut self, cid: &Cid, refusal: Refusal) -> Option<&Unsent> {
        let message = self.find(cid)?;
        message.failed = Some(refusal);
        Some(message)
    }

    pub(crate) fn retry(&mut self, cid: &Cid) -> Option<&Unsent> {
        let message = self.find(cid)?;
        message.failed = None;
        Some(message)
    }

    pub(crate) fn remove(&mut self, cid: &Cid) -> Option<Unsent> {
        let place = self.unsent.iter().position(|message| message.cid == *cid)?;
        Some(self.unsent.remove(place))
    }

    /// The server has it. Its event, to be taken in before its push arrives.
    pub(crate) fn accept(&mut self, sent: &Sent, me: Person) -> Option<Event> {
        let message = self.find(&sent.cid)?;
        message.accepted = true;
        let what = What::Posted { cid: sent.cid.clone(), body: message.body.clone() };
        Some(Event { seq: sent.seq, at: sent.at, person: me, what })
    }

    /// Lets go of what is in the log now, and names it.
    pub(crate) fn settle(&mut self, log: &[Event]) -> Vec<Cid> {
        let in_log = |cid: &Cid| {
            log.iter().rev().any(|event| {
                let What::Posted { cid: posted, .. } = &event.what;
                posted == cid
            })
        };
        let settled = self.unsent.extract_if(.., |message| in_log(&message.cid));
        settled.map(|message| message.cid).collect()
    }

    fn find(&mut self, cid: &Cid) -> Option<&mut Unsent> {
        self.unsent.iter_mut().find(|message| message.cid == *cid)
    }
}

#[cfg(test)]
mod tests {
    use common::{
        message::Seq,
        person::{DisplayName, PersonId},
    };

    use super::*;

    fn unsent(number: u8) -> Unsent {
        let cid = Cid::from_random(u128::from(number));
        Unsent::new(cid, Body::parse("안녕").unwrap(), Timestamp(i64::from(number)))
    }

    #[test]
    fn messages_go_out_in_the_order_they_were_written() {
        let mut outbox = Outbox::restored(vec![unsent(2), unsent(1)]);
        outbox.push(unsent(3));
        let mut order = Vec::new();
        while let Some(next) = outbox.next().cloned() {
            order.push(next.at.0);
            outbox.remove(&next.cid);
        }
        assert_eq!(order, [1, 2, 3]);
    }

    #[test]
    fn a_refused_message_waits_for_its_writer_and_holds_nobody_up() {
        let mut outbox = Outbox::restored(vec![unsent(1), unsent(2)]);
        outbox.fail(&unsent(1).cid, Refusal::MessageTooLong);
        assert_eq!(outbox.next(), Some(&unsent(2)));
        outbox.retry(&unsent(1).cid);
        assert_eq!(outbox.next(), Some(&unsent(1)));
    }

    #[test]
    fn a_message_is_sent_once_and_stays_until_the_log_has_it() {
        let me = Person { id: PersonId(1), name: DisplayName::parse("지은").unwrap() };
        let mut outbox = Outbox::restored(vec![unsent(1)]);
        let sent = Sent { cid: unsent(1).cid, seq: Seq(7), at: Timestamp(9) };
        let event = outbox.accept(&sent, me).unwrap();
        assert_eq!((outbox.next(), outbox.iter().count()), (None, 1));
        assert_eq!(outbox.settle(&[event]), [unsent(1).cid]);
        assert_eq!(outbox.iter().count(), 0);
    }

    #[test]
    fn an_unsent_message_survives_a_reload() {
        let mut message = unsent(1);
        message.failed = Some(Refusal::TooFast);
        let kept = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Unsent>(&kept).unwrap(), message);
    }
}
