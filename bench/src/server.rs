//! A server in its own process: starts it, measures its processor time and memory, and kills it.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};

/// The unit of processor time in `/proc`: `USER_HZ`, which Linux shows as 100 everywhere.
const TICK: Duration = Duration::from_millis(10);

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it printed at its start: a line for each listener.
    startup_output: String,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that prints a line for each listener, ending in its URL; one of them is `http`.
    pub(crate) fn start(mut command: Command, listeners: usize) -> anyhow::Result<Server> {
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {command:?}"))?;
        let mut output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut startup_output = String::new();
        for _ in 0..listeners {
            output.read_line(&mut startup_output)?;
        }
        let Some(address) = transport_address(&startup_output, "http") else {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{command:?} did not say where it is open, but: {startup_output}");
        };
        // Later output must not fill the pipe.
        thread::spawn(move || output.lines().for_each(drop));
        Ok(Server { child, startup_output, address })
    }

    /// Returns the address of the listener with this scheme.
    pub(crate) fn transport_address(&self, scheme: &str) -> anyhow::Result<SocketAddr> {
        transport_address(&self.startup_output, scheme)
            .with_context(|| format!("it does not listen on {scheme}://"))
    }

    /// Returns the processor time it has used, including the kernel's on its behalf.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.proc("stat")?;
        // The second field is the name, in brackets, and may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| -> anyhow::Result<u32> { Ok(fields.get(at).context("too short")?.parse()?) };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// Returns its resident memory in bytes.
    pub(crate) fn resident(&self) -> anyhow::Result<u64> {
        let status = self.proc("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024)
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = Path::new("/proc").join(self.child.id().to_string()).join(file);
        fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))
    }
}

fn transport_address(startup_output: &str, scheme: &str) -> Option<SocketAddr> {
    let opening = format!("{scheme}://");
    startup_output.lines().find_map(|line| line.rsplit_once(&opening)?.1.parse().ok())
}

impl Drop for Server {
    /// Kills it with SIGKILL, at any moment.
    fn drop(&mut self) {
        // Fails when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
