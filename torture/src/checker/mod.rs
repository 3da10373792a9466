//! The judge: pure functions over what the clients wrote down and what the log holds.
//!
//! It knows no server, no socket and no clock. Each rule is a promise, and each has a history in
//! `tests` that breaks it; the campaign `sabotage` shows the same with a real server.

mod lines;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt;

use common::room::RoomName;

use crate::{history::History, log::Log};

/// What may be expected beyond what always holds.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Nothing on the way ate single pushes: every connection is told everything.
    pub pushes: bool,
    /// The clients were given the time to finish: every outbox is empty, everybody has caught up.
    pub settled: bool,
}

/// The promises, by the letters used in the reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// Every acknowledged message is in the log once, at its number, with its text.
    Acked,
    /// Each room's numbers run 1, 2, 3 … without a gap.
    Numbered,
    /// One sender's messages keep their order.
    SenderOrder,
    /// What each client shows is the log from its join on.
    Applied,
    /// What was acknowledged before another was sent stands before it.
    RealTime,
    /// Nothing that nobody said.
    Genuine,
    /// What the server serves is what it has stored.
    Served,
    /// Each connection is told every event of its rooms once, in order, without asking.
    Told,
}

impl Rule {
    /// How reports name it.
    pub fn letter(self) -> char {
        match self {
            Rule::Acked => 'A',
            Rule::Numbered => 'B',
            Rule::SenderOrder => 'C',
            Rule::Applied => 'D',
            Rule::RealTime => 'E',
            Rule::Genuine => 'F',
            Rule::Told => 'G',
            Rule::Served => 'H',
        }
    }
}

/// What a broken promise does to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    Lost,
    Doubled,
    OutOfOrder,
    /// Something is there that nobody said, or that was said differently.
    Invented,
}

/// A broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: Rule,
    pub harm: Harm,
    pub room: RoomName,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.rule.letter(), self.room, self.what)
    }
}

/// Where what the server serves differs from what it has stored.
pub fn check_served(served: &Log, stored: &Log) -> Vec<Violation> {
    let differing = served.iter().filter(|(room, entries)| stored.get(*room) != Some(entries));
    differing
        .map(|(room, entries)| {
            let kept = stored.get(room).map_or(0, Vec::len);
            let what =
                format!("the server serves {} entries that are not the {kept} it stored", entries.len());
            Violation { rule: Rule::Served, harm: Harm::Lost, room: room.clone(), what }
        })
        .collect()
}

/// Everything in these histories and this log that breaks a promise.
pub fn check(histories: &[History], log: &Log, scope: Scope) -> Vec<Violation> {
    let mut found = Vec::new();
    for (room, entries) in log {
        rules::numbered(room, entries, &mut found);
    }
    for history in histories {
        rules::remembered(history, &mut found);
    }
    for case in rules::Case::of_each_room(histories, log) {
        case.acked(scope, &mut found);
        case.sender_order(&mut found);
        case.applied(scope, &mut found);
        case.real_time(&mut found);
        case.genuine(&mut found);
        case.lines_taken(&mut found);
        case.lines_in_order(&mut found);
        case.lines_shown(scope, &mut found);
        if scope.pushes {
            case.told(scope, &mut found);
        }
    }
    found
}
