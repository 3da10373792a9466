//! Whether the server can do its work: watches its long-lived tasks and threads, and collects what is wrong
//! with its storage.
//!
//! `Server` and everything it starts share one [`Health`]; HTTP reports it, and `main` ends the process
//! when something has ended that the server can not go on without.

use std::{
    collections::BTreeSet,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::watch;
use tracing::error;

use crate::failpoint;

/// What is wrong. The names are part of `GET /ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Problem {
    /// A task or thread that the server needs has ended.
    TaskEnded,
    /// The server is stopping.
    Stopping,
    /// The disk is full or broken: nothing can be stored.
    DiskFailed,
    /// The files of the database are not where they were opened.
    DatabaseMissing,
    /// The database contradicts itself.
    DatabaseDamaged,
}

impl Problem {
    /// Returns the name by which programs know the problem.
    pub fn code(self) -> &'static str {
        match self {
            Problem::TaskEnded => "task_ended",
            Problem::Stopping => "stopping",
            Problem::DiskFailed => "disk_failed",
            Problem::DatabaseMissing => "database_missing",
            Problem::DatabaseDamaged => "database_damaged",
        }
    }
}

/// The state of one server. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    problems: Mutex<BTreeSet<Problem>>,
    is_stopping: AtomicBool,
    /// The name of the first task that has ended.
    ended_task: watch::Sender<Option<&'static str>>,
}

impl Default for Health {
    fn default() -> Self {
        Health(Arc::new(Inner {
            problems: Mutex::default(),
            is_stopping: AtomicBool::new(false),
            ended_task: watch::Sender::new(None),
        }))
    }
}

impl Health {
    /// Wraps a task that runs as long as the server: its end before [`Health::stop`], by a panic or not,
    /// is a failure of the server.
    pub fn supervise<F: Future<Output = ()>>(
        &self,
        name: &'static str,
        task: F,
    ) -> impl Future<Output = ()> + use<F> {
        let health = self.clone();
        async move {
            // After a panic nothing uses the state of the task any more.
            let outcome = AssertUnwindSafe(failpoint::watch_task(name, task)).catch_unwind().await;
            health.report_end(name, outcome.is_err());
        }
    }

    /// Runs the body of a thread, which ends when its work does: only a panic is a failure of the server.
    pub fn supervise_thread(&self, name: &'static str, body: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            self.report_end(name, true);
        }
    }

    fn report_end(&self, name: &'static str, has_panicked: bool) {
        if self.0.is_stopping.load(Ordering::Relaxed) && !has_panicked {
            return;
        }
        error!(task = name, has_panicked, "a part of the server has ended, which it can not go on without");
        self.add(Problem::TaskEnded);
        self.0.ended_task.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert(name);
            is_first
        });
    }

    /// Waits until a supervised task or thread has ended, and returns its name.
    pub async fn ended_task(&self) -> &'static str {
        let mut ended = self.0.ended_task.subscribe();
        let name = ended.wait_for(Option::is_some).await.ok().and_then(|name| *name);
        match name {
            Some(name) => name,
            // The sender is in `self`, so this is never reached.
            None => std::future::pending().await,
        }
    }

    /// From now on tasks may end.
    pub fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::Relaxed);
        self.add(Problem::Stopping);
    }

    /// Records a problem; returns whether it is a new one.
    pub fn add(&self, problem: Problem) -> bool {
        self.0.problems.lock().insert(problem)
    }

    /// Records that a problem is over; returns whether there was one.
    pub fn remove(&self, problem: Problem) -> bool {
        self.0.problems.lock().remove(&problem)
    }

    /// Whether every task lives that the server needs.
    pub fn is_up(&self) -> bool {
        !self.0.problems.lock().contains(&Problem::TaskEnded)
    }

    /// Lists the present problems.
    pub fn problems(&self) -> Vec<Problem> {
        self.0.problems.lock().iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_a_task_is_a_failure_unless_the_server_stops() {
        let health = Health::default();
        health.supervise("first", async {}).await;
        assert_eq!((health.ended_task().await, health.is_up()), ("first", false));
        health.supervise("second", async { panic!("on purpose") }).await;
        health.supervise_thread("third", || panic!("on purpose"));
        assert_eq!(health.ended_task().await, "first", "the first one explains the others");
        assert_eq!(health.problems(), [Problem::TaskEnded]);

        let stopping = Health::default();
        stopping.stop();
        stopping.supervise("first", async {}).await;
        stopping.supervise_thread("second", || ());
        assert!(stopping.is_up());
        stopping.supervise("third", async { panic!("on purpose") }).await;
        assert!(!stopping.is_up(), "a panic while the server stops is one all the same");
    }

    #[test]
    fn a_problem_is_new_once_and_over_once() {
        let health = Health::default();
        assert!(health.add(Problem::DiskFailed) && !health.add(Problem::DiskFailed));
        assert!(health.remove(Problem::DiskFailed) && !health.remove(Problem::DiskFailed));
        assert!(health.problems().is_empty() && health.is_up());
    }
}
