//! The rules, each over one room. The letters are those of [`Rule::letter`].

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

use common::{
    message::{Cid, Seq},
    room::RoomName,
};

use super::{Harm, Rule, Scope, Violation};
use crate::{
    history::{History, LineOutcome, Outcome, RoomHistory, SentMessage},
    log::{Entry, Log},
};

/// B: the numbers run 1, 2, 3 …
pub(super) fn numbered(room: &RoomName, entries: &[Entry], violations: &mut Vec<Violation>) {
    let mut next = Seq(1);
    for entry in entries {
        if entry.seq != next {
            let harm = if entry.seq > next { Harm::Lost } else { Harm::Doubled };
            let details = format!("the log goes on with {} where {} should be", entry.seq.0, next.0);
            violations.push(Violation { rule: Rule::Numbered, harm, room: room.clone(), details });
        }
        next = entry.seq.next();
    }
}

/// A: an issued token counts like an acknowledged message: the server must know it from then on.
pub(super) fn tokens_stay_valid(history: &History, violations: &mut Vec<Violation>) {
    for room in history.rooms.keys().filter(|_| history.unknown_tokens > 0) {
        let details = format!("{} came back and the server did not know its token", history.client);
        violations.push(Violation { rule: Rule::Acked, harm: Harm::Lost, room: room.clone(), details });
    }
}

/// One room: its log, and each client's history there.
pub(super) struct RoomCase<'a> {
    room: &'a RoomName,
    pub(super) entries: &'a [Entry],
    /// The entries with each `cid`; a second one is a violation of its own.
    positions: HashMap<&'a Cid, Vec<&'a Entry>>,
    /// The same by text, for messages whose sender knows no `cid`.
    pub(super) by_text: HashMap<&'a str, Vec<&'a Entry>>,
    pub(super) clients: Vec<(&'a str, &'a RoomHistory)>,
}

