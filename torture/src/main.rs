//! The `torture` program: one subcommand a campaign. `bin/torture` builds what it needs and calls it.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use torture::{
    campaign::{
        bursts,
        crash::{self, Loss},
        disk, hostile, network, sabotage, seats,
    },
    workshop::Workshop,
};

/// Breaks a real Madang on purpose, over and over, and checks that nothing is lost, nothing is
/// doubled and there is one order. Exits with 1 and keeps the evidence when a promise is broken.
#[derive(Parser)]
#[command(name = "torture")]
struct Cli {
    #[command(subcommand)]
    campaign: Campaign,
    /// A server built with the feature `faults`
    #[arg(long, global = true, default_value = "target/torture/madang")]
    program: PathBuf,
    /// What notes the writes to a disk whose power goes away: torture/shim/disk.c, compiled
    #[arg(long, global = true, default_value = "target/torture/disk.so")]
    shim: PathBuf,
    /// Where data folders are made, and stay when they are evidence
    #[arg(long, global = true, default_value = "target/torture/rounds")]
    folder: PathBuf,
    /// What every random choice follows from [default: another one each time]
    #[arg(long, global = true)]
    seed: Option<u64>,
}

#[derive(Subcommand)]
enum Campaign {
    /// kill -9 at random moments and at named points
    Crash(crash::Plan),
    /// The same, and each time what was not synced to the disk is lost, wholly or in part
    Power(crash::Plan),
    /// A disk that is full or broken for a while, again and again
    Disk(disk::Plan),
    /// Cut, garble, delay and swallow between the clients and the server
    Network(network::Plan),
    /// Let many people race for the last seats of a room
    Seats(seats::Plan),
    /// Send ten commands in one write, again and again
    Bursts(bursts::Plan),
    /// Lines without an end, silent crowds, floods of datagrams, and browsers at the wrong door
    Hostile(hostile::Plan),
    /// Break one promise after the other, and be caught each time
    Sabotage(sabotage::Plan),
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let seed = cli.seed.unwrap_or_else(rand::random);
    let workshop = Workshop { program: cli.program, shim: cli.shim, folder: cli.folder, seed };
    let result = match &cli.campaign {
        Campaign::Crash(plan) => crash::run(&workshop, plan, Loss::Memory).await,
        Campaign::Power(plan) => crash::run(&workshop, plan, Loss::Unsynced).await,
        Campaign::Disk(plan) => disk::run(&workshop, plan).await,
        Campaign::Network(plan) => network::run(&workshop, plan).await,
        Campaign::Seats(plan) => seats::run(&workshop, plan).await,
        Campaign::Bursts(plan) => bursts::run(&workshop, plan).await,
        Campaign::Hostile(plan) => hostile::run(&workshop, plan).await,
        Campaign::Sabotage(plan) => sabotage::run(&workshop, plan).await,
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
