//! Tests the checker: a server that breaks one promise must be caught, each time, by the rule for that
//! promise; a server that breaks none must not be.

use std::fs;

use anyhow::Context;
use clap::Args;
use rand::{SeedableRng, rngs::StdRng};

use super::crash::{self, CrashRound, Loss, Stats};
use crate::{
    checker::{Rule, Violation},
    harness::{Harness, Round},
    report::{Progress, Report, verdict},
    transports::TransportChoice,
};

/// One way to break a promise.
struct Sabotage {
    /// Its name in `server/src/failpoint.rs`.
    name: &'static str,
    /// The rule that must report it; reports of other rules do not count.
    breaks: Rule,
    /// How many kills it needs to show; a wrong push shows without.
    kills: u32,
    /// The transports that compensate for it: with one of them nothing may be reported.
    harmless_over: &'static [TransportChoice],
}

/// Over HTTP: an event stream reads from the log what it missed as a push.
const SSE: &[TransportChoice] = &[TransportChoice::Http];

const SABOTAGES: [Sabotage; 8] = [
    Sabotage { name: "drop-pushes", breaks: Rule::Delivered, kills: 0, harmless_over: SSE },
    // The line transport skips messages that it has shown.
    Sabotage {
        name: "repeat-pushes",
        breaks: Rule::Delivered,
        kills: 0,
        harmless_over: &[TransportChoice::Http, TransportChoice::Tcp],
    },
    Sabotage { name: "swap-pushes", breaks: Rule::Delivered, kills: 0, harmless_over: SSE },
    Sabotage { name: "deaf-connection", breaks: Rule::Delivered, kills: 0, harmless_over: SSE },
    Sabotage { name: "ack-unstored", breaks: Rule::Acked, kills: 0, harmless_over: &[] },
    Sabotage { name: "ack-early", breaks: Rule::Acked, kills: 6, harmless_over: &[] },
    // The line client never sends a message again.
    Sabotage { name: "forget-cids", breaks: Rule::Genuine, kills: 4, harmless_over: &[TransportChoice::Tcp] },
    Sabotage { name: NO_SYNC, breaks: Rule::Acked, kills: 4, harmless_over: &[] },
];

/// The sabotage that shows only when the power fails.
const NO_SYNC: &str = "no-sync";

/// SQLite's words for a damaged database, in the server's log or when the campaign reads it.
const DAMAGED: [&str; 4] = [
    "database disk image is malformed",
    "malformed database schema",
    "file is not a database",
    "SQLite's integrity check says",
];

/// How long the clients of a harmless sabotage may take to finish, in seconds: one heartbeat at most.
const HARMLESS_SETTLE: u64 = 20;

/// How many kills a server without sabotage must survive.
const CLEAN_KILLS: u32 = 4;

/// Options of the campaign.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Only this sabotage
    #[arg(long)]
    pub only: Option<String>,
    /// Which transports the clients use; a sabotage that one of them compensates for must be harmless there
    #[arg(long = "door", value_enum, default_value_t)]
    pub transports: TransportChoice,
    /// The mean time between two messages of a writer, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub pace: u64,
}

/// Runs the campaign.
pub async fn run(harness: &Harness, options: &Options) -> anyhow::Result<Report> {
    let mut report = Report::new("sabotage: the checker notices");
    let (mut failures, mut caught, mut progress) = (Vec::new(), 0, Progress::default());
    let chosen = |sabotage: &&Sabotage| options.only.as_deref().is_none_or(|only| only == sabotage.name);
    let sabotages: Vec<&Sabotage> = SABOTAGES.iter().filter(chosen).collect();
    let transports = options.transports;
    let is_harmful = |sabotage: &&&Sabotage| !sabotage.harmless_over.contains(&transports);
    let harmful = sabotages.iter().filter(is_harmful).count();
    for sabotage in sabotages.iter().copied().map(Some).chain([None]) {
        let (name, kills) =
            sabotage.map_or((None, CLEAN_KILLS), |sabotage| (Some(sabotage.name), sabotage.kills));
        let harmless = sabotage.is_none_or(|sabotage| sabotage.harmless_over.contains(&transports));
        let options = crash::Options {
            kills,
            writers: 200,
            transports,
            rooms: 20,
            seconds: vec![0.4, 1.5],
            pace: options.pace,
            check_every: kills,
            settle: if harmless { HARMLESS_SETTLE } else { 3 },
        };
        let round = harness.round("sabotage")?;
        let mut random = StdRng::seed_from_u64(harness.seed);
        let mut stats = Stats::default();
        let loss = if name == Some(NO_SYNC) { Loss::Unsynced } else { Loss::Memory };
        let result = CrashRound { options: &options, kills, sabotage: name, loss }
            .run(&round, &mut random, &mut stats, &mut progress)
            .await;
        let result = match result {
            // Without syncs the database itself may be damaged.
            Err(error) if name == Some(NO_SYNC) => {
                let damage = damage(&round, &error)?.with_context(|| format!("{NO_SYNC}: {error:#}"))?;
                caught += 1;
                report.row(NO_SYNC, format!("caught: {damage}"));
                round.remove()?;
                continue;
            }
            result => result?,
        };
        let found = format!("{} (rules {})", verdict(&result.violations), rules(&result.violations));
        match sabotage {
            Some(Sabotage { name, breaks, .. }) if !harmless => {
                if result.violations.iter().any(|violation| violation.rule == *breaks) {
                    caught += 1;
                    report.row(name, format!("caught among {} messages: {found}", stats.acked));
                } else {
                    failures.push(format!(
                        "{name} was not noticed by rule {} among {} messages: {found}",
                        breaks.letter(),
                        stats.acked
                    ));
                }
                round.remove()?;
            }
            _ => {
                let name = name.unwrap_or("none");
                report.row(name, format!("harms nobody: {}", verdict(&result.violations)));
                if !result.violations.is_empty() {
                    failures.push(format!("{name} should harm nobody: {found}"));
                }
                round.end(&result.violations, &result.histories)?;
            }
        }
    }
    report.row("seconds", progress.elapsed().as_secs());
    report.conclude(format!("{caught} of {harmful} sabotages caught"), failures);
    Ok(report)
}

/// Returns the line in this error, or in the server's log, that says that the database is damaged.
fn damage(round: &Round, error: &anyhow::Error) -> anyhow::Result<Option<String>> {
    let logged = fs::read_to_string(round.server.log()).context("reading the server's log")?;
    let text = format!("{error:#}\n{logged}");
    let damaged = |line: &&str| DAMAGED.iter().any(|damage| line.contains(damage));
    Ok(text.lines().find(damaged).map(str::to_owned))
}

/// Returns the letters of the rules that were broken.
fn rules(violations: &[Violation]) -> String {
    let mut letters: Vec<char> = violations.iter().map(|violation| violation.rule.letter()).collect();
    letters.sort_unstable();
    letters.dedup();
    letters.into_iter().collect()
}
