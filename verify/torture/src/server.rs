//! Runs the program under test: starts it over a folder, kills it, stops it, waits for its end.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::disk::Disk;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// How long a start may take before it counts as failed.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a stop by SIGTERM may take.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Every transport, each on a free port.
const LISTEN: &str = "http://127.0.0.1:0,tcp://127.0.0.1:0,udp://127.0.0.1:0";
/// No campaign signs a datagram with it.
const UDP_KEY: &str = "a-key-that-nobody-guesses";

/// Limits that no campaign reaches by accident.
const NO_LIMITS: [&str; 8] =
    ["--message-rate", "1e6", "--message-burst", "1e6", "--join-rate", "1e6", "--join-burst", "1e6"];

/// A program and its folder; it can be started there again and again.
#[derive(Clone, Debug)]
pub struct Server {
    program: PathBuf,
    folder: PathBuf,
}

impl Server {
    /// The program at this path, over this folder.
    pub fn new(program: &Path, folder: &Path) -> Server {
        Server { program: program.to_owned(), folder: folder.to_owned() }
    }

    /// The path of its database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("data/madang.sqlite")
    }

    /// The path of its log, which holds all its starts.
    pub fn log(&self) -> PathBuf {
        self.folder.join("madang.log")
    }

    /// Starts it with this failpoint (see `server/src/failpoint.rs`), over a simulated disk if one is
    /// given, and waits until it listens.
    pub async fn start(&self, failpoint: Option<&str>, disk: Option<&Disk>) -> anyhow::Result<RunningServer> {
        self.start_with(&NO_LIMITS, failpoint, disk).await
    }

    /// Starts it with the limits that a server has by default, except for these options.
    pub async fn start_with_usual_limits(&self, options: &[&str]) -> anyhow::Result<RunningServer> {
        self.start_with(options, None, None).await
    }

    async fn start_with(
        &self,
        options: &[&str],
        failpoint: Option<&str>,
        disk: Option<&Disk>,
    ) -> anyhow::Result<RunningServer> {
        let started_at = Instant::now();
        let log =
            File::options().create(true).append(true).open(self.log()).context("opening the server's log")?;
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", LISTEN, "--log", "warn", "--data"])
            .arg(self.folder.join("data"))
            .args(options)
            .env("MADANG_UDP_KEY", UDP_KEY)
            .env_remove("MADANG_FAULT")
            .envs(failpoint.map(|failpoint| ("MADANG_FAULT", failpoint)))
            .envs(disk.into_iter().flat_map(Disk::environment))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("starting {}", self.program.display()))?;
        let stdout = child.stdout.take().context("the program has no stdout")?;
        let mut output_lines = BufReader::new(stdout).lines();
        let addresses = async {
            let mut next = async |scheme| next_address(&mut output_lines, scheme).await;
            Ok((next("http").await?, next("tcp").await?, next("udp").await?))
        };
        let addresses: anyhow::Result<_> =
            tokio::time::timeout(START_TIMEOUT, addresses).await.context("the program does not open")?;
        // It may die at its failpoint before it prints its addresses.
        let addresses = match addresses? {
            (Some(http), Some(tcp), Some(udp)) => Some(ServerAddresses { http, tcp, udp }),
            _ => None,
        };
        Ok(RunningServer {
            addresses,
            started_at,
            child,
            _output: addresses.is_some().then_some(output_lines),
        })
    }
}

/// Reads the next line of output and takes this scheme's address from it; `None` at the end.
async fn next_address(
    output_lines: &mut Lines<BufReader<ChildStdout>>,
    scheme: &str,
) -> anyhow::Result<Option<SocketAddr>> {
    let Some(line) = output_lines.next_line().await? else { return Ok(None) };
    let address = line.strip_prefix(&format!("Madang is open at {scheme}://"));
    Ok(Some(address.with_context(|| line.clone())?.parse()?))
}

/// The addresses at which a server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerAddresses {
    pub http: SocketAddr,
    pub tcp: SocketAddr,
    pub udp: SocketAddr,
}

/// The program while it runs.
pub struct RunningServer {
    /// Its addresses; `None` if it ended before it printed them.
    pub addresses: Option<ServerAddresses>,
    pub started_at: Instant,
    child: Child,
    /// Kept open: the program fails when it cannot write its goodbye.
    _output: Option<Lines<BufReader<ChildStdout>>>,
}

impl RunningServer {
    /// Returns its addresses.
    pub fn addresses(&self) -> anyhow::Result<ServerAddresses> {
        self.addresses.context("the program ended before it was open")
    }

    /// Returns its resident memory in KiB.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let id = self.child.id().context("the program has ended by itself")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// Kills it with SIGKILL: nothing is flushed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing the program")
    }

    /// Stops it with SIGTERM, as an init system does; fails unless it exits with 0 in time.
    pub async fn stop(mut self) -> anyhow::Result<Duration> {
        let asked_at = Instant::now();
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(id.context("the program has ended by itself")?, Signal::TERM)?;
        let status = tokio::time::timeout(STOP_TIMEOUT, self.child.wait())
            .await
            .context("the program does not stop")??;
        ensure!(status.success(), "the program stopped with {status}");
        Ok(asked_at.elapsed())
    }

    /// Waits this long for it to end by itself; returns its status if it does.
    pub async fn exits_within(&mut self, time: Duration) -> anyhow::Result<Option<ExitStatus>> {
        match tokio::time::timeout(time, self.child.wait()).await {
            Ok(status) => Ok(Some(status?)),
            Err(_) => Ok(None),
        }
    }
}

/// Fails unless a failpoint's SIGKILL ended it.
pub fn expect_killed(status: ExitStatus) -> anyhow::Result<()> {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(9) => Ok(()),
        _ => bail!("the program ended by itself with {status}"),
    }
}
