//! The rules for the line door, where nothing has a number and a message is known by its text.
//!
//! What is promised there: a message after which something was answered, and which was not refused,
//! is in the log, once; what was refused is not; the messages of one connection keep their order; and
//! what a connection shows is one stretch of the log without its own, from its join to its end.

use std::collections::HashSet;

use common::message::Seq;

use super::{Harm, Rule, Scope, Violation, rules::Case};
use crate::{
    history::{Call, Fate, Spoken},
    log::Entry,
};

impl<'a> Case<'a> {
    fn calls(&self) -> impl Iterator<Item = (&'a str, &'a Call)> {
        self.clients.iter().flat_map(|(client, inside)| inside.calls.iter().map(|call| (*client, call)))
    }

    /// All that was said over lines.
    pub(super) fn spoken(&self) -> impl Iterator<Item = &'a Spoken> {
        self.calls().flat_map(|(_, call)| &call.said)
    }

    /// Whether this was said over a line. Of what was on its way when the line was lost, the beginning
    /// may have arrived, and counts as said: at this door the end of the line is the end of a line.
    pub(super) fn was_spoken(&self, entry: &Entry) -> bool {
        self.spoken().any(|spoken| match spoken.fate {
            Fate::Unknown => spoken.text.as_str().starts_with(entry.body.as_str()),
            Fate::Taken { .. } | Fate::Refused(_) => spoken.text == entry.body,
        })
    }

    /// A: what was taken is there, once; what was refused is not.
    pub(super) fn lines_taken(&self, found: &mut Vec<Violation>) {
        let mut report = |harm, what| found.push(self.report(Rule::Acked, harm, what));
        for (client, call) in self.calls() {
            for Spoken { text, fate, .. } in &call.said {
                let places = self.by_text.get(text.as_str()).map_or(&[][..], Vec::as_slice);
                match (fate, places) {
                    (Fate::Taken { .. }, []) => {
                        report(Harm::Lost, format!("{text:?} of {client} was taken and is gone"));
                    }
                    (Fate::Refused(refusal), [entry, ..]) => {
                        let at = entry.seq.0;
                        let what =
                            format!("{text:?} of {client} was refused with {refusal} and stands at {at}");
                        report(Harm::Invented, what);
                    }
                    (_, [_, _, ..]) => {
                        let at: Vec<u64> = places.iter().map(|entry| entry.seq.0).collect();
                        report(Harm::Doubled, format!("{text:?} of {client} is in the log at {at:?}"));
                    }
                    _ => {}
                }
            }
        }
    }

    /// C: the messages of one connection keep their order.
    pub(super) fn lines_in_order(&self, found: &mut Vec<Violation>) {
        for (client, call) in self.calls() {
            let stored = call.said.iter().filter_map(|said| self.by_text.get(said.text.as_str())?.first());
            let stored: Vec<&&Entry> = stored.collect();
            for pair in stored.windows(2).filter(|pair| pair[0].seq >= pair[1].seq) {
                let [before, after] = [pair[0], pair[1]].map(|entry| (entry.body.as_str(), entry.seq.0));
                let what = format!(
                    "{client} said {:?} before {:?}, which stand at {} and {}",
                    before.0, after.0, before.1, after.1
                );
                found.push(self.report(Rule::SenderOrder, Harm::OutOfOrder, what));
            }
        }
    }

    /// G: what a connection shows is one stretch of the log, but for what it said itself.
    pub(super) fn lines_shown(&self, scope: Scope, found: &mut Vec<Violation>) {
        for (client, call) in self.calls() {
            let own: HashSet<&str> = call.said.iter().map(|said| said.text.as_str()).collect();
            // The next that it must be shown, from this number on.
            let awaited = |from: Seq| {
                let rest = &self.entries[self.entries.partition_point(|entry| entry.seq < from)..];
                rest.iter().find(|entry| !own.contains(entry.body.as_str()))
            };
            let first = call.shown.first().filter(|_| call.joined > 0);
            let mut from = match first.and_then(|text| self.by_text.get(text.as_str())) {
                Some(places) => places[0].seq,
                None => Seq(1),
            };
            for text in &call.shown {
                let next = awaited(from);
                let Some(places) = self.by_text.get(text.as_str()) else {
                    let what = format!("{client} was shown {text:?}, which nobody has");
                    found.push(self.report(Rule::Told, Harm::Invented, what));
                    continue;
                };
                let shown = places.iter().find(|entry| entry.seq >= from).unwrap_or(&places[0]);
                let harm = match next {
                    Some(next) if shown.seq == next.seq => None,
                    Some(next) if shown.seq > next.seq => Some(Harm::Lost),
                    _ if shown.seq.next() == from => Some(Harm::Doubled),
                    _ => Some(Harm::OutOfOrder),
                };
                if let Some(harm) = harm {
                    let what = format!(
                        "{client} was shown {} where {:?} was next",
                        shown.seq.0,
                        next.map(|next| next.seq.0)
                    );
                    found.push(self.report(Rule::Told, harm, what));
                }
                from = shown.seq.next();
            }
            if let Some(missing) = awaited(from).filter(|_| scope.settled && call.lasted) {
                let what =
                    format!("{client} stayed and was not shown {} of {}", missing.seq.0, self.last().0);
                found.push(self.report(Rule::Told, Harm::Lost, what));
            }
        }
    }
}
