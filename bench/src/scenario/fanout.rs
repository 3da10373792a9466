//! One client sends and many receive.

use std::time::{Duration, Instant};

use super::{SETTLE_TIME, Scale, Setup, open_loop};
use crate::{
    clients::Incoming,
    measure::{Measurement, quantile},
    peer::Peer,
};

const ROOM: &str = "bench";
const SMALL_ROOM: usize = 4;
const SMALL_RATE: u32 = 5_000;

/// Sends the next message when every client has received the last one.
pub(super) fn closed_loop(peer: Peer, scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = full_room(peer, scale)?;
    let mut number = 0;
    send_for(&mut setup, Duration::from_secs(1), &mut number)?;
    let (cpu, first) = (setup.server.cpu()?, number);
    send_for(&mut setup, Duration::from_secs(scale.seconds), &mut number)?;
    let delivered = (number - first) as usize * setup.clients.len();
    let label = format!(
        "One room of {}, the next message when all have the last: deliveries per CPU-second",
        scale.room_size
    );
    Ok(vec![Measurement::rate(label, delivered, setup.server.cpu()? - cpu)])
}

fn send_for(setup: &mut Setup, time: Duration, number: &mut u32) -> anyhow::Result<()> {
    let receivers = setup.clients.len();
    let started_at = Instant::now();
    while started_at.elapsed() < time {
        let client_index = *number as usize % receivers;
        setup.clients.send_text(client_index, &setup.dialect.message(ROOM, *number)?)?;
        let mut received = 0;
        while received < receivers {
            setup
                .clients
                .wait(|_, incoming| received += usize::from(matches!(incoming, Incoming::Message(_))))?;
        }
        *number += 1;
    }
    Ok(())
}

/// Sends this many messages a second, whether or not every client has received the last one.
pub(super) fn one_room(peer: Peer, scale: &Scale, rate: u32) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = full_room(peer, scale)?;
    let receivers = setup.clients.len();
    let sender = |number: u32| (number as usize % receivers, ROOM.to_owned());
    let outcome = open_loop::run(&mut setup, rate, scale.seconds, receivers, sender)?;
    Ok(measurements(&format!("One room of {}, {rate} messages/s", scale.room_size), outcome))
}

/// The same in many rooms at once.
pub(super) fn small_rooms(peer: Peer, scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = Setup::open(peer)?;
    let room_name = |client_index: usize| format!("bench {}", client_index / SMALL_ROOM);
    let receivers = scale.small_rooms * SMALL_ROOM;
    setup.connect_and_join(receivers, room_name)?;
    setup.clients.idle(SETTLE_TIME)?;
    // Consecutive messages come from different rooms.
    let sender = |number: u32| {
        let client_index =
            number as usize * SMALL_ROOM % receivers + number as usize / scale.small_rooms % SMALL_ROOM;
        (client_index, room_name(client_index))
    };
    let outcome = open_loop::run(&mut setup, SMALL_RATE, scale.seconds, SMALL_ROOM, sender)?;
    Ok(measurements(
        &format!("{} rooms of {SMALL_ROOM}, {SMALL_RATE} messages/s", scale.small_rooms),
        outcome,
    ))
}

fn full_room(peer: Peer, scale: &Scale) -> anyhow::Result<Setup> {
    let mut setup = Setup::open(peer)?;
    setup.connect_and_join(scale.room_size, |_| ROOM.to_owned())?;
    setup.clients.idle(SETTLE_TIME)?;
    Ok(setup)
}

fn measurements(label: &str, mut outcome: open_loop::Outcome) -> Vec<Measurement> {
    vec![
        Measurement::rate(
            format!("{label}: deliveries per CPU-second"),
            outcome.delivery_times.len(),
            outcome.cpu,
        ),
        Measurement::time(format!("{label}: p50"), quantile(&mut outcome.delivery_times, 0.5)),
        Measurement::time(format!("{label}: p99"), quantile(&mut outcome.delivery_times, 0.99)),
    ]
}
