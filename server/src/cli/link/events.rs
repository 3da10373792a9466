//! Server-sent events (WHATWG HTML §9.2) out of the bytes of a stream. Pure.

use std::time::Duration;

use anyhow::{Context, bail};

/// The most bytes of one event: a log entry with the longest message, however it is escaped, fits.
const MAX_EVENT: usize = 256 * 1024;

/// One thing a stream tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Event {
        id: u64,
        data: String,
    },
    /// After which time to come back.
    Retry(Duration),
}

/// What came and is no whole event yet.
#[derive(Default)]
pub(super) struct Events {
    bytes: Vec<u8>,
}

impl Events {
    /// Takes what came, and gives the events that are whole.
    pub(super) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<Told>> {
        self.bytes.extend_from_slice(bytes);
        let mut told = Vec::new();
        while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
            let text = std::str::from_utf8(&event).context("the event stream is no text")?;
            told.extend(parse(text));
        }
        if self.bytes.len() > MAX_EVENT {
            bail!("the event stream holds an endless event");
        }
        Ok(told)
    }
}

/// What is neither an event of a log nor a time to come back is a comment.
fn parse(event: &str) -> Option<Told> {
    let field = |name: &str| {
        let value =
            |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|text| text.trim().to_owned());
        event.lines().find_map(value)
    };
    match (field("id"), field("data"), field("retry")) {
        (Some(id), Some(data), _) => Some(Told::Event { id: id.parse().ok()?, data }),
        (_, _, Some(retry)) => Some(Told::Retry(Duration::from_millis(retry.parse().ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_the_stream_is_cut() {
        let stream = ":\n\nid: 7\nevent: event\ndata: {\"말\": 1}\n\nretry: 700\n\nid: 8\ndata: x\n\nid: 9\n";
        let told = [
            Told::Event { id: 7, data: "{\"말\": 1}".to_owned() },
            Told::Retry(Duration::from_millis(700)),
            Told::Event { id: 8, data: "x".to_owned() },
        ];
        for size in [1, 2, 7, 1_000] {
            let mut events = Events::default();
            let heard: Vec<Told> =
                stream.as_bytes().chunks(size).flat_map(|chunk| events.push(chunk).unwrap()).collect();
            assert_eq!(heard, told);
        }
    }

    #[test]
    fn an_event_without_an_end_is_not_kept() {
        assert!(Events::default().push(&vec![b'x'; MAX_EVENT + 1]).is_err());
    }
}
