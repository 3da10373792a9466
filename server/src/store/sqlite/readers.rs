//! A pool of reading connections, whose size bounds how many reads run at once.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anyhow::Context;
use common::refusal::Refusal;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::open::connect_to_read;
use crate::{error::Error, health::Health, store::fault};

/// The number of concurrent reads.
const READERS: u32 = 4;

/// The reading connections. Reads beyond their number wait.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    /// One permit per connection, so that a permit always finds an idle one.
    permits: Arc<Semaphore>,
    /// How many permits there are.
    count: AtomicU32,
    health: Health,
}

impl Readers {
    /// Opens connections to a database that has its schema.
    pub(super) fn connect(path: &Path) -> anyhow::Result<Vec<Connection>> {
        (0..READERS).map(|_| connect_to_read(path)).collect()
    }

    /// Makes a pool of these connections.
    pub(super) fn new(connections: Vec<Connection>, health: Health) -> Readers {
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX);
        Readers {
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(count as usize)),
            count: AtomicU32::new(count),
            health,
        }
    }

    /// Closes the connections and takes those that `open` returns instead, at least as many. Reads wait
    /// meanwhile. `None` when the pool is closed.
    pub(super) async fn replace<T: Send + 'static>(
        &self,
        open: impl FnOnce() -> (Vec<Connection>, T) + Send + 'static,
    ) -> Option<T> {
        let count = self.count.load(Ordering::Relaxed);
        let permits = self.permits.acquire_many(count).await.ok()?;
        let idle = self.idle.clone();
        let replaced = tokio::task::spawn_blocking(move || {
            idle.lock().clear();
            let (connections, value) = open();
            let opened = connections.len();
            *idle.lock() = connections;
            (u32::try_from(opened).unwrap_or(u32::MAX), value)
        });
        let (opened, value) = replaced.await.ok()?;
        let added = opened.saturating_sub(count);
        self.count.store(count + added, Ordering::Relaxed);
        self.permits.add_permits(added as usize);
        drop(permits);
        Some(value)
    }

    /// Runs `work` on an idle connection, on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        // Wait for the permit before taking a blocking thread, so that waiting reads occupy no threads. The
        // permit moves with the connection: the read goes on if the caller is cancelled.
        let permit = self.permits.clone().acquire_owned().await.map_err(|_| Refusal::Unavailable)?;
        let idle = self.idle.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let connection = idle.lock().pop().context("a permit without a connection")?;
            let result = work(&connection);
            idle.lock().push(connection);
            drop(permit);
            result
        });
        let result = reading.await.context("reading")?;
        Ok(result.inspect_err(|error| fault::report(&self.health, error))?)
    }

    /// Waits for the running reads and closes the connections. Later reads are refused with `unavailable`.
    pub(super) async fn close(&self) {
        let permits = self.permits.acquire_many(self.count.load(Ordering::Relaxed)).await;
        self.permits.close();
        drop(permits);
        self.idle.lock().clear();
    }
}
