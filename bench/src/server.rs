//! A server in a process of its own: starting it, what it costs in processor time and memory, and
//! its end.

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

/// What `/proc` counts processor time in: `USER_HZ`, which Linux shows as 100 everywhere.
const TICK: Duration = Duration::from_millis(10);

/// A server that is open. It is killed when dropped.
pub(crate) struct Server {
    child: Child,
    /// What it said when it opened: a line for each of its doors.
    said: String,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a program that prints a line ending in the URL of each of its doors when it is open;
    /// `http` is one of them.
    pub(crate) fn start(mut command: Command, doors: usize) -> anyhow::Result<Server> {
        let mut child =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("starting {command:?}"))?;
        let mut output = BufReader::new(child.stdout.take().context("no standard output")?);
        let mut said = String::new();
        for _ in 0..doors {
            output.read_line(&mut said)?;
        }
        let Some(address) = door(&said, "http") else {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{command:?} did not say where it is open, but: {said}");
        };
        // Whatever else it says must not fill the pipe.
        thread::spawn(move || output.lines().for_each(drop));
        Ok(Server { child, said, address })
    }

    /// Where its door of this scheme is.
    pub(crate) fn door(&self, scheme: &str) -> anyhow::Result<SocketAddr> {
        door(&self.said, scheme).with_context(|| format!("it has no door {scheme}://"))
    }

    /// The processor time it has used, its own and the kernel's on its behalf.
    pub(crate) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = self.proc("stat")?;
        // The second field is the name, in brackets, and may hold anything.
        let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let ticks = |at: usize| -> anyhow::Result<u32> { Ok(fields.get(at).context("too short")?.parse()?) };
        Ok(TICK * (ticks(11)? + ticks(12)?))
    }

    /// The bytes it has in memory.
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

fn door(said: &str, scheme: &str) -> Option<SocketAddr> {
    let opening = format!("{scheme}://");
    said.lines().find_map(|line| line.rsplit_once(&opening)?.1.parse().ok())
}

impl Drop for Server {
    /// As `kill -9` does it, at any moment.
    fn drop(&mut self) {
        // It fails when the process is over already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
