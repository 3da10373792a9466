//! What a connection that says nothing keeps in memory.

use std::time::Duration;

use super::{Size, Stage};
use crate::{measure::Measure, peer::Peer};

const ROOM: usize = 10;
/// Until what letting people in has used is given back, as far as it ever is.
const SETTLE: Duration = Duration::from_secs(3);

/// The growth of the resident memory over many connections, each in a room of ten.
pub(super) fn idle(peer: Peer, size: &Size) -> anyhow::Result<Vec<Measure>> {
    let mut stage = Stage::open(peer)?;
    let room_of = |who: usize| format!("bench {}", who / ROOM);
    // What is made once is not a connection's.
    stage.gather(size.idle / 50, room_of)?;
    stage.crowd.idle(SETTLE)?;
    let before = stage.server.resident()?;
    stage.gather(size.idle, room_of)?;
    stage.crowd.idle(SETTLE)?;
    let grown = stage.server.resident()?.saturating_sub(before);
    let row = format!("One of {} idle connections: resident memory", size.idle);
    Ok(vec![Measure::bytes(row, grown as f64 / size.idle as f64)])
}
