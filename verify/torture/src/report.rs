//! Prints a campaign's progress line, and its report: a Markdown table and a verdict.

use std::{
    fmt,
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use crate::checker::{Harm, Violation};

/// How many failures are printed; the evidence holds all of them.
const MAX_LISTED_FAILURES: usize = 20;

/// A campaign's result.
#[derive(Debug, Default)]
pub struct Report {
    title: String,
    rows: Vec<(String, String)>,
    verdict: String,
    failures: Vec<String>,
}

impl Report {
    /// An empty report.
    pub fn new(title: &str) -> Report {
        Report { title: title.to_owned(), ..Report::default() }
    }

    /// Adds a row to the table.
    pub fn row(&mut self, label: &str, value: impl fmt::Display) {
        self.rows.push((label.to_owned(), value.to_string()));
    }

    /// Adds a row of durations: median, 99th percentile, longest, and how many.
    pub fn times(&mut self, label: &str, times: &[Duration]) {
        let mut times = times.to_vec();
        times.sort();
        let at = |share: f64| {
            let index = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1;
            milliseconds(times[index])
        };
        if times.is_empty() {
            self.row(label, "–");
        } else {
            self.row(label, format!("{} / {} / {} ms ({} times)", at(0.5), at(0.99), at(1.0), times.len()));
        }
    }

    /// Sets the verdict and the failures from these violations.
    pub fn judge(&mut self, violations: &[Violation]) {
        self.conclude(verdict(violations), violations.iter().map(ToString::to_string).collect());
    }

    /// Sets a verdict of the campaign's own, and the failures behind it.
    pub fn conclude(&mut self, verdict: String, failures: Vec<String>) {
        (self.verdict, self.failures) = (verdict, failures);
    }

    /// Returns whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n\n| what | figure |\n|---|---|", self.title)?;
        for (label, value) in &self.rows {
            writeln!(f, "| {label} | {value} |")?;
        }
        writeln!(f, "\n{}", self.verdict)?;
        for failure in self.failures.iter().take(MAX_LISTED_FAILURES) {
            writeln!(f, "- {failure}")?;
        }
        let more = self.failures.len().saturating_sub(MAX_LISTED_FAILURES);
        if more > 0 { writeln!(f, "- and {more} more") } else { Ok(()) }
    }
}

/// Counts the violations by harm.
pub fn verdict(violations: &[Violation]) -> String {
    let count = |harm| violations.iter().filter(|violation| violation.harm == harm).count();
    let mut line = format!(
        "{} lost, {} doubled, {} out of order",
        count(Harm::Lost),
        count(Harm::Doubled),
        count(Harm::OutOfOrder)
    );
    match count(Harm::Invented) {
        0 => {}
        invented => line.push_str(&format!(", {invented} invented")),
    }
    line
}

fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1e3;
    if milliseconds < 10.0 { format!("{milliseconds:.1}") } else { format!("{milliseconds:.0}") }
}

/// Prints the progress: constantly in a terminal, every ten seconds elsewhere.
#[derive(Debug)]
pub struct Progress {
    started_at: Instant,
    last_printed: Option<Instant>,
    interval: Duration,
}

impl Default for Progress {
    fn default() -> Self {
        let interval = if stderr().is_terminal() { 0 } else { 10 };
        Progress { started_at: Instant::now(), last_printed: None, interval: Duration::from_secs(interval) }
    }
}

impl Progress {
    /// Prints a line, unless the last one is too recent.
    pub fn print(&mut self, line: &str) {
        if self.last_printed.is_some_and(|last| last.elapsed() < self.interval) {
            return;
        }
        self.last_printed = Some(Instant::now());
        let (start, end) = if self.interval.is_zero() { ("\r", "\x1b[K") } else { ("", "\n") };
        let seconds = self.started_at.elapsed().as_secs();
        // Standard error may be closed.
        let _ = write!(stderr(), "{start}{seconds:>5} s  {line}{end}");
    }

    /// Returns the time since the campaign began.
    pub fn elapsed(&self) -> Duration {
        self.started_at.elapsed()
    }
}
