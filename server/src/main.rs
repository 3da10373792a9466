//! The `madang` program: runs the server until Ctrl-C or SIGTERM, or one of the clients in `cli`.

use std::process::ExitCode;

use madang::{
    Server, cli,
    config::{self, ListenAddress, Transport},
    failpoint,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// The exit code for a configuration that can not be used.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let config = match failpoint::init().and_then(|()| config::load()) {
        Ok(config::Invocation::Serve(config)) => config,
        Ok(config::Invocation::Talk(options)) => return cli::run(cli::talk::talk(options)),
        Ok(config::Invocation::Send(options)) => return cli::run(cli::send::send(options)),
        Ok(config::Invocation::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("madang: {error:#}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    config::init_logging(&config);
    raise_open_file_limit();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    match runtime.and_then(|runtime| runtime.block_on(serve(*config))) {
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

async fn serve(config: config::Config) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let has_public_url = !config.public_urls.is_empty();
    let server = Server::start(config).await?;
    let mut addresses = server.addresses.clone();
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
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
    }
    println!("Madang is closing");
    server.stop().await;
    Ok(())
}
