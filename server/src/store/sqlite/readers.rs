//! A pool of reading connections, whose size bounds how many reads run at once.

use std::{path::Path, sync::Arc};

use anyhow::Context;
use common::refusal::Refusal;
use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::open::connect_to_read;
use crate::error::Error;

/// The number of concurrent reads.
const READERS: u32 = 4;

/// The reading connections. Reads beyond their number wait.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    /// One permit per connection, so that a permit always finds an idle one.
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens the connections to a database that has its schema.
    pub(super) fn open(path: &Path) -> anyhow::Result<Readers> {
        let connections = (0..READERS).map(|_| connect_to_read(path)).collect::<anyhow::Result<_>>()?;
        Ok(Readers {
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(READERS as usize)),
        })
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
        Ok(reading.await.context("reading")??)
    }

    /// Waits for the running reads and closes the connections. Later reads are refused with `unavailable`.
    pub(super) async fn close(&self) {
        let permits = self.permits.acquire_many(READERS).await;
        self.permits.close();
        drop(permits);
        self.idle.lock().clear();
    }
}
