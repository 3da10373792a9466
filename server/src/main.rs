//! The `madang` program: configuration, server, and the end by Ctrl-C or SIGTERM; or one of the
//! clients of `cli`.

use std::process::ExitCode;

use madang::{
    Server, cli,
    config::{self, Door, Listen},
    fault,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};

/// What the shell is told when the configuration can not be used.
const UNUSABLE: u8 = 2;

fn main() -> ExitCode {
    let config = match fault::arm().and_then(|()| config::read()) {
        Ok(config::Asked::Serve(config)) => config,
        Ok(config::Asked::Talk(options)) => return cli::run(cli::talk::talk(options)),
        Ok(config::Asked::Send(options)) => return cli::run(cli::send::send(options)),
        Ok(config::Asked::Print(text)) => {
            println!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("madang: {error:#}");
            return ExitCode::from(UNUSABLE);
        }
    };
    config::log(&config);
    allow_many_files();
    let serving =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(anyhow::Error::from);
    match serving.and_then(|runtime| runtime.block_on(serve(*config))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("madang: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Every connection is an open file, and shells allow few by default: takes as many as we may have.
fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!("raising the number of open files: {error}");
    }
}

async fn serve(config: config::Config) -> anyhow::Result<()> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let is_named = !config.public_urls.is_empty();
    let server = Server::start(config).await?;
    let mut doors = server.doors.clone();
    doors.sort_by_key(|listen| listen.door);
    for door in &doors {
        println!("Madang is open at {door}");
    }
    let is_for_others = |listen: &&Listen| listen.door == Door::Http && !listen.address.ip().is_loopback();
    if let Some(door) = doors.iter().find(is_for_others).filter(|_| !is_named) {
        let port = door.address.port();
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
