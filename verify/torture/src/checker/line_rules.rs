//! The rules for the line transport, where nothing has a number and a message is known by its text.
//!
//! The promises there: a message after which `/who` was answered, and which was not refused, is in the log
//! once; a refused one is not; the messages of one connection keep their order; a connection shows, from
//! its join to its end, consecutive messages of the log without its own.

use std::collections::HashSet;

use common::message::Seq;

use super::{Harm, Rule, Scope, Violation, rules::RoomCase};
use crate::{
    history::{LineConnection, LineMessage, LineOutcome},
    log::Entry,
};

impl<'a> RoomCase<'a> {
    fn line_connections(&self) -> impl Iterator<Item = (&'a str, &'a LineConnection)> {
        self.clients.iter().flat_map(|(client, room_history)| {
            room_history.line_connections.iter().map(|connection| (*client, connection))
        })
    }

    /// Returns every message that was sent over lines.
    pub(super) fn line_messages(&self) -> impl Iterator<Item = &'a LineMessage> {
        self.line_connections().flat_map(|(_, connection)| &connection.messages)
    }

    /// Returns whether this entry was sent over a line. When a connection was lost, the beginning of its
    /// last message may be stored: there the end of the connection ends a line.
    pub(super) fn came_over_line(&self, entry: &Entry) -> bool {
        self.line_messages().any(|message| match message.outcome {
            LineOutcome::Unknown => message.text.as_str().starts_with(entry.body.as_str()),
            LineOutcome::Accepted { .. } | LineOutcome::Refused(_) => message.text == entry.body,
        })
    }

    /// A: an accepted message is in the log once; a refused one is not.
    pub(super) fn line_messages_stored(&self, violations: &mut Vec<Violation>) {
        let mut report = |harm, details| violations.push(self.report(Rule::Acked, harm, details));
        for (client, connection) in self.line_connections() {
            for LineMessage { text, outcome, .. } in &connection.messages {
                let positions = self.by_text.get(text.as_str()).map_or(&[][..], Vec::as_slice);
                match (outcome, positions) {
                    (LineOutcome::Accepted { .. }, []) => {
                        report(Harm::Lost, format!("{text:?} of {client} was taken and is gone"));
                    }
                    (LineOutcome::Refused(refusal), [entry, ..]) => {
                        let at = entry.seq.0;
                        let details =
                            format!("{text:?} of {client} was refused with {refusal} and stands at {at}");
                        report(Harm::Invented, details);
                    }
                    (_, [_, _, ..]) => {
                        let at: Vec<u64> = positions.iter().map(|entry| entry.seq.0).collect();
                        report(Harm::Doubled, format!("{text:?} of {client} is in the log at {at:?}"));
                    }
                    _ => {}
                }
            }
        }
    }

    /// C: the messages of one connection keep their order.
    pub(super) fn line_order(&self, violations: &mut Vec<Violation>) {
        for (client, connection) in self.line_connections() {
            let stored = connection
                .messages
                .iter()
                .filter_map(|message| self.by_text.get(message.text.as_str())?.first());
            let stored: Vec<&&Entry> = stored.collect();
            for pair in stored.windows(2).filter(|pair| pair[0].seq >= pair[1].seq) {
                let [before, after] = [pair[0], pair[1]].map(|entry| (entry.body.as_str(), entry.seq.0));
                let details = format!(
                    "{client} said {:?} before {:?}, which stand at {} and {}",
                    before.0, after.0, before.1, after.1
                );
                violations.push(self.report(Rule::SenderOrder, Harm::OutOfOrder, details));
            }
        }
    }

    /// G: a connection shows consecutive messages of the log, without its own.
    pub(super) fn line_delivery(&self, scope: Scope, violations: &mut Vec<Violation>) {
        for (client, connection) in self.line_connections() {
            let own: HashSet<&str> =
                connection.messages.iter().map(|message| message.text.as_str()).collect();
            // The next entry that it must show, from this number on.
            let next_expected = |from: Seq| {
                let rest = &self.entries[self.entries.partition_point(|entry| entry.seq < from)..];
                rest.iter().find(|entry| !own.contains(entry.body.as_str()))
            };
            let first = connection.received.first().filter(|_| connection.from_join > 0);
            let mut from = match first.and_then(|text| self.by_text.get(text.as_str())) {
                Some(positions) => positions[0].seq,
                None => Seq(1),
            };
            for text in &connection.received {
                let next = next_expected(from);
                let Some(positions) = self.by_text.get(text.as_str()) else {
                    let details = format!("{client} was shown {text:?}, which nobody has");
                    violations.push(self.report(Rule::Delivered, Harm::Invented, details));
                    continue;
                };
                let shown = positions.iter().find(|entry| entry.seq >= from).unwrap_or(&positions[0]);
                let harm = match next {
                    Some(next) if shown.seq == next.seq => None,
                    Some(next) if shown.seq > next.seq => Some(Harm::Lost),
                    _ if shown.seq.next() == from => Some(Harm::Doubled),
                    _ => Some(Harm::OutOfOrder),
                };
                if let Some(harm) = harm {
                    let details = format!(
                        "{client} was shown {} where {:?} was next",
                        shown.seq.0,
                        next.map(|next| next.seq.0)
                    );
                    violations.push(self.report(Rule::Delivered, harm, details));
                }
                from = shown.seq.next();
            }
            if let Some(missing) = next_expected(from).filter(|_| scope.drained && connection.open_at_end) {
                let details =
                    format!("{client} stayed and was not shown {} of {}", missing.seq.0, self.last().0);
                violations.push(self.report(Rule::Delivered, Harm::Lost, details));
            }
        }
    }
}
