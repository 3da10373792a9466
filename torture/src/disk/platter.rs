//! What a disk holds whose power may go away: of every file what was synced, and what was written
//! since and may be there or not.
//!
//! After a power cut a file is what it was at its last sync, with none, the first, or any of the
//! later changes, in pieces of a sector. A name in the folder is what it was when the folder was
//! last synced, or what it was made since. Nothing else is promised by POSIX, so nothing else is
//! given.

use std::collections::BTreeMap;

use rand::{Rng, RngExt};

use super::journal::Record;

/// What a disk writes whole or not at all, in bytes.
const SECTOR: usize = 512;

/// The files of a folder, by name.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// A folder on a disk.
pub(super) struct Platter {
    /// Every file there has been; one that was removed may come back with the power.
    inodes: Vec<Inode>,
    names: BTreeMap<String, Entry>,
    /// Which name each number of the journal stands for.
    numbers: BTreeMap<u8, String>,
}

/// A name in the folder: which file it was at the folder's last sync, and which it is now.
#[derive(Clone, Copy, Default)]
struct Entry {
    synced: Option<usize>,
    now: Option<usize>,
}

#[derive(Default)]
struct Inode {
    synced: Vec<u8>,
    later: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write { at: usize, bytes: Vec<u8> },
    Truncate { size: usize },
}

impl Platter {
    /// A disk that holds these files for certain.
    pub(super) fn holding(files: Files) -> Platter {
        let mut platter = Platter { inodes: Vec::new(), names: BTreeMap::new(), numbers: BTreeMap::new() };
        for (name, synced) in files {
            let inode = platter.inodes.len();
            platter.inodes.push(Inode { synced, later: Vec::new() });
            platter.names.insert(name, Entry { synced: Some(inode), now: Some(inode) });
        }
        platter
    }

    /// Does what the program did.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Name { file, name, made } => {
                let entry = self.names.entry(name.clone()).or_default();
                if made || entry.now.is_none() {
                    entry.now = Some(self.inodes.len());
                    self.inodes.push(Inode::default());
                }
                self.numbers.insert(file, name);
            }
            Record::Write { file, at, bytes } => self.change(file, Change::Write { at: at as usize, bytes }),
            Record::Truncate { file, size } => self.change(file, Change::Truncate { size: size as usize }),
            Record::Sync { file } => {
                if let Some(inode) = self.inode(file) {
                    for change in std::mem::take(&mut inode.later) {
                        change.apply_to(&mut inode.synced);
                    }
                }
            }
            Record::SyncFolder => self.names.values_mut().for_each(|entry| entry.synced = entry.now),
            Record::Unlink { file } => {
                if let Some(entry) = self.numbers.get(&file).and_then(|name| self.names.get_mut(name)) {
                    entry.now = None;
                }
            }
        }
    }

    /// What is there when the power is back.
    pub(super) fn lose_power(self, random: &mut impl Rng) -> Files {
        let mut left = Files::new();
        for (name, entry) in &self.names {
            let inode = if random.random() { entry.synced } else { entry.now };
            if let Some(inode) = inode {
                left.insert(name.clone(), self.inodes[inode].lose_power(random));
            }
        }
        left
    }

    fn change(&mut self, file: u8, change: Change) {
        if let Some(inode) = self.inode(file) {
            inode.later.push(change);
        }
    }

    fn inode(&mut self, file: u8) -> Option<&mut Inode> {
        let entry = self.names.get(self.numbers.get(&file)?)?;
        self.inodes.get_mut(entry.now?)
    }
}

impl Inode {
    fn lose_power(&self, random: &mut impl Rng) -> Vec<u8> {
        let mut content = self.synced.clone();
        match random.random_range(0..3) {
            0 => {}
            1 => {
                let reached = random.random_range(0..=self.later.len());
                self.later[..reached].iter().for_each(|change| change.clone().apply_to(&mut content));
            }
            _ => self.later.iter().for_each(|change| change.tear(&mut content, random)),
        }
        content
    }
}

impl Change {
    fn apply_to(self, content: &mut Vec<u8>) {
        match self {
            Change::Write { at, bytes } => write(content, at, &bytes),
            Change::Truncate { size } => content.resize(size, 0),
        }
    }

    /// Does some of it: any sectors, in any order.
    fn tear(&self, content: &mut Vec<u8>, random: &mut impl Rng) {
        match self {
            Change::Write { at, bytes } => {
                for (sector, bytes) in bytes.chunks(SECTOR).enumerate() {
                    if random.random() {
                        write(content, at + sector * SECTOR, bytes);
                    }
                }
            }
            Change::Truncate { size } if random.random() => content.resize(*size, 0),
            Change::Truncate { .. } => {}
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

    fn made(file: u8, name: &str) -> Record {
        Record::Name { file, name: name.to_owned(), made: true }
    }

    fn written(file: u8, text: &str) -> Record {
        Record::Write { file, at: 0, bytes: text.into() }
    }

    /// Everything that may be there after these records, over many power cuts.
    fn outcomes(records: &[Record]) -> Vec<Files> {
        let mut outcomes: Vec<Files> = (0..200)
            .map(|seed| {
                let mut platter = Platter::holding(Files::new());
                records.iter().cloned().for_each(|record| platter.apply(record));
                platter.lose_power(&mut StdRng::seed_from_u64(seed))
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
    fn what_was_synced_with_its_folder_is_there() {
        let synced = [made(1, "f"), written(1, "a"), Record::Sync { file: 1 }, Record::SyncFolder];
        assert_eq!(outcomes(&synced), [files("a")]);
    }

    #[test]
    fn what_was_not_synced_may_be_there_or_not() {
        let start = [made(1, "f"), written(1, "a"), Record::Sync { file: 1 }, Record::SyncFolder];
        let rewritten = [&start[..], &[written(1, "b")]].concat();
        assert_eq!(outcomes(&rewritten), [files("a"), files("b")]);
        let removed = [&start[..], &[Record::Unlink { file: 1 }]].concat();
        assert_eq!(outcomes(&removed), [Files::new(), files("a")]);
        assert_eq!(outcomes(&start[..3]), [Files::new(), files("a")], "a folder is synced for itself");
    }

    #[test]
    fn a_long_write_is_torn_between_sectors_and_never_within_one() {
        let long = Record::Write { file: 1, at: 0, bytes: vec![1; 2 * SECTOR] };
        for outcome in outcomes(&[made(1, "f"), Record::SyncFolder, long]) {
            let content = &outcome["f"];
            assert!(content.chunks(SECTOR).all(|sector| sector.iter().all(|byte| *byte == sector[0])));
        }
    }
}
