//! The checker's own test: a server that breaks one promise must be caught, each time, and one that
//! breaks none must not be.

use clap::Args;
use rand::{SeedableRng, rngs::StdRng};

use super::crash::{self, Figures, Game, Loss};
use crate::{
    checker::Violation,
    report::{Progress, Report, verdict},
    workshop::Workshop,
};

/// The names of `server/src/fault.rs`, and how many kills it takes to show each: what is only
/// wrong in a push shows without.
const SABOTAGES: [(&str, u32); 8] = [
    ("drop-pushes", 0),
    ("repeat-pushes", 0),
    ("swap-pushes", 0),
    ("deaf-connection", 0),
    ("ack-unstored", 0),
    ("ack-early", 6),
    ("forget-cids", 4),
    (NO_SYNC, 4),
];

/// The one that shows only when the power fails.
const NO_SYNC: &str = "no-sync";

/// How many kills an honest server must survive beside them.
const CLEAN: u32 = 4;

/// How a sabotage campaign goes.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// Only this sabotage
    #[arg(long)]
    pub only: Option<String>,
    /// The mean time between two messages of a writer, in milliseconds
    #[arg(long, default_value_t = 100)]
    pub pace: u64,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let mut report = Report::new("sabotage: the checker notices");
    let (mut failures, mut caught, mut progress) = (Vec::new(), 0, Progress::default());
    let chosen = SABOTAGES.iter().filter(|(name, _)| plan.only.as_deref().is_none_or(|only| only == *name));
    let runs: Vec<(Option<&str>, u32)> =
        chosen.map(|(name, kills)| (Some(*name), *kills)).chain([(None, CLEAN)]).collect();
    for (sabotage, kills) in &runs {
        let plan = crash::Plan {
            kills: *kills,
            writers: 200,
            rooms: 20,
            seconds: vec![0.4, 1.5],
            pace: plan.pace,
            check_every: *kills,
            settle: 3,
        };
        let round = workshop.round("sabotage")?;
        let mut random = StdRng::seed_from_u64(workshop.seed);
        let mut figures = Figures::default();
        let loss = if *sabotage == Some(NO_SYNC) { Loss::Unsynced } else { Loss::Memory };
        let played = Game { plan: &plan, kills: *kills, sabotage: *sabotage, loss }
            .play(&round, &mut random, &mut figures, &mut progress)
            .await;
        let played = match played {
            // Without its syncs the database itself may be past reading.
            Err(error) if *sabotage == Some(NO_SYNC) => {
                caught += 1;
                report.row(NO_SYNC, format!("caught: {error:#}"));
                round.remove()?;
                continue;
            }
            played => played?,
        };
        let found = format!("{} (rules {})", verdict(&played.violations), rules(&played.violations));
        match (sabotage, played.violations.is_empty()) {
            (Some(name), false) => {
                caught += 1;
                report.row(name, format!("caught: {found}"));
                round.remove()?;
            }
            (Some(name), true) => {
                failures.push(format!("{name} was not noticed among {} messages", figures.acked));
                round.remove()?;
            }
            (None, clean) => {
                report.row("none", verdict(&played.violations));
                if !clean {
                    failures.push(format!("an honest server was accused: {found}"));
                }
                round.end(&played.violations, &played.histories)?;
            }
        }
    }
    report.row("seconds", progress.elapsed().as_secs());
    report.conclude(format!("{caught} of {} sabotages caught", runs.len() - 1), failures);
    Ok(report)
}

/// The letters of the rules that were broken.
fn rules(violations: &[Violation]) -> String {
    let mut letters: Vec<char> = violations.iter().map(|violation| violation.rule.letter()).collect();
    letters.sort_unstable();
    letters.dedup();
    letters.into_iter().collect()
}
