//! Letting people in: what one costs, and everybody at once after a restart.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Size, Stage};
use crate::{
    crowd::{Crowd, Heard, JOINED},
    dialect::Dialect,
    measure::{Measure, quantile},
    peer::Peer,
};

const ROOM: usize = 4;
const ROOM_OF_RETURNING: usize = 20;
/// How long the one who watches rests between two messages.
const PAUSE: Duration = Duration::from_millis(20);

/// The processor time that accepting one connection and letting it join a small room costs.
pub(super) fn newcomers(peer: Peer, size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = Stage::open(peer)?;
    let room_of = |who: usize| format!("bench {}", who / ROOM);
    // The first ones pay for what is made once.
    stage.gather(size.newcomers / 10, room_of)?;
    let cpu = stage.server.cpu()?;
    stage.gather(size.newcomers, room_of)?;
    let each = (stage.server.cpu()? - cpu) / u32::try_from(size.newcomers)?;
    Ok(vec![Measure::time("Accepting one connection and joining: CPU time", each)])
}

/// Everybody comes back after a restart and says what they have, while somebody goes on talking.
pub(super) fn everybody_returns(size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = Stage::open(Peer::Madang)?;
    let room_of = |who: usize| format!("bench {}", who / ROOM_OF_RETURNING);
    stage.gather(size.returning, room_of)?;
    let Stage { crowd, server, data, .. } = stage;
    drop(crowd);
    drop(server);

    let begin = Instant::now();
    let server = Peer::Madang.start(data.path())?;
    let are_back = AtomicBool::new(false);
    let (returned, mut answers) = thread::scope(|scope| -> anyhow::Result<_> {
        let watching = scope.spawn(|| talk_until(&are_back, server.address));
        let mut crowd = Crowd::new(server.address)?;
        let gathered = crowd
            .gather(size.returning, |who| Dialect::Madang.join(&room_of(who), Some(0), JOINED))
            .map(|()| begin.elapsed());
        are_back.store(true, Ordering::Relaxed);
        let answers = watching.join().map_err(|_| anyhow::anyhow!("watching panicked"))??;
        Ok((gathered?, answers))
    })?;
    let what = format!("{} people come back after a kill -9", size.returning);
    Ok(vec![
        Measure::time(format!("{what}: until all are in their rooms"), returned),
        Measure::time(
            format!("{what}: p99 acknowledgement of a message meanwhile"),
            quantile(&mut answers, 0.99),
        ),
    ])
}

fn talk_until(enough: &AtomicBool, server: std::net::SocketAddr) -> anyhow::Result<Vec<Duration>> {
    let mut crowd = Crowd::new(server)?;
    crowd.gather(1, |_| Dialect::Madang.join("watching", None, JOINED))?;
    let mut answers = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let begin = Instant::now();
        crowd.say(0, &Dialect::Madang.say("watching", 0)?)?;
        let mut is_answered = false;
        while !is_answered {
            crowd.wait(|_, what| is_answered |= matches!(what, Heard::Answer(..)))?;
        }
        answers.push(begin.elapsed());
        crowd.idle(PAUSE)?;
    }
    Ok(answers)
}
