//! The cost of one connection, and the reconnection of all clients after a restart.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use super::{Scale, Setup};
use crate::{
    clients::{Clients, Incoming, JOIN_ACK},
    dialect::Dialect,
    measure::{Measurement, quantile},
    peer::Peer,
};

const ROOM_SIZE: usize = 4;
const RECONNECT_ROOM_SIZE: usize = 20;
/// How long the prober pauses between two messages.
const SEND_INTERVAL: Duration = Duration::from_millis(20);

/// Measures the processor time of accepting one connection and joining a small room.
pub(super) fn connect_cost(peer: Peer, scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = Setup::open(peer)?;
    let room_name = |client_index: usize| format!("bench {}", client_index / ROOM_SIZE);
    // The first clients pay for what is allocated once.
    setup.connect_and_join(scale.new_clients / 10, room_name)?;
    let cpu = setup.server.cpu()?;
    setup.connect_and_join(scale.new_clients, room_name)?;
    let per_connection = (setup.server.cpu()? - cpu) / u32::try_from(scale.new_clients)?;
    Ok(vec![Measurement::time("Accepting one connection and joining: CPU time", per_connection)])
}

/// Reconnects all clients after a restart, each with the last event it knows, while a prober keeps sending.
pub(super) fn reconnect_storm(scale: &Scale) -> anyhow::Result<Vec<Measurement>> {
    let mut setup = Setup::open(Peer::Madang)?;
    let room_name = |client_index: usize| format!("bench {}", client_index / RECONNECT_ROOM_SIZE);
    setup.connect_and_join(scale.reconnecting, room_name)?;
    let Setup { clients, server, data_dir, .. } = setup;
    drop(clients);
    drop(server);

    let started_at = Instant::now();
    let server = Peer::Madang.start(data_dir.path())?;
    let all_reconnected = AtomicBool::new(false);
    let (reconnect_time, mut ack_times) = thread::scope(|scope| -> anyhow::Result<_> {
        let prober = scope.spawn(|| send_until(&all_reconnected, server.address));
        let mut clients = Clients::new(server.address)?;
        let result = clients
            .connect_and_join(scale.reconnecting, |client_index| {
                Dialect::Madang.join(&room_name(client_index), Some(0), JOIN_ACK)
            })
            .map(|()| started_at.elapsed());
        all_reconnected.store(true, Ordering::Relaxed);
        let ack_times = prober.join().map_err(|_| anyhow::anyhow!("the prober panicked"))??;
        Ok((result?, ack_times))
    })?;
    let label = format!("{} people come back after a kill -9", scale.reconnecting);
    Ok(vec![
        Measurement::time(format!("{label}: until all are in their rooms"), reconnect_time),
        Measurement::time(
            format!("{label}: p99 acknowledgement of a message meanwhile"),
            quantile(&mut ack_times, 0.99),
        ),
    ])
}

fn send_until(stop: &AtomicBool, server: std::net::SocketAddr) -> anyhow::Result<Vec<Duration>> {
    let mut clients = Clients::new(server)?;
    clients.connect_and_join(1, |_| Dialect::Madang.join("watching", None, JOIN_ACK))?;
    let mut ack_times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let started_at = Instant::now();
        clients.send_text(0, &Dialect::Madang.message("watching", 0)?)?;
        let mut is_acked = false;
        while !is_acked {
            clients.wait(|_, incoming| is_acked |= matches!(incoming, Incoming::Reply(..)))?;
        }
        ack_times.push(started_at.elapsed());
        clients.idle(SEND_INTERVAL)?;
    }
    Ok(ack_times)
}
