//! Messages by the clock, whether the server keeps up or not: each one's time runs from the moment
//! it should have been sent, so that a server which stalls can not hide it.

use std::time::{Duration, Instant};

use super::Stage;
use crate::crowd::{Crowd, Heard};

/// How long after the last message nothing may arrive before the rest counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(2);

pub(super) struct Outcome {
    /// How long each receiver waited for each message.
    pub(super) deliveries: Vec<Duration>,
    /// How long each sender waited for its acknowledgement.
    pub(super) answers: Vec<Duration>,
    /// The server's processor time.
    pub(super) cpu: Duration,
}

/// What the clock asks for.
pub(super) struct Load {
    /// Messages a second.
    pub(super) rate: u32,
    /// For how long, after one second that does not count.
    pub(super) seconds: u64,
    /// How many hear each.
    pub(super) receivers: usize,
    /// Whether each is acknowledged.
    pub(super) is_answered: bool,
}

/// Lets the crowd talk: `speaker` says who sends message n, and into which room; `receivers` hear
/// each.
pub(super) fn run(
    stage: &mut Stage,
    rate: u32,
    seconds: u64,
    receivers: usize,
    speaker: impl Fn(u32) -> (usize, String),
) -> anyhow::Result<Outcome> {
    let dialect = stage.dialect;
    let load = Load { rate, seconds, receivers, is_answered: true };
    by_the_clock(stage, &load, |crowd, number| {
        let (who, room) = speaker(number);
        crowd.say(who, &dialect.say(&room, number)?)
    })
}

/// Calls `send` for each message when it is due, and hears what comes of it.
pub(super) fn by_the_clock(
    stage: &mut Stage,
    load: &Load,
    mut send: impl FnMut(&mut Crowd, u32) -> anyhow::Result<()>,
) -> anyhow::Result<Outcome> {
    let &Load { rate, seconds, receivers, is_answered } = load;
    let (warm_up, all) = (rate, rate + rate * u32::try_from(seconds)?);
    let begin = Instant::now();
    let due = |number: u32| begin + Duration::from_secs(1) * number / rate;
    let (mut deliveries, mut answers) = (Vec::new(), Vec::new());
    let (mut sent, mut heard, mut answered, mut refused) = (0, 0, 0, 0);
    let (mut cpu, mut last_told) = (Duration::ZERO, begin);
    while heard < receivers * (all - refused) as usize || is_answered && answered + refused < all {
        let now = Instant::now();
        while sent < all && due(sent) <= now {
            if sent == warm_up {
                cpu = stage.server.cpu()?;
            }
            send(&mut stage.crowd, sent)?;
            sent += 1;
        }
        let rest = if sent < all { due(sent).saturating_duration_since(Instant::now()) } else { LOST_AFTER };
        let told = stage.crowd.turn(rest, |_, what| match what {
            Heard::Message(number) => {
                heard += 1;
                if number >= warm_up {
                    deliveries.push(due(number).elapsed());
                }
            }
            Heard::Answer(_, answer) if answer.starts_with(r#"{"error""#) => refused += 1,
            Heard::Answer(number, _) => {
                answered += 1;
                if number >= warm_up {
                    answers.push(due(number).elapsed());
                }
            }
            Heard::Entered => {}
        })?;
        let now = Instant::now();
        if told || sent < all {
            last_told = now;
        } else if now - last_told > LOST_AFTER {
            break;
        }
    }
    let lost = receivers * (all - refused) as usize - heard;
    if refused > 0 || lost > 0 {
        eprintln!("  {refused} messages were refused, {lost} deliveries were lost");
    }
    Ok(Outcome { deliveries, answers, cpu: stage.server.cpu()? - cpu })
}
