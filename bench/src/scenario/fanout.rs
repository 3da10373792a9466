//! One says something and many hear it.

use std::time::{Duration, Instant};

use super::{SETTLE, Size, Stage, open_loop};
use crate::{
    crowd::Heard,
    measure::{Measure, quantile},
    peer::Peer,
};

const ROOM: &str = "bench";
const SMALL: usize = 4;
const SMALL_RATE: u32 = 5_000;

/// The next message when everybody has the last one.
pub(super) fn closed_loop(peer: Peer, size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = full_room(peer, size)?;
    let mut number = 0;
    talk_for(&mut stage, Duration::from_secs(1), &mut number)?;
    let (cpu, first) = (stage.server.cpu()?, number);
    talk_for(&mut stage, Duration::from_secs(size.seconds), &mut number)?;
    let delivered = (number - first) as usize * stage.crowd.len();
    let row = format!(
        "One room of {}, the next message when all have the last: deliveries per CPU-second",
        size.room
    );
    Ok(vec![Measure::rate(row, delivered, stage.server.cpu()? - cpu)])
}

fn talk_for(stage: &mut Stage, time: Duration, number: &mut u32) -> anyhow::Result<()> {
    let everybody = stage.crowd.len();
    let begin = Instant::now();
    while begin.elapsed() < time {
        let who = *number as usize % everybody;
        stage.crowd.say(who, &stage.dialect.say(ROOM, *number)?)?;
        let mut heard = 0;
        while heard < everybody {
            stage.crowd.wait(|_, what| heard += usize::from(matches!(what, Heard::Message(_))))?;
        }
        *number += 1;
    }
    Ok(())
}

/// So many messages a second, whether everybody has the last one or not.
pub(super) fn one_room(peer: Peer, size: &Size, rate: u32) -> anyhow::Result<Vec<Measure>> {
    let mut stage = full_room(peer, size)?;
    let everybody = stage.crowd.len();
    let speaker = |number: u32| (number as usize % everybody, ROOM.to_owned());
    let outcome = open_loop::run(&mut stage, rate, size.seconds, everybody, speaker)?;
    Ok(figures(&format!("One room of {}, {rate} messages/s", size.room), outcome))
}

/// The same in many rooms at once.
pub(super) fn small_rooms(peer: Peer, size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = Stage::open(peer)?;
    let room_of = |who: usize| format!("bench {}", who / SMALL);
    let everybody = size.small_rooms * SMALL;
    stage.gather(everybody, room_of)?;
    stage.crowd.idle(SETTLE)?;
    // Each next message comes from another room.
    let speaker = |number: u32| {
        let who = number as usize * SMALL % everybody + number as usize / size.small_rooms % SMALL;
        (who, room_of(who))
    };
    let outcome = open_loop::run(&mut stage, SMALL_RATE, size.seconds, SMALL, speaker)?;
    Ok(figures(&format!("{} rooms of {SMALL}, {SMALL_RATE} messages/s", size.small_rooms), outcome))
}

fn full_room(peer: Peer, size: &Size) -> anyhow::Result<Stage> {
    let mut stage = Stage::open(peer)?;
    stage.gather(size.room, |_| ROOM.to_owned())?;
    stage.crowd.idle(SETTLE)?;
    Ok(stage)
}

fn figures(what: &str, mut outcome: open_loop::Outcome) -> Vec<Measure> {
    vec![
        Measure::rate(format!("{what}: deliveries per CPU-second"), outcome.deliveries.len(), outcome.cpu),
        Measure::time(format!("{what}: p50"), quantile(&mut outcome.deliveries, 0.5)),
        Measure::time(format!("{what}: p99"), quantile(&mut outcome.deliveries, 0.99)),
    ]
}
