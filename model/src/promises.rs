//! What must hold: always, and when everything has come to rest.

use crate::{
    client::Client,
    protocol::State,
    words::{Entry, Message},
};

pub(crate) fn always(state: &State) -> Result<(), String> {
    let log = &state.server.log;
    log_is_in_order(log)?;
    for client in &state.clients {
        for acked in &client.acked {
            promise(log.contains(acked), || format!("{acked:?} was acknowledged and is not in the log"))?;
        }
        shows_a_piece_of(log, client)?;
        shows_its_own_once(log, client)?;
    }
    Ok(())
}

/// Everybody is in, everything written is in the log, and everybody has the log to its end.
pub(crate) fn all_is_well(state: &State) -> Result<(), String> {
    let log = &state.server.log;
    let written: usize = state.clients.iter().map(|client| usize::from(client.written)).sum();
    promise(log.len() == written, || "something written never comes into the log".to_owned())?;
    for client in &state.clients {
        let name = client.number;
        promise(client.joined, || format!("client {name} stays outside"))?;
        promise(client.memory.unsettled(name).is_empty(), || format!("outbox {name} is never empty"))?;
        let last = log.last().map_or(0, |entry| entry.seq);
        promise(client.memory.last() == Some(last), || {
            format!("client {name} never hears of the last event")
        })?;
    }
    Ok(())
}

/// Without a gap, nothing twice, each sender's messages in their order.
fn log_is_in_order(log: &[Entry]) -> Result<(), String> {
    for (seq, entry) in (1..).zip(log) {
        promise(entry.seq == seq, || format!("the log has a gap before {entry:?}"))?;
        let before = log[..usize::from(seq) - 1].iter();
        let earlier = before.filter(|other| other.message.sender == entry.message.sender).count();
        promise(usize::from(entry.message.number) == earlier + 1, || {
            format!("{entry:?} is number {} of its sender's in the log", earlier + 1)
        })?;
    }
    Ok(())
}

/// What a client shows is the log, from where it came in, without a gap and without repeats.
fn shows_a_piece_of(log: &[Entry], client: &Client) -> Result<(), String> {
    let mut next = None;
    for shown in client.memory.shown() {
        let place = log.iter().position(|entry| *entry == shown);
        promise(place.is_some() && (next.is_none() || place == next), || {
            format!("client {} shows {shown:?} where it is not in the log", client.number)
        })?;
        next = place.map(|place| place + 1);
    }
    Ok(())
}

/// What a client has written is on its own screen exactly once, as sending or in the timeline, unless
/// it is in the log before what the timeline holds.
fn shows_its_own_once(log: &[Entry], client: &Client) -> Result<(), String> {
    let mut shown: Vec<Message> = client.memory.shown().map(|entry| entry.message).collect();
    shown.extend(client.memory.unsettled(client.number));
    for number in 1..=client.written {
        let message = Message { sender: client.number, number };
        let times = shown.iter().filter(|other| **other == message).count();
        let is_older = |entry: &Entry| client.memory.begins_after().is_none_or(|begin| entry.seq <= begin);
        let is_behind = log.iter().any(|entry| entry.message == message && is_older(entry));
        promise(times == 1 || times == 0 && is_behind, || {
            format!("client {} shows its own {message:?} {times} times", client.number)
        })?;
    }
    Ok(())
}

fn promise(kept: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if kept { Ok(()) } else { Err(broken()) }
}
