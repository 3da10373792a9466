//! Sends messages by the clock, whether or not the server keeps up: each time is measured from the moment
//! at which the message was due, so that a stall of the server shows.

use std::time::{Duration, Instant};

use super::Setup;
use crate::clients::{Clients, Incoming};

/// How long nothing may arrive after the last message before the rest counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(2);

pub(super) struct Outcome {
    /// For each receiver and message, how long it took.
    pub(super) delivery_times: Vec<Duration>,
    /// For each message, how long its acknowledgement took.
    pub(super) ack_times: Vec<Duration>,
    /// The server's processor time.
    pub(super) cpu: Duration,
}

/// The load to generate.
pub(super) struct Load {
    /// Messages a second.
    pub(super) rate: u32,
    /// The duration, after one second that does not count.
    pub(super) seconds: u64,
    /// How many clients receive each message.
    pub(super) receivers: usize,
    /// Whether each is acknowledged.
    pub(super) is_acked: bool,
}

/// Generates the load: `sender` returns the client and the room of message n; `receivers` clients receive
/// each.
pub(super) fn run(
    setup: &mut Setup,
    rate: u32,
    seconds: u64,
    receivers: usize,
    sender: impl Fn(u32) -> (usize, String),
) -> anyhow::Result<Outcome> {
    let dialect = setup.dialect;
    let load = Load { rate, seconds, receivers, is_acked: true };
    run_with(setup, &load, |clients, number| {
        let (client_index, room) = sender(number);
        clients.send_text(client_index, &dialect.message(&room, number)?)
    })
}

/// Calls `send` for each message when it is due, and measures what arrives.
pub(super) fn run_with(
    setup: &mut Setup,
    load: &Load,
    mut send: impl FnMut(&mut Clients, u32) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let &Load { rate, seconds, receivers, is_acked } = load;
    let (warm_up, all) = (rate, rate + rate * u32::try_from(seconds)?);
    let started_at = Instant::now();
    let due = |number: u32| started_at + Duration::from_secs(1) * number / rate;
    let (mut delivery_times, mut ack_times) = (Vec::new(), Vec::new());
    let (mut sent, mut received, mut acked, mut refused) = (0, 0, 0, 0);
    let (mut cpu, mut last_received_at) = (Duration::ZERO, started_at);
    while received < receivers * (all - refused) as usize || is_acked && acked + refused < all {
        let now = Instant::now();
        while sent < all && due(sent) <= now {
            if sent == warm_up {
                cpu = setup.server.cpu()?;
            }
            send(&mut setup.clients, sent)?;
            sent += 1;
        }
        let timeout =
            if sent < all { due(sent).saturating_duration_since(Instant::now()) } else { LOST_AFTER };
        let got_any = setup.clients.poll_once(timeout, |_, incoming| match incoming {
            Incoming::Message(number) => {
                received += 1;
                if number >= warm_up {
                    delivery_times.push(due(number).elapsed());
                }
            }
            Incoming::Reply(_, reply) if reply.starts_with(r#"{"error""#) => refused += 1,
            Incoming::Reply(number, _) => {
                acked += 1;
                if number >= warm_up {
                    ack_times.push(due(number).elapsed());
                }
            }
            Incoming::Connected => {}
        })?;
        let now = Instant::now();
        if got_any || sent < all {
            last_received_at = now;
        } else if now - last_received_at > LOST_AFTER {
            break;
        }
    }
    let lost = receivers * (all - refused) as usize - received;
    if refused > 0 || lost > 0 {
        eprintln!("  {refused} messages were refused, {lost} deliveries were lost");
    }
    Ok(Outcome { delivery_times, ack_times, cpu: setup.server.cpu()? - cpu })
}
