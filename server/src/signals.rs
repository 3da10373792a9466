//! The signals that the server handles.
//!
//! SIGINT and SIGTERM stop it. SIGHUP stops it when its terminal was closed, and is ignored by a server
//! that runs as a service, as are SIGUSR1 and SIGUSR2, which would otherwise end it without a goodbye.
//! SIGPIPE is ignored by every Rust program.

use std::io::{self, IsTerminal};

use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Handles the signals from now on; the future resolves when the server should stop.
pub(crate) fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut user_defined = (signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?);
    // Asked now, because a terminal that was closed is none any more.
    let is_at_terminal = io::stdin().is_terminal();
    Ok(async move {
        loop {
            let name = tokio::select! {
                _ = interrupted.recv() => return,
                _ = terminated.recv() => return,
                _ = hung_up.recv() => {
                    if is_at_terminal {
                        return;
                    }
                    "SIGHUP"
                }
                _ = user_defined.0.recv() => "SIGUSR1",
                _ = user_defined.1.recv() => "SIGUSR2",
            };
            info!("{name} has no meaning here and was ignored");
        }
    })
}
