//! The `madang` program: runs the server until Ctrl-C or SIGTERM, or one of the clients in `cli`.

mod log;
mod output;
mod signals;

use std::{
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow};
use madang::{
    Server, cli,
    config::{self, Config, Invocation, ListenAddress, Transport},
    failpoint,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::Runtime;

use self::output::Output;

/// The exit code for a configuration that can not be used.
const EXIT_USAGE: u8 = 2;

/// How long the end waits for threads that read the database or resolve a name.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    match failpoint::init().and_then(|()| config::load()) {
        Ok(Invocation::Serve(config)) => serve(*config),
        Ok(Invocation::Talk(options)) => cli::run(cli::talk::talk(options)),
        Ok(Invocation::Send(options)) => cli::run(cli::send::send(options)),
        Ok(Invocation::Admin(options)) => cli::run(cli::admin::run(options)),
        Ok(Invocation::Print(text)) => {
            // The reader may be gone: `madang --help | head -1`.
            let _ = writeln!(io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "madang: {error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn serve(config: Config) -> ExitCode {
    let outputs = Output::start("madang-output", io::stdout(), |_| ())
        .and_then(|output| Ok((output, log::init(&config)?)))
        .context("starting a thread");
    let (output, log) = match outputs {
        Ok(outputs) => outputs,
        Err(error) => {
            let _ = writeln!(io::stderr(), "madang: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    raise_open_file_limit();
    let result = Runtime::new().context("starting the runtime").and_then(|runtime| {
        let result = runtime.block_on(serve_until_stopped(config, &output));
        runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
        result
    });
    if let Err(error) = &result {
        log.line(&format!("madang: {error:#}"));
    }
    output.finish();
    log.finish();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Raises the limit of open files to the maximum: each connection is one, and shells default to few.
fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("raising the number of open files: {error}");
    }
}

async fn serve_until_stopped(config: Config, output: &Output) -> anyhow::Result<()> {
    let stop_signal = signals::stop_signal()?;
    let has_public_url = !config.public_urls.is_empty();
    let server = Server::start(config).await?;
    print_addresses(output, &server.addresses, has_public_url);
    let result = tokio::select! {
        () = stop_signal => {
            output.line("Madang is closing");
            Ok(())
        }
        task = server.ended_task() => {
            Err(anyhow!("a part of the server ({task}) has ended, which it can not go on without; the log says why"))
        }
    };
    server.stop().await;
    result
}

/// Prints where the server listens, the address for browsers first.
fn print_addresses(output: &Output, addresses: &[ListenAddress], has_public_url: bool) {
    let mut addresses = addresses.to_vec();
    addresses.sort_by_key(|listen| listen.transport);
    for listen in &addresses {
        output.line(&format!("Madang is open at {listen}"));
    }
    let is_public_http =
        |listen: &&ListenAddress| listen.transport == Transport::Http && !listen.address.ip().is_loopback();
    if let Some(listen) = addresses.iter().find(is_public_http).filter(|_| !has_public_url) {
        let port = listen.address.port();
        output.line(&format!(
            "Browsers on other machines need its address named: --public-url http://ADDRESS:{port}"
        ));
    }
}
