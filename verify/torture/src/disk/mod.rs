//! A simulated disk under the program, which can lose power, fill up and break.
//!
//! `shim/disk.c`, preloaded into the program, records its writes in a journal; this module computes what a
//! disk would hold after a power cut. The program does not notice.

mod image;
mod journal;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rand::Rng;

use self::image::{DiskImage, Files};

/// The state of the disk, in the shim's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    Works = b'w' as isize,
    /// Writes fail with ENOSPC.
    Full = b'f' as isize,
    /// Syncs fail with EIO.
    Broken = b'b' as isize,
}

/// The disk under one data folder.
#[derive(Debug)]
pub struct Disk {
    shim: PathBuf,
    data: PathBuf,
    journal: PathBuf,
    state: PathBuf,
    /// What was synced when the program was last started.
    contents: Files,
}

impl Disk {
    /// Creates an empty disk for the data folder inside `folder`.
    pub fn new(shim: &Path, folder: &Path) -> anyhow::Result<Disk> {
        let shim = fs::canonicalize(shim).with_context(|| format!("finding {}", shim.display()))?;
        let [data, journal, state] = ["data", "disk.journal", "disk.state"].map(|name| folder.join(name));
        fs::create_dir_all(&data).context("making the data folder")?;
        let disk = Disk { shim, data, journal, state, contents: Files::new() };
        disk.set_state(DiskState::Works)?;
        Ok(disk)
    }

    /// Returns the program's environment variables.
    pub fn environment(&self) -> [(&'static str, &Path); 4] {
        [
            ("LD_PRELOAD", &self.shim),
            ("MADANG_DISK", &self.data),
            ("MADANG_DISK_JOURNAL", &self.journal),
            ("MADANG_DISK_STATE", &self.state),
        ]
    }

    /// Makes it work, be full or be broken from now on.
    pub fn set_state(&self, state: DiskState) -> anyhow::Result<()> {
        // In place: the program has mapped it.
        let file = File::options().create(true).truncate(false).write(true).open(&self.state);
        file.and_then(|mut file| file.write_all(&[state as u8])).context("writing the disk's state")
    }

    /// Cuts the power of a program that was killed in the same moment: each write that was not synced is
    /// kept, torn or lost.
    pub fn lose_power(&mut self, random: &mut impl Rng) -> anyhow::Result<()> {
        let mut image = DiskImage::with_files(std::mem::take(&mut self.contents));
        let journal = fs::read(&self.journal).context("reading the disk's journal")?;
        for record in journal::parse(&journal)? {
            image.apply(record);
        }
        self.contents = image.lose_power(random);
        fs::remove_file(&self.journal).context("removing the disk's journal")?;
        for file in fs::read_dir(&self.data).context("reading the data folder")? {
            fs::remove_file(file?.path()).context("emptying the data folder")?;
        }
        for (name, content) in &self.contents {
            fs::write(self.data.join(name), content).with_context(|| format!("writing {name}"))?;
        }
        Ok(())
    }
}
