//! The `madang` program: runs the server until Ctrl-C or SIGTERM, or one of the clients in `cli`.

mod log;

use std::{io, process::ExitCode};

use madang::{
    Server, cli,
    config::{self, Config, Invocation, ListenAddress, Transport},
    failpoint,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

/// The exit code for a configuration that can not be used.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    match failpoint::init().and_then(|()| config::load()) {
        Ok(Invocation::Serve(config)) => serve(*config),
        Ok(Invocation::Talk(options)) => cli::run(cli::talk::talk(options)),
        Ok(Invocation::Send(options)) => cli::run(cli::send::send(options)),
        Ok(Invocation::Admin(options)) => cli::run(cli::admin::run(options)),
        Ok(Invocation::Print(text)) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("madang: {error:#}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn serve(config: Config) -> ExitCode {
    log::init(&config);
    raise_open_file_limit();
    let runtime = Runtime::new().map_err(anyhow::Error::from);
    match runtime.and_then(|runtime| runtime.block_on(serve_until_stopped(config))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("madang: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Raises the limit of open files to the maximum: each connection is one, and shells default to few.
fn raise_open_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("raising the number of open files: {error}");
    }
}

async fn serve_until_stopped(config: Config) -> anyhow::Result<()> {
    let stop_signal = stop_signal()?;
    let has_public_url = !config.public_urls.is_empty();
    let server = Server::start(config).await?;
    print_addresses(&server.addresses, has_public_url);
    stop_signal.await;
    println!("Madang is closing");
    server.stop().await;
    Ok(())
}

/// Handles Ctrl-C and SIGTERM from now on; the future resolves at the first of them.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}

/// Prints where the server listens, the address for browsers first.
fn print_addresses(addresses: &[ListenAddress], has_public_url: bool) {
    let mut addresses = addresses.to_vec();
    addresses.sort_by_key(|listen| listen.transport);
    for listen in &addresses {
        println!("Madang is open at {listen}");
    }
    let is_public_http =
        |listen: &&ListenAddress| listen.transport == Transport::Http && !listen.address.ip().is_loopback();
    if let Some(listen) = addresses.iter().find(is_public_http).filter(|_| !has_public_url) {
        let port = listen.address.port();
        println!("Browsers on other machines need its address named: --public-url http://ADDRESS:{port}");
    }
}
