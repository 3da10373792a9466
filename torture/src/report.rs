//! What a campaign prints: one line while it runs, a Markdown table and a verdict at its end.

use std::{
    fmt,
    io::{IsTerminal, Write, stderr},
    time::{Duration, Instant},
};

use crate::checker::{Harm, Violation};

/// How many failures are printed; the evidence holds all of them.
const SHOWN: usize = 20;

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

    /// Adds a figure.
    pub fn row(&mut self, what: &str, figure: impl fmt::Display) {
        self.rows.push((what.to_owned(), figure.to_string()));
    }

    /// Adds how long something took: how often, median, 99th percentile and the longest.
    pub fn times(&mut self, what: &str, times: &[Duration]) {
        let mut times = times.to_vec();
        times.sort();
        let at = |share: f64| {
            let index = ((times.len() as f64 * share).ceil() as usize).clamp(1, times.len()) - 1;
            milliseconds(times[index])
        };
        if times.is_empty() {
            self.row(what, "–");
        } else {
            self.row(what, format!("{} / {} / {} ms ({} times)", at(0.5), at(0.99), at(1.0), times.len()));
        }
    }

    /// Ends with the verdict on these violations.
    pub fn judge(&mut self, violations: &[Violation]) {
        self.conclude(verdict(violations), violations.iter().map(ToString::to_string).collect());
    }

    /// Ends with a verdict of the campaign's own, and what speaks against it.
    pub fn conclude(&mut self, verdict: String, failures: Vec<String>) {
        (self.verdict, self.failures) = (verdict, failures);
    }

    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.failures.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n### {}\n\n| what | figure |\n|---|---|", self.title)?;
        for (what, figure) in &self.rows {
            writeln!(f, "| {what} | {figure} |")?;
        }
        writeln!(f, "\n{}", self.verdict)?;
        for failure in self.failures.iter().take(SHOWN) {
            writeln!(f, "- {failure}")?;
        }
        let more = self.failures.len().saturating_sub(SHOWN);
        if more > 0 { writeln!(f, "- and {more} more") } else { Ok(()) }
    }
}

/// The one line that counts.
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

/// The line that says how far it is: over and over in a terminal, now and then elsewhere.
#[derive(Debug)]
pub struct Progress {
    began: Instant,
    said: Option<Instant>,
    every: Duration,
}

impl Default for Progress {
    fn default() -> Self {
        let every = if stderr().is_terminal() { 0 } else { 10 };
        Progress { began: Instant::now(), said: None, every: Duration::from_secs(every) }
    }
}

impl Progress {
    /// Says how far it is.
    pub fn say(&mut self, line: &str) {
        if self.said.is_some_and(|said| said.elapsed() < self.every) {
            return;
        }
        self.said = Some(Instant::now());
        let (start, end) = if self.every.is_zero() { ("\r", "\x1b[K") } else { ("", "\n") };
        let seconds = self.began.elapsed().as_secs();
        // Nobody may be looking.
        let _ = write!(stderr(), "{start}{seconds:>5} s  {line}{end}");
    }

    /// How long it has been going on.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }
}
