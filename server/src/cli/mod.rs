//! The command-line clients in the server's binary: `madang talk`, `madang send` and `madang admin`.
//!
//! They use a server's transports and the types of `common`, like any other client, and depend on no
//! other module of this crate.

pub mod admin;
pub mod send;
pub mod talk;

mod client;
mod terminal;

mod address;
mod input;
mod style;
mod talk_input;
mod token_store;
mod udp;

use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
    str::FromStr,
};

use anyhow::bail;
use tokio::{
    runtime::Builder,
    time::{Instant, sleep_until},
};

/// Runs a client until it ends. Returns exit code 0, or prints an error to standard error and returns 1.
pub fn run(client: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let result = runtime.block_on(client);
    // Does not wait for threads that are blocked in reading standard input or resolving a host name.
    runtime.shutdown_background();
    result.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    print_error(format_args!("madang: {error:#}"));
    ExitCode::FAILURE
}

/// Prints a line to standard error. The client goes on when nobody reads it.
fn print_error(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Sleeps until `moment`; never returns for `None`.
async fn sleep_until_some(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// A token or key. `Debug` does not show it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret itself.
    fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Secret> {
        // It must be valid in an HTTP header and in a single line.
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            bail!("it holds something else than letters, digits and signs of ASCII");
        }
        Ok(Secret(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
