//! `bench`: the load generator behind `bin/bench`.
//!
//! It starts one server at a time, each round all of them, so that what else this machine does hits
//! everybody alike; then it prints a table of medians, and one of Madang's doors, which go into
//! docs/benchmarks.md as they are.

mod crowd;
mod dialect;
mod measure;
mod peer;
mod scenario;
mod server;
mod table;
mod wire;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    measure::Column,
    peer::Peer,
    scenario::{Scenario, Size},
    table::Table,
};

/// Measures Madang beside its peers, and its doors beside each other, and prints the tables
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    serve: Option<Serve>,
    /// What to measure; everything when nothing is named
    scenarios: Vec<Scenario>,
    /// Measure these servers only
    #[arg(long, value_name = "SERVER")]
    only: Vec<Peer>,
    /// How often each is measured; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// A little of everything once, to see that it works
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Subcommand)]
enum Serve {
    /// Be a peer (the benchmark calls itself so)
    #[command(hide = true)]
    ServeSocketioxide,
    /// Be a peer (the benchmark calls itself so)
    #[command(hide = true)]
    ServeFloor,
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    match cli.serve {
        Some(Serve::ServeSocketioxide) => peer::socketioxide::serve(),
        Some(Serve::ServeFloor) => peer::floor::serve(),
        None => compare(&cli),
    }
}

fn compare(cli: &Cli) -> anyhow::Result<()> {
    let scenarios = if cli.scenarios.is_empty() { Scenario::value_variants() } else { &cli.scenarios };
    let (size, rounds) = if cli.quick { (Size::QUICK, 1) } else { (Size::FULL, cli.rounds) };
    let (mut servers, mut doors) = (Table::new(&Peer::ALL), Table::new(&Column::ALL));
    for scenario in scenarios {
        for round in 1..=rounds {
            let peers = scenario.peers().iter().filter(|peer| cli.only.is_empty() || cli.only.contains(peer));
            for peer in peers {
                eprintln!("{scenario:?}, round {round} of {rounds}: {peer}");
                match scenario.run(*peer, &size) {
                    Ok(measures) => {
                        for measure in measures {
                            if let Some(column) = measure.column {
                                eprintln!("  {}: {column}: {}", measure.what, measure.figure);
                                doors.add(column, measure);
                            } else {
                                eprintln!("  {}: {}", measure.what, measure.figure);
                                servers.add(*peer, measure);
                            }
                        }
                    }
                    Err(error) => eprintln!("  FAILED: {error:#}"),
                }
            }
        }
    }
    if !servers.is_empty() {
        print!("{servers}");
    }
    if !servers.is_empty() && !doors.is_empty() {
        println!();
    }
    if !doors.is_empty() {
        print!("{doors}");
    }
    Ok(())
}