impl<'a> RoomCase<'a> {
    /// Builds a case for each room of the log or of a history.
    pub(super) fn for_each_room(histories: &'a [History], log: &'a Log) -> Vec<RoomCase<'a>> {
        let rooms: BTreeSet<&RoomName> =
            log.keys().chain(histories.iter().flat_map(|history| history.rooms.keys())).collect();
        let mut clients: BTreeMap<&RoomName, Vec<(&str, &RoomHistory)>> = BTreeMap::new();
        for history in histories {
            for (room, room_history) in &history.rooms {
                clients.entry(room).or_default().push((&history.client, room_history));
            }
        }
        let case = |room| {
            let entries: &[Entry] = log.get(room).map_or(&[], Vec::as_slice);
            let mut positions: HashMap<&Cid, Vec<&Entry>> = HashMap::new();
            let mut by_text: HashMap<&str, Vec<&Entry>> = HashMap::new();
            for entry in entries {
                positions.entry(&entry.cid).or_default().push(entry);
                by_text.entry(entry.body.as_str()).or_default().push(entry);
            }
            RoomCase { room, entries, positions, by_text, clients: clients.remove(room).unwrap_or_default() }
        };
        rooms.into_iter().map(case).collect()
    }

    pub(super) fn last(&self) -> Seq {
        self.entries.last().map_or(Seq(0), |entry| entry.seq)
    }

    fn positions(&self, message: &SentMessage) -> &[&'a Entry] {
        self.positions.get(&message.cid).map_or(&[], Vec::as_slice)
    }

    pub(super) fn report(&self, rule: Rule, harm: Harm, details: String) -> Violation {
        Violation { rule, harm, room: self.room.clone(), details }
    }

    /// A: an acknowledged message is in the log, once, at its number, with its text.
    pub(super) fn acked(&self, scope: Scope, violations: &mut Vec<Violation>) {
        let mut report = |harm, details| violations.push(self.report(Rule::Acked, harm, details));
        for (client, room_history) in &self.clients {
            for message in &room_history.messages {
                let cid = message.cid.as_str();
                let positions = self.positions(message);
                match (message.outcome, positions) {
                    (Outcome::Acked { seq, .. }, []) => {
                        report(
                            Harm::Lost,
                            format!("{cid} of {client} was acknowledged at {} and is gone", seq.0),
                        );
                    }
                    (Outcome::Acked { seq, .. }, [entry]) if entry.seq != seq => {
                        let details = format!(
                            "{cid} of {client} was acknowledged at {} and stands at {}",
                            seq.0, entry.seq.0
                        );
                        report(Harm::OutOfOrder, details);
                    }
                    (Outcome::Refused(refusal), _) => {
                        report(Harm::Lost, format!("{cid} of {client} was refused for good: {refusal}"));
                    }
                    (Outcome::Unknown, _) if scope.drained => {
                        report(Harm::Lost, format!("{cid} of {client} was never acknowledged"));
                    }
                    _ => {}
                }
                if positions.len() > 1 {
                    let at: Vec<u64> = positions.iter().map(|entry| entry.seq.0).collect();
                    report(Harm::Doubled, format!("{cid} of {client} is in the log at {at:?}"));
                }
                if positions.iter().any(|entry| entry.body != message.body) {
                    report(Harm::Invented, format!("{cid} of {client} is in the log with another text"));
                }
            }
        }
    }

    /// C: one sender's messages keep their order.
    pub(super) fn sender_order(&self, violations: &mut Vec<Violation>) {
        for (client, room_history) in &self.clients {
            let stored = room_history.messages.iter().flat_map(|message| self.positions(message).first());
            let mut before: Option<&Entry> = None;
            for entry in stored {
                if let Some(before) = before.filter(|before| before.seq >= entry.seq) {
                    let details = format!(
                        "{client} said {} before {}, which stand at {} and {}",
                        before.cid.as_str(),
                        entry.cid.as_str(),
                        before.seq.0,
                        entry.seq.0
                    );
                    violations.push(self.report(Rule::SenderOrder, Harm::OutOfOrder, details));
                }
                before = Some(entry);
            }
        }
    }

    /// D: each client shows the log from its join on, and in the end all of it.
    pub(super) fn applied(&self, scope: Scope, violations: &mut Vec<Violation>) {
        let mut report = |harm, details| violations.push(self.report(Rule::Applied, harm, details));
        for (client, room_history) in &self.clients {
            let Some(after) = room_history.applied_after else { continue };
            let mut next = after.next();
            for applied in &room_history.applied {
                let seq = applied.seq.0;
                if applied.seq < next {
                    report(Harm::Doubled, format!("{client} shows {seq} again after {}", next.0 - 1));
                } else if applied.seq > next {
                    report(Harm::Lost, format!("{client} shows {seq} after {}", next.0 - 1));
                }
                next = applied.seq.next();
                let stored = self.entries.binary_search_by_key(&applied.seq, |entry| entry.seq);
                match stored.map(|at| &self.entries[at]) {
                    Ok(entry) if entry.cid == applied.cid && entry.body == applied.body => {}
                    Ok(entry) => {
                        let (shown, stored) = (applied.cid.as_str(), entry.cid.as_str());
                        report(Harm::Invented, format!("{client} shows {shown} at {seq} where {stored} is"));
                    }
                    Err(_) => {
                        let shown = applied.cid.as_str();
                        report(
                            Harm::Lost,
                            format!("{client} shows {shown} at {seq}, which is not in the log"),
                        );
                    }
                }
            }
            if scope.drained && next != self.last().next() {
                let details = format!("{client} ended at {} of {}", next.0 - 1, self.last().0);
                report(Harm::Lost, details);
            }
        }
    }

    /// E: a message that was sent after another one was acknowledged comes after it in the log.
    pub(super) fn real_time(&self, violations: &mut Vec<Violation>) {
        let mut sent: Vec<(Instant, &Entry)> = Vec::new();
        let mut acked: Vec<(Instant, &Entry)> = Vec::new();
        for message in self.clients.iter().flat_map(|(_, room_history)| &room_history.messages) {
            let Some(entry) = self.positions(message).first() else { continue };
            sent.extend(message.first_sent.map(|at| (at, *entry)));
            if let Outcome::Acked { at, .. } = message.outcome {
                acked.push((at, entry));
            }
        }
        for message in self.line_messages() {
            let Some(entry) = self.by_text.get(message.text.as_str()).and_then(|positions| positions.first())
            else {
                continue;
            };
            sent.push((message.sent_at, entry));
            if let LineOutcome::Accepted { at } = message.outcome {
                acked.push((at, entry));
            }
        }
        sent.sort_by_key(|(at, _)| *at);
        acked.sort_by_key(|(at, _)| *at);
        let mut acked = acked.into_iter().peekable();
        let mut before: Option<&Entry> = None;
        for (at, entry) in sent {
            while let Some((_, answered)) = acked.next_if(|(answered, _)| *answered < at) {
                before = before.filter(|before| before.seq > answered.seq).or(Some(answered));
            }
            if let Some(before) = before.filter(|before| before.seq >= entry.seq) {
                let details = format!(
                    "{} was acknowledged at {} before {} was sent, which stands at {}",
                    before.cid.as_str(),
                    before.seq.0,
                    entry.cid.as_str(),
                    entry.seq.0
                );
                violations.push(self.report(Rule::RealTime, Harm::OutOfOrder, details));
            }
        }
    }

    /// F: every entry was sent by a client.
    pub(super) fn genuine(&self, violations: &mut Vec<Violation>) {
        let messages = || self.clients.iter().flat_map(|(_, room_history)| &room_history.messages);
        let cids: BTreeSet<&str> = messages().map(|message| message.cid.as_str()).collect();
        for entry in self.entries.iter().filter(|entry| !cids.contains(entry.cid.as_str())) {
            if self.came_over_line(entry) {
                continue;
            }
            // A known text under an unknown cid is a copy of it.
            let is_copy = messages().any(|message| message.body == entry.body);
            let harm = if is_copy { Harm::Doubled } else { Harm::Invented };
            let details = format!(
                "nobody said {} ({:?}), which stands at {}",
                entry.cid.as_str(),
                entry.body.as_str(),
                entry.seq.0
            );
            violations.push(self.report(Rule::Genuine, harm, details));
        }
    }

    /// G: each connection receives every event once, in order, and in the end all of them.
    pub(super) fn delivered(&self, scope: Scope, violations: &mut Vec<Violation>) {
        let mut report = |harm, details| violations.push(self.report(Rule::Delivered, harm, details));
        for (client, room_history) in &self.clients {
            for connection in &room_history.connections {
                // A push may repeat events of the join's reply, but there must be no gap after them.
                if let (Some(joined), Some(first)) = (connection.join_last, connection.pushes.first())
                    && *first > joined.next()
                {
                    let details = format!("{client} joined at {} and was first sent {}", joined.0, first.0);
                    report(Harm::Lost, details);
                }
                for pair in connection.pushes.windows(2) {
                    let (received, next) = (pair[0], pair[1]);
                    let harm = match next {
                        next if next == received.next() => continue,
                        next if next == received => Harm::Doubled,
                        next if next < received => Harm::OutOfOrder,
                        _ => Harm::Lost,
                    };
                    report(harm, format!("{client} was sent {} after {}", next.0, received.0));
                }
                if let Some(received) =
                    connection.last_received().filter(|_| scope.drained && connection.open_at_end)
                    && received != self.last()
                {
                    let details = format!(
                        "{client} stayed and was sent {} of {} without asking",
                        received.0,
                        self.last().0
                    );
                    report(Harm::Lost, details);
                }
            }
        }
    }
}
