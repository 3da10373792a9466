//! The clients in the same binary: `madang talk` and `madang send`.
//!
//! They reach a server as any program does, through its doors and with the words of `common`; they
//! know nothing of the server that they are shipped with.

pub mod send;
pub mod talk;

mod link;
mod terminal;

mod address;
mod input;
mod keepsake;
mod udp;
mod voice;

use std::{fmt, process::ExitCode, str::FromStr};

use anyhow::bail;
use tokio::runtime::Builder;

/// Runs a client to its end: exit code 0, or a sentence on standard error and 1.
pub fn run(client: impl Future<Output = anyhow::Result<()>>) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    let ended = runtime.block_on(client);
    // Whoever still waits for standard input or a name to be resolved is not waited for.
    runtime.shutdown_background();
    ended.map_or_else(|error| fail(&error), |()| ExitCode::SUCCESS)
}

fn fail(error: &anyhow::Error) -> ExitCode {
    eprintln!("madang: {error:#}");
    ExitCode::FAILURE
}

/// What nobody may see: it is not shown in any form.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Secret> {
        // Whatever else it is, it has to fit into a header and into a line.
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
