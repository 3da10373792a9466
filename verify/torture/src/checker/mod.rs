//! The checker: compares the clients' histories with the stored log.
//!
//! It uses no server, no socket and no clock. Each rule is a promise, and `tests` has a history that breaks
//! it; the campaign `sabotage` breaks it in a real server.

mod line_rules;
mod rules;
#[cfg(test)]
mod tests;

use std::fmt;

use common::room::RoomName;

use crate::{history::History, log::Log};

/// What may be expected beyond the rules that always hold.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// No single push was lost on the way: every connection receives every event.
    pub complete_pushes: bool,
    /// The clients had time to finish: every outbox is empty and every client has caught up.
    pub drained: bool,
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
    /// Each client shows the log from its join on.
    Applied,
    /// A message that was sent after another one was acknowledged comes after it in the log.
    RealTime,
    /// Every entry was sent by a client.
    Genuine,
    /// The server serves what it has stored.
    Served,
    /// Each connection receives every event of its rooms once, in order, as a push.
    Delivered,
}

impl Rule {
    /// The letter that reports use for it.
    pub fn letter(self) -> char {
        match self {
            Rule::Acked => 'A',
            Rule::Numbered => 'B',
            Rule::SenderOrder => 'C',
            Rule::Applied => 'D',
            Rule::RealTime => 'E',
            Rule::Genuine => 'F',
            Rule::Delivered => 'G',
            Rule::Served => 'H',
        }
    }
}

/// The effect of a broken promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    Lost,
    Doubled,
    OutOfOrder,
    /// An entry that no client sent, or with another text.
    Invented,
}

/// A broken promise.
#[derive(Clone, Debug)]
pub struct Violation {
    pub rule: Rule,
    pub harm: Harm,
    pub room: RoomName,
    pub details: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.rule.letter(), self.room, self.details)
    }
}

/// Compares what the server serves with what it has stored.
pub fn check_served(served: &Log, stored: &Log) -> Vec<Violation> {
    let differing = served.iter().filter(|(room, entries)| stored.get(*room) != Some(entries));
    differing
        .map(|(room, entries)| {
            let stored_count = stored.get(room).map_or(0, Vec::len);
            let details = format!(
                "the server serves {} entries that are not the {stored_count} it stored",
                entries.len()
            );
            Violation { rule: Rule::Served, harm: Harm::Lost, room: room.clone(), details }
        })
        .collect()
}

/// Returns every violation in these histories and this log.
pub fn check(histories: &[History], log: &Log, scope: Scope) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (room, entries) in log {
        rules::numbered(room, entries, &mut violations);
    }
    for history in histories {
        rules::tokens_stay_valid(history, &mut violations);
    }
    for case in rules::RoomCase::for_each_room(histories, log) {
        case.acked(scope, &mut violations);
        case.sender_order(&mut violations);
        case.applied(scope, &mut violations);
        case.real_time(&mut violations);
        case.genuine(&mut violations);
        case.line_messages_stored(&mut violations);
        case.line_order(&mut violations);
        case.line_delivery(scope, &mut violations);
        if scope.complete_pushes {
            case.delivered(scope, &mut violations);
        }
    }
    violations
}
