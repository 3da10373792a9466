//! The log on standard error. Standard output is for results.
//!
//! Whatever becomes of the log, the server goes on: [`Output`] never waits, and no place in the code can
//! fill the disk with the same warning.

use std::{
    collections::HashMap,
    fmt::{self, Write},
    io::{self, IsTerminal},
    panic::PanicHookInfo,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use madang::config::{Config, LogFormat};
use parking_lot::Mutex;
use tracing::{Event, Level, Subscriber, callsite::Identifier, error, field::Field, warn};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::Visit,
    layer::{Context, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::output::Output;

/// The most warnings and errors that one place in the code logs in one interval. The rest is counted.
const MAX_REPEATS: u32 = 10;
const REPEAT_INTERVAL: Duration = Duration::from_secs(10);

/// The most characters of a line that stands for those that were left out.
const MAX_EXAMPLE: usize = 120;

/// Starts logging as configured, with colours only on a terminal and without `NO_COLOR`.
pub(crate) fn init(config: &Config) -> io::Result<Arc<Output>> {
    let filter = EnvFilter::new(&config.log);
    let has_colors =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty());
    let repeats = Repeats::default();
    let output = Arc::new(Output::start("madang-log", io::stderr(), {
        let repeats = repeats.clone();
        move |lost_lines| {
            if lost_lines > 0 {
                warn!(lines = lost_lines, "the log could not be written for a while");
            }
            for LeftOut { example, lines, .. } in repeats.take_left_out(Instant::now()) {
                warn!(lines, "left out of the log: {example}");
            }
        }
    })?);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(output.clone())
        .with_ansi(has_colors)
        .log_internal_errors(false);
    let log = tracing_subscriber::registry().with(filter).with(repeats);
    match config.log_format {
        LogFormat::Text => log.with(layer.with_target(false)).init(),
        LogFormat::Json => log.with(layer.json()).init(),
    }
    // The default hook writes to standard error itself, and would wait for a reader that sleeps.
    std::panic::set_hook(Box::new(log_panic));
    Ok(output)
}

fn log_panic(panic: &PanicHookInfo) {
    let place = panic.location().map_or_else(String::new, ToString::to_string);
    let reason = panic.payload_as_str().unwrap_or("for an unknown reason");
    let thread = thread::current();
    error!(place, thread = thread.name().unwrap_or_default(), "panicked: {reason}");
}

/// Lets each place in the code log [`MAX_REPEATS`] warnings and errors in one interval. A condition such as
/// a full disk would otherwise cause thousands of lines each second. Cheap to clone.
#[derive(Clone, Default)]
struct Repeats(Arc<Mutex<HashMap<Identifier, Interval>>>);

/// What one place in the code has logged.
struct Interval {
    began: Instant,
    lines: u32,
    left_out: Option<LeftOut>,
}

/// Lines that were not logged.
struct LeftOut {
    /// The message of the first of them, and when it came.
    example: String,
    since: Instant,
    lines: u64,
}

impl Repeats {
    /// Whether an event of this place may be logged now, and counts it.
    fn admit(&self, place: Identifier, now: Instant, example: impl FnOnce() -> String) -> bool {
        let mut places = self.0.lock();
        let interval = places.entry(place).or_insert(Interval { began: now, lines: 0, left_out: None });
        if now.duration_since(interval.began) >= REPEAT_INTERVAL {
            (interval.began, interval.lines) = (now, 0);
        }
        interval.lines = interval.lines.saturating_add(1);
        if interval.lines <= MAX_REPEATS {
            return true;
        }
        let left_out =
            interval.left_out.get_or_insert_with(|| LeftOut { example: example(), since: now, lines: 0 });
        left_out.lines += 1;
        false
    }

    /// Returns what has been left out for an interval.
    fn take_left_out(&self, now: Instant) -> Vec<LeftOut> {
        let is_due = |left_out: &mut LeftOut| now.duration_since(left_out.since) >= REPEAT_INTERVAL;
        self.0.lock().values_mut().filter_map(|place| place.left_out.take_if(is_due)).collect()
    }
}

impl<S: Subscriber> Layer<S> for Repeats {
    fn event_enabled(&self, event: &Event, _: Context<S>) -> bool {
        let metadata = event.metadata();
        let example = || {
            let mut message = Message(String::new());
            event.record(&mut message);
            message.0.chars().take(MAX_EXAMPLE).collect()
        };
        // The levels are ordered by verbosity.
        *metadata.level() > Level::WARN || self.admit(metadata.callsite(), Instant::now(), example)
    }
}

/// The message of an event, without its fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // Writing to a string does not fail.
            let _ = write!(self.0, "{value:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::{callsite::Callsite, subscriber::Interest};

    use super::*;

    struct Place;

    impl Callsite for Place {
        fn set_interest(&self, _: Interest) {}

        fn metadata(&self) -> &tracing::Metadata<'_> {
            unreachable!("no event is made")
        }
    }

    static ONE: (Place, u8) = (Place, 1);
    static OTHER: (Place, u8) = (Place, 2);

    #[test]
    fn a_place_that_repeats_itself_is_left_out_and_counted() {
        let (repeats, start) = (Repeats::default(), Instant::now());
        let (one, other) = (Identifier(&ONE.0), Identifier(&OTHER.0));
        let admit = |place: &Identifier, at: u64, text: &str| {
            repeats.admit(place.clone(), start + Duration::from_secs(at), || text.to_owned())
        };
        let admitted = (0..1_000).filter(|number| admit(&one, 1, &number.to_string())).count();
        assert_eq!(admitted, MAX_REPEATS as usize);
        assert!(admit(&other, 1, "of another place"));
        assert!(repeats.take_left_out(start + Duration::from_secs(2)).is_empty(), "the interval goes on");
        let left_out = repeats.take_left_out(start + Duration::from_secs(20));
        assert_eq!((left_out.len(), left_out[0].lines, &*left_out[0].example), (1, 990, "10"));
        assert!(repeats.take_left_out(start + Duration::from_secs(20)).is_empty());
        // A place that never pauses is counted as well.
        let admitted = (100..200).filter(|second| (0..100).filter(|_| admit(&one, *second, "x")).count() > 0);
        assert_eq!(admitted.count(), 10);
        let left_out = repeats.take_left_out(start + Duration::from_secs(200));
        assert_eq!(left_out.iter().map(|left_out| left_out.lines).sum::<u64>(), 100 * 100 - 10 * 10);
    }
}
