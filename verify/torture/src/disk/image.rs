//! The possible contents of a disk after a power cut: of every file the synced part, and the later writes,
//! which may have reached the disk or not.
//!
//! A file holds what it held at its last sync, with none, the first, or any of the later writes, in pieces
//! of a sector. A name in the folder is what it was at the folder's last sync, or any later state. POSIX
//! promises nothing else.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};

use super::journal::Record;

/// The bytes that a disk writes atomically.
const SECTOR: usize = 512;

/// The files of a folder, by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A folder on a disk.
pub(super) struct DiskImage {
    /// Every file that ever existed; a removed one may come back after a power cut.
    inodes: Vec<Inode>,
    names: BTreeMap<String, Entry>,
    /// The name for each number of the journal.
    numbers: BTreeMap<u8, String>,
}

/// A name in the folder: the file it was at the folder's last sync, and the file it is now.
#[derive(Clone, Copy, Default)]
struct Entry {
    synced: Option<usize>,
    current: Option<usize>,
}

#[derive(Default)]
struct Inode {
    synced: Vec<u8>,
    unsynced: Vec<PendingWrite>,
}

#[derive(Clone)]
enum PendingWrite {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

impl DiskImage {
    /// A disk on which these files are synced.
    pub(super) fn with_files(files: Files) -> DiskImage {
        let mut image = DiskImage { inodes: Vec::new(), names: BTreeMap::new(), numbers: BTreeMap::new() };
        for (name, synced) in files {
            let inode = image.inodes.len();
            image.inodes.push(Inode { synced, unsynced: Vec::new() });
            image.names.insert(name, Entry { synced: Some(inode), current: Some(inode) });
        }
        image
    }

    /// Repeats what the program did.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Name { file, name, created } => {
                let entry = self.names.entry(name.clone()).or_default();
                if created || entry.current.is_none() {
                    entry.current = Some(self.inodes.len());
                    self.inodes.push(Inode::default());
                }
                self.numbers.insert(file, name);
            }
            Record::Write { file, at, bytes } => {
                self.pending_write(file, PendingWrite::Write { at: at as usize, bytes });
            }
            Record::Truncate { file, size } => {
                self.pending_write(file, PendingWrite::Truncate { size: size as usize });
            }
            Record::Sync { file } => {
                if let Some(inode) = self.inode(file) {
                    for pending_write in std::mem::take(&mut inode.unsynced) {
                        pending_write.apply_to(&mut inode.synced);
                    }
                }
            }
            Record::SyncFolder => self.names.values_mut().for_each(|entry| entry.synced = entry.current),
            Record::Unlink { file } => {
                if let Some(entry) = self.numbers.get(&file).and_then(|name| self.names.get_mut(name)) {
                    entry.current = None;
                }
            }
        }
    }

    /// Returns what is there when the power is back.
    pub(super) fn lose_power(self, random: &mut impl Rng) -> Files {
        let mut left = Files::new();
        for (name, entry) in &self.names {
            let inode = if random.random() { entry.synced } else { entry.current };
            if let Some(inode) = inode {
                left.insert(name.clone(), self.inodes[inode].lose_power(random));
            }
        }
        left
    }

    fn pending_write(&mut self, file: u8, pending_write: PendingWrite) {
        if let Some(inode) = self.inode(file) {
            inode.unsynced.push(pending_write);
        }
    }

    fn inode(&mut self, file: u8) -> Option<&mut Inode> {
        let entry = self.names.get(self.numbers.get(&file)?)?;
        self.inodes.get_mut(entry.current?)
    }
}

impl Inode {
    fn lose_power(&self, random: &mut impl Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        match random.random_range(0..3) {
            0 => {}
            1 => {
                let count = random.random_range(0..=self.unsynced.len());
                self.unsynced[..count]
                    .iter()
                    .for_each(|pending_write| pending_write.clone().apply_to(&mut content));
            }
            _ => self.unsynced.iter().for_each(|pending_write| pending_write.tear(&mut content, random)),
        }
        content
    }
}

impl PendingWrite {
    fn apply_to(self, content: &mut Vec<u8>) {
        match self {
            PendingWrite::Write { at, bytes } => write(content, at, &bytes),
            PendingWrite::Truncate { size } => content.resize(size, 0),
        }
    }

    /// Does a part of it: any sectors, in any order.
    fn tear(&self, content: &mut Vec<u8>, random: &mut impl Rng) {
        match self {
            PendingWrite::Write { at, bytes } => {
                for (sector, bytes) in bytes.chunks(SECTOR).enumerate() {
                    if random.random() {
                        write(content, at + sector * SECTOR, bytes);
                    }
                }
            }
            PendingWrite::Truncate { size } if random.random() => content.resize(*size, 0),
            PendingWrite::Truncate { .. } => {}
        }
    }
}

fn write(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let end = at + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[at..end].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn created(file: u8, name: &str) -> Record {
        Record::Name { file, name: name.to_owned(), created: true }
    }

    fn written(file: u8, text: &str) -> Record {
        Record::Write { file, at: 0, bytes: text.into() }
    }

    /// Every possible content after these records, over many power cuts.
    fn outcomes(records: &[Record]) -> Vec<Files> {
        let mut outcomes: Vec<Files> = (0..200)
            .map(|seed| {
                let mut image = DiskImage::with_files(Files::new());
                records.iter().cloned().for_each(|record| image.apply(record));
                image.lose_power(&mut StdRng::seed_from_u64(seed))
            })
            .collect();
        outcomes.sort();
        outcomes.dedup();
        outcomes
    }

    fn files(content: &str) -> Files {
        Files::from([("f".to_owned(), content.into())])
    }

    #[test]
    fn a_file_synced_with_its_folder_survives() {
        let synced = [created(1, "f"), written(1, "a"), Record::Sync { file: 1 }, Record::SyncFolder];
        assert_eq!(outcomes(&synced), [files("a")]);
    }

    #[test]
    fn unsynced_changes_may_survive_or_not() {
        let start = [created(1, "f"), written(1, "a"), Record::Sync { file: 1 }, Record::SyncFolder];
        let rewritten = [&start[..], &[written(1, "b")]].concat();
        assert_eq!(outcomes(&rewritten), [files("a"), files("b")]);
        let removed = [&start[..], &[Record::Unlink { file: 1 }]].concat();
        assert_eq!(outcomes(&removed), [Files::new(), files("a")]);
        assert_eq!(outcomes(&start[..3]), [Files::new(), files("a")], "a folder is synced for itself");
    }

    #[test]
    fn a_long_write_is_torn_between_sectors_and_never_within_one() {
        let long = Record::Write { file: 1, at: 0, bytes: vec![1; 2 * SECTOR] };
        for outcome in outcomes(&[created(1, "f"), Record::SyncFolder, long]) {
            let content = &outcome["f"];
            assert!(content.chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        }
    }
}
