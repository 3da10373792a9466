//! The files of a database: the locks that keep a second server away, and whether the files are still where
//! they were opened.
//!
//! Two servers on one database would each broadcast only their own events. A server whose files were
//! deleted would acknowledge messages that nobody can ever read again.

use std::{
    fs::{self, File, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use parking_lot::Mutex;

/// As much as SQLite needs to open a database: the index of the write-ahead log, and a page.
const PROBE_BYTES: usize = 64 * 1024;

/// The locked files of one database.
pub(super) struct DatabaseFiles {
    /// The path without symbolic links.
    database: PathBuf,
    /// Held until the store is closed. SQLite's own locks are bound to the process and the file: closing any
    /// descriptor of the database would release them, so none may be closed before.
    locks: Mutex<Vec<File>>,
    /// The files that the server has open, by device and inode.
    opened: Mutex<Vec<(PathBuf, (u64, u64))>>,
}

impl DatabaseFiles {
    /// Makes the folder and an empty database if there is none, and locks the database.
    pub(super) fn acquire(path: &Path) -> anyhow::Result<DatabaseFiles> {
        if let Some(folder) = path.parent() {
            // Other users of this machine must not read the messages.
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder.create(folder).with_context(|| format!("making the folder {}", folder.display()))?;
        }
        // Nobody else may read it, and SQLite gives the files beside it the same mode.
        let open = |path: &Path| {
            let file = File::options().create(true).append(true).mode(0o600).open(path);
            file.with_context(|| format!("making {}", path.display()))
        };
        let file = open(path)?;
        let database = path.canonicalize().with_context(|| format!("finding {}", path.display()))?;
        // Two locks: an earlier version knows only the file beside the database, which somebody may delete;
        // the lock on the database itself holds whatever it is called.
        let lock_file = open(&beside(&database, ".lock"))?;
        for file in [Some(&lock_file), Some(&file).filter(|file| can_lock_database(file))] {
            match file.map(File::try_lock) {
                Some(Err(TryLockError::WouldBlock)) => {
                    bail!("another madang is using it; give this one a --data folder of its own")
                }
                Some(Err(TryLockError::Error(error))) => return Err(error).context("locking the database"),
                Some(Ok(())) | None => {}
            }
        }
        Ok(DatabaseFiles { database, locks: Mutex::new(vec![lock_file, file]), opened: Mutex::default() })
    }

    /// The path of the database.
    pub(super) fn database(&self) -> &Path {
        &self.database
    }

    /// Whether there is a write-ahead log. A server that stops cleanly removes it.
    pub(super) fn has_log(&self) -> bool {
        self.log().exists()
    }

    /// Remembers the files that are there now, after SQLite has opened them.
    pub(super) fn remember(&self) {
        let files = [self.database.clone(), self.log()];
        *self.opened.lock() =
            files.into_iter().filter_map(|path| identity(&path).ok().map(|id| (path, id))).collect();
    }

    /// Whether the files that were opened are still in their places.
    pub(super) fn are_present(&self) -> bool {
        self.opened.lock().iter().all(|(path, opened)| identity(path).is_ok_and(|id| id == *opened))
    }

    /// Checks whether the disk takes a few new bytes beside the database.
    pub(super) fn try_disk(&self) -> io::Result<()> {
        let probe = beside(&self.database, ".probe");
        let written = fs::write(&probe, vec![0; PROBE_BYTES]);
        // It stays if the disk is broken, and is overwritten next time.
        let _ = fs::remove_file(&probe);
        written
    }

    /// Releases the locks, after SQLite has closed the database.
    pub(super) fn release(&self) {
        self.locks.lock().clear();
    }

    fn log(&self) -> PathBuf {
        beside(&self.database, "-wal")
    }
}

fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.metadata().map(|file| (file.dev(), file.ino()))
}

/// Whether a lock on the database by `flock` is another one than SQLite's own. On Linux it is, except where
/// the file system passes it on to a server; elsewhere both exclude each other.
#[cfg(target_os = "linux")]
fn can_lock_database(file: &File) -> bool {
    const CIFS: u64 = 0xFF53_4D42;
    const SMB2: u64 = 0xFE53_4D42;
    let Ok(system) = rustix::fs::fstatfs(file) else { return false };
    let kind = system.f_type as u64;
    !(system.f_type == rustix::fs::NFS_SUPER_MAGIC || [CIFS, SMB2].contains(&(kind & 0xFFFF_FFFF)))
}

#[cfg(not(target_os = "linux"))]
fn can_lock_database(_: &File) -> bool {
    false
}
