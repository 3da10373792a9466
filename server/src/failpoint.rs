//! Failpoints and sabotage for the proofs in `verify/torture`: kills the process at a named point, breaks
//! one promise in a named way that the proofs must notice, or makes a task of the server panic.
//!
//! Only a server built with the feature `faults` reads `MADANG_FAULT`, e.g. `kill:after-commit:37`,
//! `sabotage:drop-pushes`, `panic:udp:3`, or several separated by commas. In all other builds the hooks are empty. `chat`,
//! `store` and `transport` call the hooks; this module knows none of them.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow};
use rustix::process::{Signal, getpid, kill_process};

/// A point at which the process can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failpoint {
    BeforeInsert,
    AfterInsert,
    BeforeCommit,
    AfterCommit,
    BeforeAck,
    AfterAck,
    BeforeFanOut,
    AfterFanOut,
}

const FAILPOINTS: [(&str, Failpoint); 8] = [
    ("before-insert", Failpoint::BeforeInsert),
    ("after-insert", Failpoint::AfterInsert),
    ("before-commit", Failpoint::BeforeCommit),
    ("after-commit", Failpoint::AfterCommit),
    ("before-ack", Failpoint::BeforeAck),
    ("after-ack", Failpoint::AfterAck),
    ("before-fan-out", Failpoint::BeforeFanOut),
    ("after-fan-out", Failpoint::AfterFanOut),
];

/// A promise that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Drops one push in a thousand.
    DropPushes,
    /// Delivers one push in a thousand twice.
    RepeatPushes,
    /// Delivers one push in a thousand after the next one.
    SwapPushes,
    /// Acknowledges writes before they are committed, with slow commits.
    AckEarly,
    /// Commits without waiting for the disk.
    NoSync,
    /// Delivers no events to one connection of each room.
    // In a single room that connection could be an event stream, which reads missed events from the log.
    SkipConnection,
    /// Stores a repeated message again under a new `cid`.
    ForgetCids,
    /// Acknowledges one message in a thousand without storing it.
    AckUnstored,
}

const SABOTAGES: [(&str, Sabotage); 8] = [
    ("drop-pushes", Sabotage::DropPushes),
    ("repeat-pushes", Sabotage::RepeatPushes),
    ("swap-pushes", Sabotage::SwapPushes),
    ("ack-early", Sabotage::AckEarly),
    ("no-sync", Sabotage::NoSync),
    ("deaf-connection", Sabotage::SkipConnection),
    ("forget-cids", Sabotage::ForgetCids),
    ("ack-unstored", Sabotage::AckUnstored),
];

/// An intermittent sabotage happens once in this many calls.
const SABOTAGE_INTERVAL: u64 = 1_000;

/// How long a commit takes with [`Sabotage::AckEarly`]: long enough for the reply to arrive.
pub const SLOW_COMMIT: Duration = Duration::from_millis(20);

/// The environment variable that holds the plan: which failpoint kills, which sabotage is active.
const ENV_VAR: &str = "MADANG_FAULT";

static PLAN: OnceLock<Plan> = OnceLock::new();

#[derive(Debug, Default)]
struct Plan {
    kill: Option<(Failpoint, u64)>,
    sabotage: Option<Sabotage>,
    /// The name of the task that panics, and in which of its steps.
    panic: Option<(String, u64)>,
    hits: AtomicU64,
    task_steps: AtomicU64,
    sabotage_calls: AtomicU64,
}

/// Reads the environment variable. Call it before anything is opened.
pub fn init() -> anyhow::Result<()> {
    if cfg!(feature = "faults")
        && let Ok(text) = std::env::var(ENV_VAR)
    {
        let plan = parse(&text).with_context(|| format!("{ENV_VAR}={text}"))?;
        PLAN.set(plan).map_err(|_| anyhow!("{ENV_VAR} was read twice"))?;
    }
    Ok(())
}

/// Kills the process if the plan names this hit of this failpoint.
#[inline]
pub fn hit(failpoint: Failpoint) {
    let Some(plan) = plan() else { return };
    if let Some((wanted, count)) = plan.kill
        && wanted == failpoint
        && plan.hits.fetch_add(1, Ordering::Relaxed) + 1 == count
    {
        kill_self();
    }
}

/// Wraps a task: every time it is polled is one of its steps, see [`step`].
pub async fn watch_task<F: Future>(name: &str, task: F) -> F::Output {
    let mut task = pin!(task);
    poll_fn(|cx| {
        step(name);
        task.as_mut().poll(cx)
    })
    .await
}

/// Panics if the plan names this step of this task or thread.
#[inline]
pub fn step(name: &str) {
    let Some(plan) = plan() else { return };
    if let Some((wanted, number)) = &plan.panic
        && wanted == name
        && plan.task_steps.fetch_add(1, Ordering::Relaxed) + 1 == *number
    {
        panic!("{ENV_VAR} says so");
    }
}

/// Whether this sabotage is active.
#[inline]
pub fn is_active(sabotage: Sabotage) -> bool {
    plan().is_some_and(|plan| plan.sabotage == Some(sabotage))
}

/// Whether this sabotage is active and due in this call.
#[inline]
pub fn should_fail(sabotage: Sabotage) -> bool {
    plan().is_some_and(|plan| {
        plan.sabotage == Some(sabotage)
            && (plan.sabotage_calls.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(SABOTAGE_INTERVAL)
    })
}

#[inline]
fn plan() -> Option<&'static Plan> {
    if cfg!(feature = "faults") { PLAN.get() } else { None }
}

/// Ends the process as `kill -9` does: nothing is flushed, no connection is closed.
fn kill_self() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

fn parse(text: &str) -> anyhow::Result<Plan> {
    let mut plan = Plan::default();
    for entry in text.split(',') {
        match entry.split(':').collect::<Vec<_>>()[..] {
            ["kill", point, count] => {
                let count = count.parse().ok().filter(|count| *count > 0);
                let count = count.context("kill:POINT:N takes the number of a passage, from 1 on")?;
                plan.kill = Some((lookup(point, &FAILPOINTS)?, count));
            }
            ["panic", name, number] => {
                let number = number.parse().ok().filter(|number| *number > 0);
                let number = number.context("panic:TASK:N takes the number of a step, from 1 on")?;
                plan.panic = Some((name.to_owned(), number));
            }
            ["sabotage", name] => plan.sabotage = Some(lookup(name, &SABOTAGES)?),
            _ => return Err(anyhow!("a fault is kill:POINT:N, panic:TASK:N or sabotage:NAME, not {entry}")),
        }
    }
    Ok(plan)
}

fn lookup<T: Copy>(name: &str, table: &[(&str, T)]) -> anyhow::Result<T> {
    let found = table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.with_context(|| {
        let names: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
        format!("{name} is none of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_parsed_or_the_error_explains_it() {
        let both = parse("sabotage:ack-early,kill:before-commit:3").unwrap();
        assert_eq!(
            (both.kill, both.sabotage),
            (Some((Failpoint::BeforeCommit, 3)), Some(Sabotage::AckEarly))
        );
        for (text, sentence) in [
            ("explode", "a fault is kill:POINT:N, panic:TASK:N or sabotage:NAME, not explode"),
            ("kill:after-commit:0", "kill:POINT:N takes the number of a passage, from 1 on"),
            ("panic:udp:0", "panic:TASK:N takes the number of a step, from 1 on"),
            (
                "kill:noon:1",
                "noon is none of before-insert, after-insert, before-commit, after-commit, before-ack, \
                 after-ack, before-fan-out, after-fan-out",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), sentence);
        }
    }
}
