//! What an error of the database means for the server as a whole.

use rusqlite::ErrorCode;
use tracing::error;

use crate::health::{Health, Problem};

/// Whether the disk is the cause. It may recover, so the same request may succeed later.
pub(super) fn is_disk_error(error: &anyhow::Error) -> bool {
    matches!(
        code_of(error),
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen)
    )
}

/// Records what an error says about disk and database, and logs it loudly the first time.
pub(super) fn report(health: &Health, error: &anyhow::Error) {
    if is_disk_error(error) {
        if health.add(Problem::DiskFailed) {
            error!("the disk is full or broken, so nothing can be stored until it works again: {error:#}");
        }
    } else if matches!(code_of(error), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)) {
        report_damage(health, &format!("{error:#}"));
    }
}

/// Records that the database is damaged.
pub(super) fn report_damage(health: &Health, what: &str) {
    if health.add(Problem::DatabaseDamaged) {
        error!("THE DATABASE IS DAMAGED: {what}. Stop the server, keep its files, and restore a copy");
    }
}

fn code_of(error: &anyhow::Error) -> Option<ErrorCode> {
    error.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code)
}
