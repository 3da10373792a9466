//! `bench`: the load generator behind `bin/bench`.
//!
//! It starts one server at a time and measures all of them in each round, so that a disturbance of the
//! machine affects every server alike. Then it prints a table of medians, and one of Madang's transports,
//! which go into docs/benchmarks.md as they are.

mod clients;
mod dialect;
mod measure;
mod peer;
mod scenario;
mod server;
mod table;
mod websocket;

use clap::{Parser, Subcommand, ValueEnum};

use crate::{
    measure::Column,
    peer::Peer,
    scenario::{Scale, Scenario},
    table::Table,
};

/// Measures Madang beside its peers, and its transports beside each other, and prints the tables
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
    /// Runs as a peer (the benchmark starts itself so)
    #[command(hide = true)]
    ServeSocketioxide,
    /// Runs as a peer (the benchmark starts itself so)
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
    let (scale, rounds) = if cli.quick { (Scale::QUICK, 1) } else { (Scale::FULL, cli.rounds) };
    let (mut servers, mut transports) = (Table::new(&Peer::ALL), Table::new(&Column::ALL));
    for scenario in scenarios {
        for round in 1..=rounds {
            let peers = scenario.peers().iter().filter(|peer| cli.only.is_empty() || cli.only.contains(peer));
            for peer in peers {
                eprintln!("{scenario:?}, round {round} of {rounds}: {peer}");
                match scenario.run(*peer, &scale) {
                    Ok(measurements) => {
                        for measurement in measurements {
                            if let Some(column) = measurement.column {
                                eprintln!("  {}: {column}: {}", measurement.label, measurement.value);
                                transports.add(column, measurement);
                            } else {
                                eprintln!("  {}: {}", measurement.label, measurement.value);
                                servers.add(*peer, measurement);
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
    if !servers.is_empty() && !transports.is_empty() {
        println!();
    }
    if !transports.is_empty() {
        print!("{transports}");
    }
    Ok(())
}
