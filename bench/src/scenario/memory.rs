//! The memory of an idle connection.

use std::time::Duration;

use super::{Scale, Setup};
use crate::{measure::Measurement, peer::Peer};

const ROOM_SIZE: usize = 10;
/// Long enough for the memory used by connecting to be given back, as far as it ever is.
const SETTLE_TIME: Duration = Duration::from_secs(3);

/// Measures the growth of the resident memory over many connections, each in a room of ten.
pub(super) fn idle(peer: Peer, scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = Setup::open(peer)?;
    let room_name = |client_index: usize| format!("bench {}", client_index / ROOM_SIZE);
    // What is allocated once does not count for a connection.
    setup.connect_and_join(scale.idle / 50, room_name)?;
    setup.clients.idle(SETTLE_TIME)?;
    let before = setup.server.resident()?;
    setup.connect_and_join(scale.idle, room_name)?;
    setup.clients.idle(SETTLE_TIME)?;
    let grown = setup.server.resident()?.saturating_sub(before);
    let label = format!("One of {} idle connections: resident memory", scale.idle);
    Ok(vec![Measurement::bytes(label, grown as f64 / scale.idle as f64)])
}
