//! The invariants: those of every state, and those of a state at rest.

use crate::{
    client::Client,
    packets::{Entry, Message},
    state::State,
};

pub(crate) fn check_always(state: &State) -> Result<(), String> {
    let log = &state.server.log;
    check_log_order(log)?;
    for client in &state.clients {
        for acked in &client.acked {
            ensure(log.contains(acked), || format!("{acked:?} was acknowledged and is not in the log"))?;
        }
        check_shows_part_of_log(log, client)?;
        check_shows_own_once(log, client)?;
    }
    Ok(())
}

/// Everything written is in the log, and every client has joined and has the whole log.
pub(crate) fn check_delivered(state: &State) -> Result<(), String> {
    let log = &state.server.log;
    let written: usize = state.clients.iter().map(|client| usize::from(client.written)).sum();
    ensure(log.len() == written, || "a written message never reaches the log".to_owned())?;
    for client in &state.clients {
        let name = client.number;
        ensure(client.joined, || format!("client {name} never joins"))?;
        ensure(client.state.unconfirmed(name).is_empty(), || {
            format!("the outbox of client {name} never becomes empty")
        })?;
        let last = log.last().map_or(0, |entry| entry.seq);
        ensure(client.state.last() == Some(last), || format!("client {name} never receives the last event"))?;
    }
    Ok(())
}

/// The log has no gap and no duplicate, and keeps each sender's order.
fn check_log_order(log: &[Entry]) -> Result<(), String> {
    for (seq, entry) in (1..).zip(log) {
        ensure(entry.seq == seq, || format!("the log has a gap before {entry:?}"))?;
        let before = log[..usize::from(seq) - 1].iter();
        let earlier = before.filter(|other| other.message.sender == entry.message.sender).count();
        ensure(usize::from(entry.message.number) == earlier + 1, || {
            format!("{entry:?} is number {} of its sender's in the log", earlier + 1)
        })?;
    }
    Ok(())
}

/// A client shows a contiguous part of the log, without duplicates.
fn check_shows_part_of_log(log: &[Entry], client: &Client) -> Result<(), String> {
    let mut next = None;
    for shown in client.state.shown_entries() {
        let index = log.iter().position(|entry| *entry == shown);
        ensure(index.is_some() && (next.is_none() || index == next), || {
            format!("client {} shows {shown:?} where it is not in the log", client.number)
        })?;
        next = index.map(|index| index + 1);
    }
    Ok(())
}

/// A client shows each message of its own exactly once, as pending or in the timeline. A message
/// may be missing only if its event is older than the timeline's first one.
fn check_shows_own_once(log: &[Entry], client: &Client) -> Result<(), String> {
    let mut shown: Vec<Message> = client.state.shown_entries().map(|entry| entry.message).collect();
    shown.extend(client.state.unconfirmed(client.number));
    for number in 1..=client.written {
        let message = Message { sender: client.number, number };
        let times = shown.iter().filter(|other| **other == message).count();
        let is_older = |entry: &Entry| client.state.begins_after().is_none_or(|begin| entry.seq <= begin);
        let is_before_timeline = log.iter().any(|entry| entry.message == message && is_older(entry));
        ensure(times == 1 || times == 0 && is_before_timeline, || {
            format!("client {} shows its own {message:?} {times} times", client.number)
        })?;
    }
    Ok(())
}

fn ensure(condition: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if condition { Ok(()) } else { Err(message()) }
}
