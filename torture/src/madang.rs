//! The program under test: starting it over a folder, killing it, stopping it, watching it die.
//!
//! It knows the real program and nothing of what is said in it.

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
const START: Duration = Duration::from_secs(20);
/// How long a stop by SIGTERM may take.
const STOP: Duration = Duration::from_secs(10);

/// Every door, each on a free port.
const DOORS: &str = "http://127.0.0.1:0,tcp://127.0.0.1:0,udp://127.0.0.1:0";
/// Nobody here signs a datagram with it.
const UDP_KEY: &str = "a-key-that-nobody-guesses";

/// Limits that no campaign runs into by accident.
const NO_LIMITS: [&str; 8] =
    ["--message-rate", "1e6", "--message-burst", "1e6", "--join-rate", "1e6", "--join-burst", "1e6"];

/// A program and the folder it works in; it can be started there again and again.
#[derive(Clone, Debug)]
pub struct Madang {
    program: PathBuf,
    folder: PathBuf,
}

impl Madang {
    /// The program at this path, over this folder.
    pub fn new(program: &Path, folder: &Path) -> Madang {
        Madang { program: program.to_owned(), folder: folder.to_owned() }
    }

    /// Its database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("data/madang.sqlite")
    }

    /// What it logs, over all its starts.
    pub fn log(&self) -> PathBuf {
        self.folder.join("madang.log")
    }

    /// Starts it with this fault (see `server/src/fault.rs`), over a disk of ours if there is one, and
    /// waits until it is open.
    pub async fn start(&self, fault: Option<&str>, disk: Option<&Disk>) -> anyhow::Result<Running> {
        let started = Instant::now();
        let log =
            File::options().create(true).append(true).open(self.log()).context("opening the server's log")?;
        let mut command = Command::new(&self.program);
        command
            .args(["--listen", DOORS, "--log", "warn", "--data"])
            .arg(self.folder.join("data"))
            .args(NO_LIMITS)
            .env("MADANG_UDP_KEY", UDP_KEY)
            .env_remove("MADANG_FAULT")
            .envs(fault.map(|fault| ("MADANG_FAULT", fault)))
            .envs(disk.into_iter().flat_map(Disk::environment))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().with_context(|| format!("starting {}", self.program.display()))?;
        let output = child.stdout.take().context("the program has no output")?;
        let mut lines = BufReader::new(output).lines();
        let doors = async {
            let mut next = async |scheme| door(&mut lines, scheme).await;
            Ok((next("http").await?, next("tcp").await?, next("udp").await?))
        };
        let doors: anyhow::Result<_> =
            tokio::time::timeout(START, doors).await.context("the program does not open")?;
        // It may meet its failpoint before it says so; then there is nothing to connect to.
        let open = match doors? {
            (Some(http), Some(tcp), Some(udp)) => Some(Open { http, tcp, udp }),
            _ => None,
        };
        Ok(Running { open, started, child, _output: open.is_some().then_some(lines) })
    }
}

/// Where the program says that this door is, the next it tells of; `None` when it ends before.
async fn door(lines: &mut Lines<BufReader<ChildStdout>>, scheme: &str) -> anyhow::Result<Option<SocketAddr>> {
    let Some(line) = lines.next_line().await? else { return Ok(None) };
    let address = line.strip_prefix(&format!("Madang is open at {scheme}://"));
    Ok(Some(address.with_context(|| line.clone())?.parse()?))
}

/// Where a server is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    pub http: SocketAddr,
    pub tcp: SocketAddr,
    pub udp: SocketAddr,
}

/// The program while it runs.
pub struct Running {
    /// Where it is open; nowhere when it ended before.
    pub open: Option<Open>,
    pub started: Instant,
    child: Child,
    /// Kept open: a program that may not say goodbye dies of it.
    _output: Option<Lines<BufReader<ChildStdout>>>,
}

impl Running {
    /// Where it is open.
    pub fn open(&self) -> anyhow::Result<Open> {
        self.open.context("the program ended before it was open")
    }

    /// Resident memory in KiB.
    pub fn memory(&self) -> anyhow::Result<u64> {
        let id = self.child.id().context("the program has ended by itself")?;
        let status = fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse()?)
    }

    /// `kill -9`: no goodbye, nothing flushed.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("killing the program")
    }

    /// Asks it to end as an init system does; it must do so well and in time.
    pub async fn stop(mut self) -> anyhow::Result<Duration> {
        let asked = Instant::now();
        let id = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(id.context("the program has ended by itself")?, Signal::TERM)?;
        let status =
            tokio::time::timeout(STOP, self.child.wait()).await.context("the program does not stop")??;
        ensure!(status.success(), "the program stopped with {status}");
        Ok(asked.elapsed())
    }

    /// Waits this long for it to end by itself; tells how it did.
    pub async fn dies_within(&mut self, time: Duration) -> anyhow::Result<Option<ExitStatus>> {
        match tokio::time::timeout(time, self.child.wait()).await {
            Ok(status) => Ok(Some(status?)),
            Err(_) => Ok(None),
        }
    }
}

/// Whether this exit is the end that a failpoint makes.
pub fn was_killed(status: ExitStatus) -> anyhow::Result<()> {
    use std::os::unix::process::ExitStatusExt;
    match status.signal() {
        Some(9) => Ok(()),
        _ => bail!("the program ended by itself with {status}"),
    }
}
