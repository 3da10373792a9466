//! Failure on purpose, for the proofs in `torture`: the process ends at a named point, or one
//! promise is broken in a named way, and the proofs must notice.
//!
//! Only a server built with the feature `faults` reads `MADANG_FAULT`, e.g. `kill:after-commit:37`,
//! `sabotage:drop-pushes`, or both with a comma between them; in every other one the hooks are empty.
//! The names are called from `chat`, `store` and `gateway` where what they name happens; this module
//! knows none of them.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow};
use rustix::process::{Signal, getpid, kill_process};

/// Where the process can be made to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    BeforeInsert,
    AfterInsert,
    BeforeCommit,
    AfterCommit,
    BeforeAck,
    AfterAck,
    BeforeFanOut,
    AfterFanOut,
}

const POINTS: [(&str, Point); 8] = [
    ("before-insert", Point::BeforeInsert),
    ("after-insert", Point::AfterInsert),
    ("before-commit", Point::BeforeCommit),
    ("after-commit", Point::AfterCommit),
    ("before-ack", Point::BeforeAck),
    ("after-ack", Point::AfterAck),
    ("before-fan-out", Point::BeforeFanOut),
    ("after-fan-out", Point::AfterFanOut),
];

/// A promise that can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// One push in a thousand does not reach its connection.
    DropPushes,
    /// One push in a thousand is told twice.
    RepeatPushes,
    /// One push in a thousand is told after the one behind it.
    SwapPushes,
    /// Writes are acknowledged before they are committed, to a disk that is slow.
    AckEarly,
    /// Commits do not wait for the disk.
    NoSync,
    /// Of each room one connection is told nothing of it. Not of one room alone: that connection may
    /// be a stream, which reads in the log what it is not told.
    DeafConnection,
    /// A repeated message is stored again, under a `cid` of its own.
    ForgetCids,
    /// One message in a thousand is acknowledged and not stored.
    AckUnstored,
}

const SABOTAGES: [(&str, Sabotage); 8] = [
    ("drop-pushes", Sabotage::DropPushes),
    ("repeat-pushes", Sabotage::RepeatPushes),
    ("swap-pushes", Sabotage::SwapPushes),
    ("ack-early", Sabotage::AckEarly),
    ("no-sync", Sabotage::NoSync),
    ("deaf-connection", Sabotage::DeafConnection),
    ("forget-cids", Sabotage::ForgetCids),
    ("ack-unstored", Sabotage::AckUnstored),
];

/// How rare a sabotage is that does not happen every time.
const ONE_IN: u64 = 1_000;

/// How long a commit takes where acknowledging early is tried: long enough for the answer to arrive.
pub const SLOW_DISK: Duration = Duration::from_millis(20);

/// The environment variable that says what is to happen.
const VARIABLE: &str = "MADANG_FAULT";

static ARMED: OnceLock<Armed> = OnceLock::new();

#[derive(Debug, Default)]
struct Armed {
    kill: Option<(Point, u64)>,
    sabotage: Option<Sabotage>,
    passages: AtomicU64,
    strikes: AtomicU64,
}

/// Reads the environment variable. To be called before anything is opened.
pub fn arm() -> anyhow::Result<()> {
    if cfg!(feature = "faults")
        && let Ok(text) = std::env::var(VARIABLE)
    {
        let armed = parse(&text).with_context(|| format!("{VARIABLE}={text}"))?;
        ARMED.set(armed).map_err(|_| anyhow!("{VARIABLE} was read twice"))?;
    }
    Ok(())
}

/// The process is at this point; it ends here when that was asked for.
#[inline]
pub fn pass(point: Point) {
    let Some(armed) = armed() else { return };
    if let Some((at, passage)) = armed.kill
        && at == point
        && armed.passages.fetch_add(1, Ordering::Relaxed) + 1 == passage
    {
        end();
    }
}

/// Whether this promise is to be broken.
#[inline]
pub fn is(sabotage: Sabotage) -> bool {
    armed().is_some_and(|armed| armed.sabotage == Some(sabotage))
}

/// Whether this promise is to be broken this time.
#[inline]
pub fn strikes(sabotage: Sabotage) -> bool {
    armed().is_some_and(|armed| {
        armed.sabotage == Some(sabotage)
            && (armed.strikes.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(ONE_IN)
    })
}

#[inline]
fn armed() -> Option<&'static Armed> {
    if cfg!(feature = "faults") { ARMED.get() } else { None }
}

/// The end as `kill -9` makes it: nothing is flushed, nobody is told.
fn end() -> ! {
    let _ = kill_process(getpid(), Signal::KILL);
    std::process::abort()
}

fn parse(text: &str) -> anyhow::Result<Armed> {
    let mut armed = Armed::default();
    for fault in text.split(',') {
        match fault.split(':').collect::<Vec<_>>()[..] {
            ["kill", point, passage] => {
                let passage = passage.parse().ok().filter(|passage| *passage > 0);
                let passage = passage.context("kill:POINT:N takes the number of a passage, from 1 on")?;
                armed.kill = Some((named(point, &POINTS)?, passage));
            }
            ["sabotage", name] => armed.sabotage = Some(named(name, &SABOTAGES)?),
            _ => return Err(anyhow!("a fault is kill:POINT:N or sabotage:NAME, not {fault}")),
        }
    }
    Ok(armed)
}

fn named<T: Copy>(name: &str, all: &[(&str, T)]) -> anyhow::Result<T> {
    let found = all.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.with_context(|| {
        let names: Vec<&str> = all.iter().map(|(known, _)| *known).collect();
        format!("{name} is none of {}", names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_or_explained() {
        let both = parse("sabotage:ack-early,kill:before-commit:3").unwrap();
        assert_eq!((both.kill, both.sabotage), (Some((Point::BeforeCommit, 3)), Some(Sabotage::AckEarly)));
        for (text, sentence) in [
            ("explode", "a fault is kill:POINT:N or sabotage:NAME, not explode"),
            ("kill:after-commit:0", "kill:POINT:N takes the number of a passage, from 1 on"),
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
