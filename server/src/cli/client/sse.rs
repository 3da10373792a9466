//! Parses a stream of server-sent events (WHATWG HTML §9.2). Does no I/O.

use std::time::Duration;

use anyhow::{Context, bail};

/// The most bytes of one event. An entry of the log with the longest message fits, however it is escaped.
const MAX_EVENT: usize = 256 * 1024;

/// One parsed item of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SseEvent {
    Message {
        id: u64,
        data: String,
    },
    /// The delay before reconnecting.
    Retry(Duration),
}

/// An incremental parser; it buffers the bytes of an event that is not complete yet.
#[derive(Default)]
pub(super) struct SseParser {
    bytes: Vec<u8>,
}

impl SseParser {
    /// Appends bytes and returns the events that are complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> anyhow::Result<Vec<SseEvent>> {
        self.bytes.extend_from_slice(bytes);
        let mut events = Vec::new();
        while let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
            let text = std::str::from_utf8(&event).context("the event stream is no text")?;
            events.extend(parse(text));
        }
        if self.bytes.len() > MAX_EVENT {
            bail!("the event stream holds an endless event");
        }
        Ok(events)
    }
}

/// Parses one event; `None` if it has neither an id with data nor a retry delay, like a comment.
fn parse(event: &str) -> Option<SseEvent> {
    let field = |name: &str| {
        let value =
            |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(|text| text.trim().to_owned());
        event.lines().find_map(value)
    };
    match (field("id"), field("data"), field("retry")) {
        (Some(id), Some(data), _) => Some(SseEvent::Message { id: id.parse().ok()?, data }),
        (_, _, Some(retry)) => Some(SseEvent::Retry(Duration::from_millis(retry.parse().ok()?))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parsed_wherever_the_stream_is_split() {
        let stream = ":\n\nid: 7\nevent: event\ndata: {\"말\": 1}\n\nretry: 700\n\nid: 8\ndata: x\n\nid: 9\n";
        let expected = [
            SseEvent::Message { id: 7, data: "{\"말\": 1}".to_owned() },
            SseEvent::Retry(Duration::from_millis(700)),
            SseEvent::Message { id: 8, data: "x".to_owned() },
        ];
        for size in [1, 2, 7, 1_000] {
            let mut parser = SseParser::default();
            let events: Vec<SseEvent> =
                stream.as_bytes().chunks(size).flat_map(|chunk| parser.push(chunk).unwrap()).collect();
            assert_eq!(events, expected);
        }
    }

    #[test]
    fn an_event_without_an_end_is_not_buffered_forever() {
        assert!(SseParser::default().push(&vec![b'x'; MAX_EVENT + 1]).is_err());
    }
}
