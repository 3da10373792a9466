//! Measured values with their units, and the median of several rounds.

use std::{fmt, time::Duration};

/// One value of one run.
#[derive(Clone, Debug)]
pub(crate) struct Measurement {
    /// The label of its row in the table.
    pub(crate) label: String,
    /// Its column in the table of transports, if it belongs there.
    pub(crate) column: Option<Column>,
    pub(crate) value: Value,
}

/// What is measured for each transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    P50,
    P99,
    Cpu,
}

/// A value with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value {
    /// Per second, of the clock or of the processor.
    Rate(f64),
    Time(Duration),
    Bytes(f64),
}

impl Measurement {
    pub(crate) fn rate(label: impl Into<String>, count: usize, time: Duration) -> Measurement {
        Measurement::of_server(label, Value::Rate(count as f64 / time.as_secs_f64()))
    }

    pub(crate) fn time(label: impl Into<String>, time: Duration) -> Measurement {
        Measurement::of_server(label, Value::Time(time))
    }

    pub(crate) fn bytes(label: impl Into<String>, bytes: f64) -> Measurement {
        Measurement::of_server(label, Value::Bytes(bytes))
    }

    /// A duration of one transport.
    pub(crate) fn for_transport(transport: impl Into<String>, column: Column, time: Duration) -> Measurement {
        Measurement { label: transport.into(), column: Some(column), value: Value::Time(time) }
    }

    fn of_server(label: impl Into<String>, value: Value) -> Measurement {
        Measurement { label: label.into(), column: None, value }
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

impl Value {
    /// The median, so that one disturbed round does not count.
    pub(crate) fn median(mut rounds: Vec<Value>) -> Option<Value> {
        rounds.sort_by(|a, b| a.scale().total_cmp(&b.scale()));
        rounds.get(rounds.len() / 2).copied()
    }

    fn scale(self) -> f64 {
        match self {
            Value::Rate(scale) | Value::Bytes(scale) => scale,
            Value::Time(time) => time.as_secs_f64(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Value::Rate(rate) if rate >= 10_000.0 => write!(f, "{:.0} k", rate / 1_000.0),
            Value::Rate(rate) => write!(f, "{rate:.0}"),
            Value::Bytes(bytes) => write!(f, "{:.1} KB", bytes / 1_000.0),
            Value::Time(time) if time >= Duration::from_secs(1) => write!(f, "{:.1} s", time.as_secs_f64()),
            Value::Time(time) if time >= Duration::from_millis(1) => {
                write!(f, "{:.1} ms", time.as_secs_f64() * 1e3)
            }
            Value::Time(time) => write!(f, "{} µs", time.as_micros()),
        }
    }
}

/// Returns the time within which this share was done. Exact, since every single time was kept.
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
        let rounds = [90.0, 10.0, 100.0].map(Value::Rate);
        assert_eq!(Value::median(rounds.to_vec()), Some(Value::Rate(90.0)));
    }

    #[test]
    fn values_are_formatted_with_units() {
        let cases = [
            (Value::Rate(134_400.0), "134 k"),
            (Value::Rate(980.4), "980"),
            (Value::Bytes(17_640.0), "17.6 KB"),
            (Value::Time(Duration::from_micros(412)), "412 µs"),
            (Value::Time(Duration::from_micros(4_120)), "4.1 ms"),
            (Value::Time(Duration::from_millis(12_340)), "12.3 s"),
        ];
        for (value, text) in cases {
            assert_eq!(value.to_string(), text);
        }
    }
}
