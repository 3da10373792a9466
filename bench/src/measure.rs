//! What was measured: a figure with its unit, and how figures of several rounds become one.

use std::{fmt, time::Duration};

/// One figure of one run.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// What it says, as a row of the table.
    pub(crate) what: String,
    /// Its column in the table of the doors, if it belongs there.
    pub(crate) column: Option<Column>,
    pub(crate) figure: Figure,
}

/// What is measured at each door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    P50,
    P99,
    Cpu,
}

/// A figure knows how it wants to be read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    /// So many in a second, of the clock or of the processor.
    Rate(f64),
    Time(Duration),
    Bytes(f64),
}

impl Measure {
    pub(crate) fn rate(what: impl Into<String>, count: usize, time: Duration) -> Measure {
        Measure::of_server(what, Figure::Rate(count as f64 / time.as_secs_f64()))
    }

    pub(crate) fn time(what: impl Into<String>, time: Duration) -> Measure {
        Measure::of_server(what, Figure::Time(time))
    }

    pub(crate) fn bytes(what: impl Into<String>, bytes: f64) -> Measure {
        Measure::of_server(what, Figure::Bytes(bytes))
    }

    /// What something takes at one door.
    pub(crate) fn at_door(door: impl Into<String>, column: Column, time: Duration) -> Measure {
        Measure { what: door.into(), column: Some(column), figure: Figure::Time(time) }
    }

    fn of_server(what: impl Into<String>, figure: Figure) -> Measure {
        Measure { what: what.into(), column: None, figure }
    }
}

impl Column {
    pub(crate) const ALL: [Column; 3] = [Column::P50, Column::P99, Column::Cpu];
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Column::P50 => "p50",
            Column::P99 => "p99",
            Column::Cpu => "CPU time for each delivery",
        })
    }
}

impl Figure {
    /// The middle one: a round that something else disturbed does not count.
    pub(crate) fn median(mut rounds: Vec<Figure>) -> Option<Figure> {
        rounds.sort_by(|a, b| a.size().total_cmp(&b.size()));
        rounds.get(rounds.len() / 2).copied()
    }

    fn size(self) -> f64 {
        match self {
            Figure::Rate(size) | Figure::Bytes(size) => size,
            Figure::Time(time) => time.as_secs_f64(),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Figure::Rate(rate) if rate >= 10_000.0 => write!(f, "{:.0} k", rate / 1_000.0),
            Figure::Rate(rate) => write!(f, "{rate:.0}"),
            Figure::Bytes(bytes) => write!(f, "{:.1} KB", bytes / 1_000.0),
            Figure::Time(time) if time >= Duration::from_secs(1) => write!(f, "{:.1} s", time.as_secs_f64()),
            Figure::Time(time) if time >= Duration::from_millis(1) => {
                write!(f, "{:.1} ms", time.as_secs_f64() * 1e3)
            }
            Figure::Time(time) => write!(f, "{} µs", time.as_micros()),
        }
    }
}

/// The time within which this share of all was done. Exact: every single time was kept.
pub(crate) fn quantile(times: &mut [Duration], share: f64) -> Duration {
    times.sort_unstable();
    let at = (times.len() as f64 * share).ceil() as usize;
    times.get(at.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_time_within_which_that_share_was_done() {
        let mut times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        for (share, millis) in [(0.5, 50), (0.99, 99), (1.0, 100)] {
            assert_eq!(quantile(&mut times, share), Duration::from_millis(millis));
        }
        assert_eq!(quantile(&mut [], 0.5), Duration::ZERO);
    }

    #[test]
    fn one_disturbed_round_does_not_count() {
        let rounds = [90.0, 10.0, 100.0].map(Figure::Rate);
        assert_eq!(Figure::median(rounds.to_vec()), Some(Figure::Rate(90.0)));
    }

    #[test]
    fn figures_are_read_easily() {
        let cases = [
            (Figure::Rate(134_400.0), "134 k"),
            (Figure::Rate(980.4), "980"),
            (Figure::Bytes(17_640.0), "17.6 KB"),
            (Figure::Time(Duration::from_micros(412)), "412 µs"),
            (Figure::Time(Duration::from_micros(4_120)), "4.1 ms"),
            (Figure::Time(Duration::from_millis(12_340)), "12.3 s"),
        ];
        for (figure, text) in cases {
            assert_eq!(figure.to_string(), text);
        }
    }
}
