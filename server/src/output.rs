//! Writes lines to standard output and standard error on a thread of its own, so that the server never
//! waits for a reader that sleeps, and serves on when the reader is gone or the disk behind it is full.
//!
//! Used by `main` and `log`. Lines that can not be written are lost, and counted.

use std::{
    io::{self, Write},
    os::fd::AsFd,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::io::Errno;

/// The most bytes that wait for a slow reader. Lines beyond it are lost.
const MAX_QUEUED_BYTES: usize = 1024 * 1024;

/// How often the thread calls back, so that lost lines can be reported.
const TICK: Duration = Duration::from_secs(1);

/// How long to wait before writing again to a descriptor that another program has made non-blocking.
const RETRY_DELAY: Duration = Duration::from_millis(10);

/// How long the end of the process waits for the reader.
const FINISH_TIMEOUT: Duration = Duration::from_millis(500);

/// The sending end of the thread. Writing to it never waits and never fails.
pub(crate) struct Output {
    queue: mpsc::Sender<Entry>,
    queued_bytes: Arc<AtomicUsize>,
    lost_lines: Arc<AtomicU64>,
}

enum Entry {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Finish(mpsc::Sender<()>),
}

impl Output {
    /// Starts the thread that writes to `target`. It calls `on_tick` about once a second, with the number
    /// of lines that were lost before the last one that was written.
    pub(crate) fn start(
        name: &str,
        target: impl AsFd + Send + 'static,
        mut on_tick: impl FnMut(u64) + Send + 'static,
    ) -> io::Result<Output> {
        let (queue, entries) = mpsc::channel();
        let (queued_bytes, lost_lines) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let output = Output { queue, queued_bytes: queued_bytes.clone(), lost_lines: lost_lines.clone() };
        let mut writer = LineWriter { target, is_within_line: false };
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            let (mut next_tick, mut can_write) = (Instant::now() + TICK, true);
            loop {
                match entries.recv_timeout(next_tick.saturating_duration_since(Instant::now())) {
                    Ok(Entry::Line(line)) => {
                        can_write = writer.write(&line).is_ok();
                        queued_bytes.fetch_sub(line.len(), Ordering::Relaxed);
                        if !can_write {
                            lost_lines.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    // The process does not wait any longer.
                    Ok(Entry::Finish(finished)) => drop(finished.send(())),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
                if Instant::now() >= next_tick {
                    on_tick(if can_write { lost_lines.swap(0, Ordering::Relaxed) } else { 0 });
                    next_tick = Instant::now() + TICK;
                }
            }
        })?;
        Ok(output)
    }

    /// Queues a line, to which a line break is added.
    pub(crate) fn line(&self, text: &str) {
        self.push(format!("{text}\n").into_bytes());
    }

    fn push(&self, line: Vec<u8>) {
        let length = line.len();
        let is_full = self.queued_bytes.fetch_add(length, Ordering::Relaxed) + length > MAX_QUEUED_BYTES;
        if is_full || self.queue.send(Entry::Line(line)).is_err() {
            self.queued_bytes.fetch_sub(length, Ordering::Relaxed);
            self.lost_lines.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, but not for a reader that sleeps.
    pub(crate) fn finish(&self) {
        let (finish, finished) = mpsc::channel();
        if self.queue.send(Entry::Finish(finish)).is_ok() {
            // A timeout or the end of the thread: what is left is lost.
            let _ = finished.recv_timeout(FINISH_TIMEOUT);
        }
    }
}

/// What `tracing_subscriber` writes is a whole line.
impl Write for &Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes whole lines to a descriptor, past the buffer that the standard library would keep after an error.
struct LineWriter<T> {
    target: T,
    /// Whether the last line was written in part only.
    is_within_line: bool,
}

impl<T: AsFd> LineWriter<T> {
    fn write(&mut self, line: &[u8]) -> rustix::io::Result<()> {
        if self.is_within_line {
            self.write_all(b"\n")?;
            self.is_within_line = false;
        }
        self.write_all(line)
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> rustix::io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.target, bytes) {
                Ok(0) => return Err(Errno::IO),
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.is_within_line = !bytes.is_empty();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => thread::sleep(RETRY_DELAY),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{BufRead, BufReader, pipe},
    };

    use super::*;

    #[test]
    fn lines_reach_the_reader_in_order() {
        let (reader, target) = pipe().unwrap();
        let output = Output::start("test", target, |_| ()).unwrap();
        (0..100).for_each(|number| output.line(&number.to_string()));
        output.finish();
        let lines: Vec<String> = BufReader::new(reader).lines().take(100).map(Result::unwrap).collect();
        assert_eq!(lines, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_reader_that_sleeps_holds_nobody_up_and_lost_lines_are_counted() {
        let (reader, target) = pipe().unwrap();
        let (lost, on_tick) = mpsc::channel();
        let output =
            Output::start("test", target, move |lines| lost.send(lines).unwrap_or_default()).unwrap();
        let text = "x".repeat(64 * 1024 - 1);
        (0..100).for_each(|_| output.line(&text));
        assert!(output.queued_bytes.load(Ordering::Relaxed) <= MAX_QUEUED_BYTES);
        let reading = thread::spawn(move || BufReader::new(reader).lines().count());
        let mut lost_lines = 0;
        while lost_lines == 0 || output.lost_lines.load(Ordering::Relaxed) > 0 {
            lost_lines += on_tick.recv().unwrap();
        }
        drop(output);
        assert_eq!(reading.join().unwrap() as u64 + lost_lines, 100);
    }

    #[test]
    fn a_target_that_refuses_every_line_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("read-only");
        File::create(&path).unwrap();
        let output = Output::start("test", File::open(&path).unwrap(), |_| ()).unwrap();
        (0..3).for_each(|_| output.line("lost"));
        output.finish();
        assert_eq!(output.lost_lines.load(Ordering::Relaxed), 3);
    }
}
