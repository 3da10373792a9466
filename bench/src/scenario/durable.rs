//! Messages that are on the disk when they are acknowledged. Each speaker has a room of its own, so
//! that it is storing that is measured.

use std::time::{Duration, Instant};

use super::{Size, Stage, open_loop};
use crate::{
    crowd::Heard,
    measure::{Measure, quantile},
    peer::Peer,
};

const RATE: u32 = 1_000;
const SPEAKERS: usize = 100;
/// Each has one message on its way.
const SPEAKERS_AT_MOST: usize = 256;

fn room_of(who: usize) -> String {
    format!("bench {who}")
}

pub(super) fn steady(size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = Stage::open(Peer::Madang)?;
    stage.gather(SPEAKERS, room_of)?;
    let speaker = |number: u32| (number as usize % SPEAKERS, room_of(number as usize % SPEAKERS));
    let mut outcome = open_loop::run(&mut stage, RATE, size.seconds, 1, speaker)?;
    Ok(vec![
        Measure::time("1,000 durable messages/s: p50 acknowledgement", quantile(&mut outcome.answers, 0.5)),
        Measure::time("1,000 durable messages/s: p99 acknowledgement", quantile(&mut outcome.answers, 0.99)),
    ])
}

pub(super) fn as_fast_as_it_goes(size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = Stage::open(Peer::Madang)?;
    stage.gather(SPEAKERS_AT_MOST, room_of)?;
    let mut sent_at = vec![Instant::now(); SPEAKERS_AT_MOST];
    for (who, sent_at) in sent_at.iter_mut().enumerate() {
        stage.crowd.say(who, &stage.dialect.say(&room_of(who), 0)?)?;
        *sent_at = Instant::now();
    }
    let warm = Instant::now() + Duration::from_secs(1);
    let end = warm + Duration::from_secs(size.seconds);
    let (mut answers, mut answered) = (Vec::new(), Vec::new());
    while Instant::now() < end {
        stage.crowd.wait(|who, what| {
            if let Heard::Answer(..) = what {
                answered.push(who);
            }
        })?;
        for who in answered.drain(..) {
            if sent_at[who] >= warm {
                answers.push(sent_at[who].elapsed());
            }
            sent_at[who] = Instant::now();
            stage.crowd.say(who, &stage.dialect.say(&room_of(who), 0)?)?;
        }
    }
    let count = answers.len();
    let what = format!("{SPEAKERS_AT_MOST} people, each the next when the last is acknowledged");
    Ok(vec![
        Measure::rate(format!("{what}: durable messages/s"), count, Duration::from_secs(size.seconds)),
        Measure::time(format!("{what}: p99 acknowledgement"), quantile(&mut answers, 0.99)),
    ])
}
