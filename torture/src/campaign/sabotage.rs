//! The checker's own test: a server that breaks one promise must be caught, each time, by the rule
//! for that promise, and one that breaks none must not be.

use std::fs;

use anyhow::Context;
use clap::Args;
use rand::{SeedableRng, rngs::StdRng};

use super::crash::{self, Figures, Game, Loss};
use crate::{
    checker::{Rule, Violation},
    door::Doors,
    report::{Progress, Report, verdict},
    workshop::{Round, Workshop},
};

/// One way to break a promise.
struct Sabotage {
    /// Its name in `server/src/fault.rs`.
    name: &'static str,
    /// The rule that must notice; what the others notice beside it proves nothing.
    breaks: Rule,
    /// How many kills it takes to show: what is only wrong in a push shows without.
    kills: u32,
    /// The doors that make up for it: who comes by one of them must be harmed by nothing.
    harmless_over: &'static [Doors],
}

/// A stream that misses something reads it in the log.
const STREAMS: &[Doors] = &[Doors::Http];

const SABOTAGES: [Sabotage; 8] = [
    Sabotage { name: "drop-pushes", breaks: Rule::Told, kills: 0, harmless_over: STREAMS },
    // A line shows nothing that it has shown.
    Sabotage {
        name: "repeat-pushes",
        breaks: Rule::Told,
        kills: 0,
        harmless_over: &[Doors::Http, Doors::Tcp],
    },
    Sabotage { name: "swap-pushes", breaks: Rule::Told, kills: 0, harmless_over: STREAMS },
    Sabotage { name: "deaf-connection", breaks: Rule::Told, kills: 0, harmless_over: STREAMS },
    Sabotage { name: "ack-unstored", breaks: Rule::Acked, kills: 0, harmless_over: &[] },
    Sabotage { name: "ack-early", breaks: Rule::Acked, kills: 6, harmless_over: &[] },
    // Nothing is said again over a line.
    Sabotage { name: "forget-cids", breaks: Rule::Genuine, kills: 4, harmless_over: &[Doors::Tcp] },
    Sabotage { name: NO_SYNC, breaks: Rule::Acked, kills: 4, harmless_over: &[] },
];

/// The one that shows only when the power fails.
const NO_SYNC: &str = "no-sync";

/// What SQLite calls a database that is past reading, in the server's log or when we read it.
const DAMAGED: [&str; 4] = [
    "database disk image is malformed",
    "malformed database schema",
    "file is not a database",
    "SQLite's integrity check says",
];

/// How long, in seconds, who is harmed by nothing may take: until a heartbeat at the longest.
const HEARTBEATS: u64 = 20;

/// How many kills an honest server must survive beside them.
const CLEAN: u32 = 4;

/// How a sabotage campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// Only this sabotage
    #[arg(long)]
    pub only: Option<String>,
    /// By which doors the clients come; what a door makes up for must harm nobody there
    #[arg(long = "door", value_enum, default_value_t)]
    pub doors: Doors,
    /// The mean time between two messages of a writer, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub pace: u64,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let mut report = Report::new("sabotage: the checker notices");
    let (mut failures, mut caught, mut progress) = (Vec::new(), 0, Progress::default());
    let chosen = |sabotage: &&Sabotage| plan.only.as_deref().is_none_or(|only| only == sabotage.name);
    let sabotages: Vec<&Sabotage> = SABOTAGES.iter().filter(chosen).collect();
    let doors = plan.doors;
    let harms = |sabotage: &&&Sabotage| !sabotage.harmless_over.contains(&doors);
    let harmful = sabotages.iter().filter(harms).count();
    for sabotage in sabotages.iter().copied().map(Some).chain([None]) {
        let (name, kills) = sabotage.map_or((None, CLEAN), |sabotage| (Some(sabotage.name), sabotage.kills));
        let harmless = sabotage.is_none_or(|sabotage| sabotage.harmless_over.contains(&doors));
        let plan = crash::Plan {
            kills,
            writers: 200,
            doors,
            rooms: 20,
            seconds: vec![0.4, 1.5],
            pace: plan.pace,
            check_every: kills,
            settle: if harmless { HEARTBEATS } else { 3 },
        };
        let round = workshop.round("sabotage")?;
        let mut random = StdRng::seed_from_u64(workshop.seed);
        let mut figures = Figures::default();
        let loss = if name == Some(NO_SYNC) { Loss::Unsynced } else { Loss::Memory };
        let played = Game { plan: &plan, kills, sabotage: name, loss }
            .play(&round, &mut random, &mut figures, &mut progress)
            .await;
        let played = match played {
            // Without its syncs the database itself may be past reading.
            Err(error) if name == Some(NO_SYNC) => {
                let damage = damage(&round, &error)?.with_context(|| format!("{NO_SYNC}: {error:#}"))?;
                caught += 1;
                report.row(NO_SYNC, format!("caught: {damage}"));
                round.remove()?;
                continue;
            }
            played => played?,
        };
        let found = format!("{} (rules {})", verdict(&played.violations), rules(&played.violations));
        match sabotage {
            Some(Sabotage { name, breaks, .. }) if !harmless => {
                if played.violations.iter().any(|violation| violation.rule == *breaks) {
                    caught += 1;
                    report.row(name, format!("caught among {} messages: {found}", figures.acked));
                } else {
                    failures.push(format!(
                        "{name} was not noticed by rule {} among {} messages: {found}",
                        breaks.letter(),
                        figures.acked
                    ));
                }
                round.remove()?;
            }
            _ => {
                let name = name.unwrap_or("none");
                report.row(name, format!("harms nobody: {}", verdict(&played.violations)));
                if !played.violations.is_empty() {
                    failures.push(format!("{name} should harm nobody: {found}"));
                }
                round.end(&played.violations, &played.histories)?;
            }
        }
    }
    report.row("seconds", progress.elapsed().as_secs());
    report.conclude(format!("{caught} of {harmful} sabotages caught"), failures);
    Ok(report)
}

/// Where this error, or the log of the server behind it, says that the database is past reading.
fn damage(round: &Round, error: &anyhow::Error) -> anyhow::Result<Option<String>> {
    let logged = fs::read_to_string(round.madang.log()).context("reading the server's log")?;
    let said = format!("{error:#}\n{logged}");
    let damaged = |line: &&str| DAMAGED.iter().any(|damage| line.contains(damage));
    Ok(said.lines().find(damaged).map(str::to_owned))
}

/// The letters of the rules that were broken.
fn rules(violations: &[Violation]) -> String {
    let mut letters: Vec<char> = violations.iter().map(|violation| violation.rule.letter()).collect();
    letters.sort_unstable();
    letters.dedup();
    letters.into_iter().collect()
}
