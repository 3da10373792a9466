//! Parses the journal of changes that `shim/disk.c` writes.

use anyhow::{Context, bail};

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Record {
    /// The next number stands for the file of this name.
    Name {
        file: u8,
        name: String,
        created: bool,
    },
    Write {
        file: u8,
        at: u64,
        bytes: Vec<u8>,
    },
    Truncate {
        file: u8,
        size: u64,
    },
    Sync {
        file: u8,
    },
    SyncFolder,
    Unlink {
        file: u8,
    },
}

/// The length of a record's header: kind, file, offset, length.
const HEADER_LEN: usize = 18;

/// Parses a journal. A record cut short by the kill had not happened, and is skipped.
pub(super) fn parse(mut journal: &[u8]) -> anyhow::Result<Vec<Record>> {
    let mut records = Vec::new();
    while let Some((head, rest)) = journal.split_first_chunk::<HEADER_LEN>() {
        let [kind, file, numbers @ ..] = *head;
        let number = |from: usize| numbers[from..from + 8].try_into().map(u64::from_ne_bytes);
        let (at, length) = (number(0)?, usize::try_from(number(8)?)?);
        let Some((bytes, rest)) = rest.split_at_checked(length) else { break };
        journal = rest;
        records.push(match kind {
            b'n' => {
                let name = String::from_utf8(bytes.to_vec()).context("a file's name")?;
                Record::Name { file, name, created: at == 1 }
            }
            b'w' => Record::Write { file, at, bytes: bytes.to_vec() },
            b't' => Record::Truncate { file, size: at },
            b's' => Record::Sync { file },
            b'd' => Record::SyncFolder,
            b'u' => Record::Unlink { file },
            _ => bail!("the journal of the disk holds a record of kind {kind}"),
        });
    }
    Ok(records)
}
