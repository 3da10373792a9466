//! Where a campaign runs: the program under test, a folder for each round, and the evidence that stays when
//! a promise was broken.

use std::{
    fmt::Display,
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{disk::Disk, history::History, server::Server};

/// The inputs of every campaign.
#[derive(Clone, Debug)]
pub struct Harness {
    /// A server built with failpoints.
    pub program: PathBuf,
    /// The compiled `shim/disk.c`, which simulates a disk under the server.
    pub shim: PathBuf,
    /// The parent of the rounds' folders.
    pub folder: PathBuf,
    /// Seeds every random choice.
    pub seed: u64,
}

impl Harness {
    /// Creates an empty folder for a round.
    pub fn round(&self, name: &str) -> anyhow::Result<Round> {
        fs::create_dir_all(&self.folder).with_context(|| format!("making {}", self.folder.display()))?;
        let folder = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&self.folder)?.keep();
        Ok(Round { server: Server::new(&self.program, &folder), shim: self.shim.clone(), folder })
    }
}

/// One data folder and the server over it. The folder stays on disk unless `end` finds no failures.
#[derive(Debug)]
pub struct Round {
    pub server: Server,
    shim: PathBuf,
    folder: PathBuf,
}

impl Round {
    /// Creates a simulated disk under this round's data.
    pub fn disk(&self) -> anyhow::Result<Disk> {
        Disk::new(&self.shim, &self.folder)
    }

    /// Removes the folder.
    pub fn remove(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.folder).context("removing a round's folder")
    }

    /// Ends a round: removes the folder, or writes the failures and histories beside the database.
    pub fn end(self, failures: &[impl Display], histories: &[History]) -> anyhow::Result<()> {
        if failures.is_empty() {
            return self.remove();
        }
        write_lines(&self.folder.join("failures.txt"), failures.iter().map(ToString::to_string))?;
        let rooms = |history: &History| {
            let client = history.client.clone();
            let format_room =
                move |(room, room_history): (&_, &_)| format!("{client} {room}: {room_history:?}");
            history.rooms.iter().map(format_room).collect::<Vec<_>>()
        };
        write_lines(&self.folder.join("histories.txt"), histories.iter().flat_map(rooms))?;
        eprintln!("the evidence is in {}", self.folder.display());
        Ok(())
    }
}

fn write_lines(path: &Path, entries: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for entry in entries {
        writeln!(file, "{entry}")?;
    }
    file.flush().context("writing the evidence")
}
