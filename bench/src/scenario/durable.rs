//! Messages that are on the disk when they are acknowledged. Each sender has its own room, so that storing
//! is what is measured.

use std::time::{Duration, Instant};

use super::{Scale, Setup, open_loop};
use crate::{
    clients::Incoming,
    measure::{Measurement, quantile},
    peer::Peer,
};

const RATE: u32 = 1_000;
const SENDERS: usize = 100;
/// Each has one message in flight.
const SENDERS_AT_FULL_SPEED: usize = 256;

fn room_name(client_index: usize) -> String {
    format!("bench {client_index}")
}

pub(super) fn at_steady_rate(scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = Setup::open(Peer::Madang)?;
    setup.connect_and_join(SENDERS, room_name)?;
    let sender = |number: u32| (number as usize % SENDERS, room_name(number as usize % SENDERS));
    let mut outcome = open_loop::run(&mut setup, RATE, scale.seconds, 1, sender)?;
    Ok(vec![
        Measurement::time(
            "1,000 durable messages/s: p50 acknowledgement",
            quantile(&mut outcome.ack_times, 0.5),
        ),
        Measurement::time(
            "1,000 durable messages/s: p99 acknowledgement",
            quantile(&mut outcome.ack_times, 0.99),
        ),
    ])
}

pub(super) fn at_full_speed(scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = Setup::open(Peer::Madang)?;
    setup.connect_and_join(SENDERS_AT_FULL_SPEED, room_name)?;
    let mut sent_at = vec![Instant::now(); SENDERS_AT_FULL_SPEED];
    for (client_index, sent_at) in sent_at.iter_mut().enumerate() {
        setup.clients.send_text(client_index, &setup.dialect.message(&room_name(client_index), 0)?)?;
        *sent_at = Instant::now();
    }
    let measure_from = Instant::now() + Duration::from_secs(1);
    let end = measure_from + Duration::from_secs(scale.seconds);
    let (mut ack_times, mut acked) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        setup.clients.wait(|client_index, incoming| {
            if let Incoming::Reply(..) = incoming {
                acked.push(client_index);
            }
        })?;
        for client_index in acked.drain(..) {
            if sent_at[client_index] >= measure_from {
                ack_times.push(sent_at[client_index].elapsed());
            }
            sent_at[client_index] = Instant::now();
            setup.clients.send_text(client_index, &setup.dialect.message(&room_name(client_index), 0)?)?;
        }
    }
    let count = ack_times.len();
    let label = format!("{SENDERS_AT_FULL_SPEED} people, each the next when the last is acknowledged");
    Ok(vec![
        Measurement::rate(format!("{label}: durable messages/s"), count, Duration::from_secs(scale.seconds)),
        Measurement::time(format!("{label}: p99 acknowledgement"), quantile(&mut ack_times, 0.99)),
    ])
}
