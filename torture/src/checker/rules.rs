//! The rules, each over one room.

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
    history::{Fate, History, Outcome, RoomHistory, Said},
    log::{Entry, Log},
};

/// B: the numbers run 1, 2, 3 …
pub(super) fn numbered(room: &RoomName, entries: &[Entry], found: &mut Vec<Violation>) {
    let mut next = Seq(1);
    for entry in entries {
        if entry.seq != next {
            let harm = if entry.seq > next { Harm::Lost } else { Harm::Doubled };
            let what = format!("the log goes on with {} where {} should be", entry.seq.0, next.0);
            found.push(Violation { rule: Rule::Numbered, harm, room: room.clone(), what });
        }
        next = entry.seq.next();
    }
}

/// A: an identity is a message's equal: once it was acknowledged it must be there.
pub(super) fn remembered(history: &History, found: &mut Vec<Violation>) {
    for room in history.rooms.keys().filter(|_| history.forgotten > 0) {
        let what = format!("{} came back and the server did not know its token", history.client);
        found.push(Violation { rule: Rule::Acked, harm: Harm::Lost, room: room.clone(), what });
    }
}

/// One room: its log, and what each client did and heard there.
pub(super) struct Case<'a> {
    room: &'a RoomName,
    pub(super) entries: &'a [Entry],
    /// Where each `cid` stands; more than one place is a violation of its own.
    places: HashMap<&'a Cid, Vec<&'a Entry>>,
    /// The same of each text, for what was said where nobody is told a `cid`.
    pub(super) by_text: HashMap<&'a str, Vec<&'a Entry>>,
    pub(super) clients: Vec<(&'a str, &'a RoomHistory)>,
}

