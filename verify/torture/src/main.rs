//! The `torture` program: one subcommand for each campaign. `bin/torture` builds what it needs and calls
//! it.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use torture::{
    campaign::{
        bursts,
        crash::{self, Loss},
        disk, hostile, network, sabotage, seats,
    },
    harness::Harness,
};

/// Injects faults into a real Madang over and over, and checks that nothing is lost, nothing is doubled and
/// there is one order. Exits with 1 and keeps the evidence when a promise is broken.
#[derive(Parser)]
#[command(name = "torture")]
struct Cli {
    #[command(subcommand)]
    campaign: Campaign,
    /// A server built with the feature `faults`
    #[arg(long, global = true, default_value = "target/torture/madang")]
    program: PathBuf,
    /// The library that records writes and simulates a failing disk: verify/torture/shim/disk.c, compiled
    #[arg(long, global = true, default_value = "target/torture/disk.so")]
    shim: PathBuf,
    /// Where data folders are created; they stay there as evidence when a promise is broken
    #[arg(long, global = true, default_value = "target/torture/rounds")]
    folder: PathBuf,
    /// Seeds every random choice [default: another one each time]
    #[arg(long, global = true)]
    seed: Option<u64>,
}

#[derive(Subcommand)]
enum Campaign {
    /// kill -9 at random moments and at failpoints
    Crash(crash::Options),
    /// The same, and each time the writes that were not synced are lost, wholly or in part
    Power(crash::Options),
    /// A disk that is full or broken for a while, again and again
    Disk(disk::Options),
    /// Cut, delay and drop traffic between the clients and the server
    Network(network::Options),
    /// Let many people race for the last seats of a room
    Seats(seats::Options),
    /// Send ten commands in one write, again and again
    Bursts(bursts::Options),
    /// Endless lines, silent connections, floods of datagrams, and browsers at the line transport
    Hostile(hostile::Options),
    /// Break one promise after the other on purpose, and check that each is caught
    Sabotage(sabotage::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(rand::random);
    let harness = Harness { program: cli.program, shim: cli.shim, folder: cli.folder, seed };
    let result = match &cli.campaign {
        Campaign::Crash(options) => crash::run(&harness, options, Loss::Memory).await,
        Campaign::Power(options) => crash::run(&harness, options, Loss::Unsynced).await,
        Campaign::Disk(options) => disk::run(&harness, options).await,
        Campaign::Network(options) => network::run(&harness, options).await,
        Campaign::Seats(options) => seats::run(&harness, options).await,
        Campaign::Bursts(options) => bursts::run(&harness, options).await,
        Campaign::Hostile(options) => hostile::run(&harness, options).await,
        Campaign::Sabotage(options) => sabotage::run(&harness, options).await,
    };
    match result {
        Ok(report) => {
            println!("{report}");
            if report.is_clean() {
                return ExitCode::SUCCESS;
            }
        }
        Err(error) => eprintln!("torture: {error:#}"),
    }
    eprintln!("this was --seed {seed}");
    ExitCode::FAILURE
}
