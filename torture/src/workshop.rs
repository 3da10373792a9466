//! Where a campaign works: the program it tests, the folder of a round, and the evidence that stays
//! when a promise was broken.

use std::{
    fmt::Display,
    fs,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::{disk::Disk, history::History, madang::Madang};

/// What all campaigns need.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// A server built with failpoints.
    pub program: PathBuf,
    /// What makes a disk of ours under it: `shim/disk.c`, compiled.
    pub shim: PathBuf,
    /// Where the folders of the rounds are made.
    pub folder: PathBuf,
    /// What every random choice follows from.
    pub seed: u64,
}

impl Workshop {
    /// A new folder with nothing in it.
    pub fn round(&self, name: &str) -> anyhow::Result<Round> {
        fs::create_dir_all(&self.folder).with_context(|| format!("making {}", self.folder.display()))?;
        let folder = tempfile::Builder::new().prefix(&format!("{name}-")).tempdir_in(&self.folder)?.keep();
        Ok(Round { madang: Madang::new(&self.program, &folder), shim: self.shim.clone(), folder })
    }
}

/// One data folder's time. It stays on disk unless it is said to be clean.
#[derive(Debug)]
pub struct Round {
    pub madang: Madang,
    shim: PathBuf,
    folder: PathBuf,
}

impl Round {
    /// A disk of ours under this round's data.
    pub fn disk(&self) -> anyhow::Result<Disk> {
        Disk::new(&self.shim, &self.folder)
    }

    /// Ends a round that is of no more interest.
    pub fn remove(self) -> anyhow::Result<()> {
        fs::remove_dir_all(&self.folder).context("removing a round's folder")
    }

    /// Ends a round: removes the folder, or writes down beside the database what was found.
    pub fn end(self, failures: &[impl Display], histories: &[History]) -> anyhow::Result<()> {
        if failures.is_empty() {
            return self.remove();
        }
        write(&self.folder.join("failures.txt"), failures.iter().map(ToString::to_string))?;
        let rooms = |history: &History| {
            let client = history.client.clone();
            let line = move |(room, inside): (&_, &_)| format!("{client} {room}: {inside:?}");
            history.rooms.iter().map(line).collect::<Vec<_>>()
        };
        write(&self.folder.join("histories.txt"), histories.iter().flat_map(rooms))?;
        eprintln!("the evidence is in {}", self.folder.display());
        Ok(())
    }
}

fn write(path: &Path, lines: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let mut file = BufWriter::new(fs::File::create(path)?);
    for line in lines {
        writeln!(file, "{line}")?;
    }
    file.flush().context("writing the evidence")
}
