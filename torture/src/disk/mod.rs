//! A disk under the program that can lose power, fill up and break.
//!
//! `shim/disk.c`, preloaded into the program, notes in a journal what is done to its files; here is
//! worked out what a disk would hold after that. The program knows nothing of it.

mod journal;
mod platter;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Context;
use rand::Rng;

use self::platter::{Files, Platter};

/// How a disk feels, in the shim's letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
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
    mood: PathBuf,
    /// What it held for certain when the program was last started.
    held: Files,
}

impl Disk {
    /// An empty disk for the data folder inside `folder`.
    pub fn new(shim: &Path, folder: &Path) -> anyhow::Result<Disk> {
        let shim = fs::canonicalize(shim).with_context(|| format!("finding {}", shim.display()))?;
        let [data, journal, mood] = ["data", "disk.journal", "disk.mood"].map(|name| folder.join(name));
        fs::create_dir_all(&data).context("making the data folder")?;
        let disk = Disk { shim, data, journal, mood, held: Files::new() };
        disk.feel(Mood::Works)?;
        Ok(disk)
    }

    /// What the program's environment must hold.
    pub fn environment(&self) -> [(&'static str, &Path); 4] {
        [
            ("LD_PRELOAD", &self.shim),
            ("MADANG_DISK", &self.data),
            ("MADANG_DISK_JOURNAL", &self.journal),
            ("MADANG_DISK_MOOD", &self.mood),
        ]
    }

    /// Lets it work, be full or be broken from now on.
    pub fn feel(&self, mood: Mood) -> anyhow::Result<()> {
        // In place: the program has it mapped.
        let file = File::options().create(true).truncate(false).write(true).open(&self.mood);
        file.and_then(|mut file| file.write_all(&[mood as u8])).context("writing the disk's mood")
    }

    /// The power goes away, under a program that was killed in the same moment: whatever was not
    /// synced is there, or in part, or not at all.
    pub fn lose_power(&mut self, random: &mut impl Rng) -> anyhow::Result<()> {
        let mut platter = Platter::holding(std::mem::take(&mut self.held));
        let journal = fs::read(&self.journal).context("reading the disk's journal")?;
        for record in journal::read(&journal)? {
            platter.apply(record);
        }
        self.held = platter.lose_power(random);
        fs::remove_file(&self.journal).context("removing the disk's journal")?;
        for file in fs::read_dir(&self.data).context("reading the data folder")? {
            fs::remove_file(file?.path()).context("emptying the data folder")?;
        }
        for (name, content) in &self.held {
            fs::write(self.data.join(name), content).with_context(|| format!("writing {name}"))?;
        }
        Ok(())
    }
}
