//! Locking what a panic may have poisoned.
//!
//! Each change under a lock of ours is complete in itself, so a panic in one connection's task leaves
//! nothing half done, and the others need not suffer for it. Used wherever a mutex is.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks `mutex`, also after a panic of whoever held it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
