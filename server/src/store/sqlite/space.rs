//! The largest size of the database.

use std::sync::atomic::{AtomicBool, Ordering};

use common::refusal::Refusal;
use rusqlite::Connection;
use tracing::{info, warn};

use super::query_one;
use crate::error::Error;

/// Refuses writes when the database has its largest size.
pub(super) struct SpaceLimit {
    /// In bytes; `None` for no limit.
    max_bytes: Option<u64>,
    /// Whether the last write was refused, so that the log tells each change once.
    is_full: AtomicBool,
}

impl SpaceLimit {
    pub(super) fn new(max_bytes: Option<u64>) -> SpaceLimit {
        SpaceLimit { max_bytes, is_full: AtomicBool::new(false) }
    }

    /// Refuses with `not_stored` if the database uses all bytes it may. Pages that became free when something
    /// was deleted do not count, because SQLite uses them again.
    pub(super) fn check(&self, db: &Connection) -> Result<(), Error> {
        let Some(max_bytes) = self.max_bytes else { return Ok(()) };
        let pragma = |sql| query_one(db, sql, [], |row| row.get::<_, u64>(0));
        let used_pages = pragma("PRAGMA page_count")?.saturating_sub(pragma("PRAGMA freelist_count")?);
        let is_full = used_pages.saturating_mul(pragma("PRAGMA page_size")?) >= max_bytes;
        if is_full != self.is_full.swap(is_full, Ordering::Relaxed) {
            if is_full {
                warn!("the database uses all of --max-disk ({max_bytes} bytes): nothing more is stored");
            } else {
                info!("the database is below --max-disk again");
            }
        }
        if is_full { Err(Refusal::NotStored.into()) } else { Ok(()) }
    }
}