impl<'a> Case<'a> {
    /// A case for each room that is in the log or in a history.
    pub(super) fn of_each_room(histories: &'a [History], log: &'a Log) -> Vec<Case<'a>> {
        let rooms: BTreeSet<&RoomName> =
            log.keys().chain(histories.iter().flat_map(|history| history.rooms.keys())).collect();
        let mut clients: BTreeMap<&RoomName, Vec<(&str, &RoomHistory)>> = BTreeMap::new();
        for history in histories {
            for (room, inside) in &history.rooms {
                clients.entry(room).or_default().push((&history.client, inside));
            }
        }
        let case = |room| {
            let entries: &[Entry] = log.get(room).map_or(&[], Vec::as_slice);
            let mut places: HashMap<&Cid, Vec<&Entry>> = HashMap::new();
            let mut by_text: HashMap<&str, Vec<&Entry>> = HashMap::new();
            for entry in entries {
                places.entry(&entry.cid).or_default().push(entry);
                by_text.entry(entry.body.as_str()).or_default().push(entry);
            }
            Case { room, entries, places, by_text, clients: clients.remove(room).unwrap_or_default() }
        };
        rooms.into_iter().map(case).collect()
    }

    pub(super) fn last(&self) -> Seq {
        self.entries.last().map_or(Seq(0), |entry| entry.seq)
    }

    fn places(&self, said: &Said) -> &[&'a Entry] {
        self.places.get(&said.cid).map_or(&[], Vec::as_slice)
    }

    pub(super) fn report(&self, rule: Rule, harm: Harm, what: String) -> Violation {
        Violation { rule, harm, room: self.room.clone(), what }
    }

    /// A: what was acknowledged is there, once, at its number, with its text.
    pub(super) fn acked(&self, scope: Scope, found: &mut Vec<Violation>) {
        let mut report = |harm, what| found.push(self.report(Rule::Acked, harm, what));
        for (client, inside) in &self.clients {
            for said in &inside.said {
                let cid = said.cid.as_str();
                let places = self.places(said);
                match (said.outcome, places) {
                    (Outcome::Acked { seq, .. }, []) => {
                        report(
                            Harm::Lost,
                            format!("{cid} of {client} was acknowledged at {} and is gone", seq.0),
                        );
                    }
                    (Outcome::Acked { seq, .. }, [entry]) if entry.seq != seq => {
                        let what = format!(
                            "{cid} of {client} was acknowledged at {} and stands at {}",
                            seq.0, entry.seq.0
                        );
                        report(Harm::OutOfOrder, what);
                    }
                    (Outcome::Refused(refusal), _) => {
                        report(Harm::Lost, format!("{cid} of {client} was refused for good: {refusal}"));
                    }
                    (Outcome::Unknown, _) if scope.settled => {
                        report(Harm::Lost, format!("{cid} of {client} was never acknowledged"));
                    }
                    _ => {}
                }
                if places.len() > 1 {
                    let at: Vec<u64> = places.iter().map(|entry| entry.seq.0).collect();
                    report(Harm::Doubled, format!("{cid} of {client} is in the log at {at:?}"));
                }
                if places.iter().any(|entry| entry.body != said.body) {
                    report(Harm::Invented, format!("{cid} of {client} is in the log with another text"));
                }
            }
        }
    }

    /// C: one sender's messages keep their order.
    pub(super) fn sender_order(&self, found: &mut Vec<Violation>) {
        for (client, inside) in &self.clients {
            let stored = inside.said.iter().flat_map(|said| self.places(said).first());
            let mut before: Option<&Entry> = None;
            for entry in stored {
                if let Some(before) = before.filter(|before| before.seq >= entry.seq) {
                    let what = format!(
                        "{client} said {} before {}, which stand at {} and {}",
                        before.cid.as_str(),
                        entry.cid.as_str(),
                        before.seq.0,
                        entry.seq.0
                    );
                    found.push(self.report(Rule::SenderOrder, Harm::OutOfOrder, what));
                }
                before = Some(entry);
            }
        }
    }

    /// D: what each client shows is the log from its join on, and in the end all of it.
    pub(super) fn applied(&self, scope: Scope, found: &mut Vec<Violation>) {
        let mut report = |harm, what| found.push(self.report(Rule::Applied, harm, what));
        for (client, inside) in &self.clients {
            let Some(from) = inside.from else { continue };
            let mut next = from.next();
            for applied in &inside.applied {
                let seq = applied.seq.0;
                if applied.seq < next {
                    report(Harm::Doubled, format!("{client} shows {seq} again after {}", next.0 - 1));
                } else if applied.seq > next {
                    report(Harm::Lost, format!("{client} shows {seq} after {}", next.0 - 1));
                }
                next = applied.seq.next();
                let kept = self.entries.binary_search_by_key(&applied.seq, |entry| entry.seq);
                match kept.map(|at| &self.entries[at]) {
                    Ok(entry) if entry.cid == applied.cid && entry.body == applied.body => {}
                    Ok(entry) => {
                        let (shown, kept) = (applied.cid.as_str(), entry.cid.as_str());
                        report(Harm::Invented, format!("{client} shows {shown} at {seq} where {kept} is"));
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
            if scope.settled && next != self.last().next() {
                let what = format!("{client} ended at {} of {}", next.0 - 1, self.last().0);
                report(Harm::Lost, what);
            }
        }
    }

    /// E: what was acknowledged before another was sent stands before it.
    pub(super) fn real_time(&self, found: &mut Vec<Violation>) {
        let mut sent: Vec<(Instant, &Entry)> = Vec::new();
        let mut acked: Vec<(Instant, &Entry)> = Vec::new();
        for said in self.clients.iter().flat_map(|(_, inside)| &inside.said) {
            let Some(entry) = self.places(said).first() else { continue };
            sent.extend(said.sent.map(|at| (at, *entry)));
            if let Outcome::Acked { at, .. } = said.outcome {
                acked.push((at, entry));
            }
        }
        for spoken in self.spoken() {
            let Some(entry) = self.by_text.get(spoken.text.as_str()).and_then(|places| places.first()) else {
                continue;
            };
            sent.push((spoken.sent, entry));
            if let Fate::Taken { at } = spoken.fate {
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
                let what = format!(
                    "{} was acknowledged at {} before {} was sent, which stands at {}",
                    before.cid.as_str(),
                    before.seq.0,
                    entry.cid.as_str(),
                    entry.seq.0
                );
                found.push(self.report(Rule::RealTime, Harm::OutOfOrder, what));
            }
        }
    }

    /// F: nothing that nobody said.
    pub(super) fn genuine(&self, found: &mut Vec<Violation>) {
        let said = || self.clients.iter().flat_map(|(_, inside)| &inside.said);
        let cids: BTreeSet<&str> = said().map(|said| said.cid.as_str()).collect();
        for entry in self.entries.iter().filter(|entry| !cids.contains(entry.cid.as_str())) {
            if self.was_spoken(entry) {
                continue;
            }
            // Under a strange cid, a text that was said is a copy of it.
            let is_copy = said().any(|said| said.body == entry.body);
            let harm = if is_copy { Harm::Doubled } else { Harm::Invented };
            let what = format!(
                "nobody said {} ({:?}), which stands at {}",
                entry.cid.as_str(),
                entry.body.as_str(),
                entry.seq.0
            );
            found.push(self.report(Rule::Genuine, harm, what));
        }
    }

    /// G: each connection is told every event once, in order, and in the end all of them.
    pub(super) fn told(&self, scope: Scope, found: &mut Vec<Violation>) {
        let mut report = |harm, what| found.push(self.report(Rule::Told, harm, what));
        for (client, inside) in &self.clients {
            for stay in &inside.stays {
                // What the join told may be told once more, but nothing may lie behind it.
                if let (Some(joined), Some(first)) = (stay.joined, stay.pushes.first())
                    && *first > joined.next()
                {
                    let what = format!("{client} joined at {} and was first told {}", joined.0, first.0);
                    report(Harm::Lost, what);
                }
                for pair in stay.pushes.windows(2) {
                    let (told, next) = (pair[0], pair[1]);
                    let harm = match next {
                        next if next == told.next() => continue,
                        next if next == told => Harm::Doubled,
                        next if next < told => Harm::OutOfOrder,
                        _ => Harm::Lost,
                    };
                    report(harm, format!("{client} was told {} after {}", next.0, told.0));
                }
                if let Some(told) = stay.told().filter(|_| scope.settled && stay.lasted)
                    && told != self.last()
                {
                    let what = format!(
                        "{client} stayed and was told {} of {} without asking",
                        told.0,
                        self.last().0
                    );
                    report(Harm::Lost, what);
                }
            }
        }
    }
}
