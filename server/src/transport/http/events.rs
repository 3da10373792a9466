//! `/api/rooms/{room}/events`: streams a room's log as server-sent events (WHATWG HTML §9.2).
//!
//! A stream reads the log and is woken by the room's broadcasts. While it keeps up it forwards the
//! bytes that were encoded once for all streams. When its bounded queue misses an event, because
//! the stream is new or was too slow, it reads the log from its last event on. So it never skips an
//! event, and a client that stops reading costs no more than the queue until the kernel drops it.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use common::{
    message::Seq,
    protocol::{event::Event, push::Push},
    refusal::Refusal,
};
use futures_util::stream;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::room_request::RoomRequest;
use crate::{
    chat::{
        Chat,
        broadcast::{Broadcast, Encoding, Lagged, Subscriber},
        subscription::Subscription,
    },
    error::Error,
    transport::{
        error::Refused,
        queue::{Queue, WhenFull},
    },
};

/// The header an `EventSource` sends when it reconnects.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx not to buffer the response.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How often an idle stream sends a comment.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// An empty comment, which clients ignore.
const KEEP_ALIVE_COMMENT: Bytes = Bytes::from_static(b":\n\n");
/// The range in milliseconds from which each client gets its delay before it reconnects to a server
/// that restarts; it spreads the clients.
const RETRY_MILLIS: std::ops::Range<u32> = 500..2_000;

/// Streams the events after `Last-Event-ID` or `?since=`; without either, only new events.
pub(super) async fn stream_events(
    State(chat): State<Chat>,
    State(stop): State<CancellationToken>,
    request: RoomRequest,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    request.allow_only(&["since"])?;
    // The header wins: after a reconnect it is newer than the URL of the first request.
    let since = match headers.get(LAST_EVENT_ID) {
        Some(id) => Some(id.to_str().ok().and_then(|id| id.parse().ok()).ok_or_else(bad_last_event_id)?),
        None => request.number_parameter("since")?,
    };
    let identity = request.authenticate(&chat, None).await?;
    let queue = Arc::new(Queue::new(WhenFull::Clear));
    let subscriber = Arc::new(StreamSubscriber(queue.clone()));
    let address = request.client.address;
    let (subscription, newest) = chat.subscribe(&identity, request.room, subscriber, address).await?;
    let last = since.map_or(newest, |since| Seq(since).min(newest));
    let position = LogPosition { last, newest };
    let sse_stream = SseStream { subscription, queue, position, stop, is_ending: false };
    let (chunk_sender, mut chunks) = mpsc::channel(1);
    // Its own task: as hyper's body it would stop being polled when the client stalls, and could stall
    // while it holds one of the few log readers.
    tokio::spawn(sse_stream.run(chunk_sender));
    let chunks =
        stream::poll_fn(move |cx| chunks.poll_recv(cx).map(|bytes| bytes.map(Ok::<Bytes, Infallible>)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn bad_last_event_id() -> Refused {
    Refused::from(Refusal::BadRequest)
        .saying("`Last-Event-ID` should be the number of an event.")
        .about("Last-Event-ID")
}

/// One event stream: its position in the log, and the queue of new events.
struct SseStream {
    subscription: Subscription,
    queue: Arc<Queue<QueuedEvent>>,
    position: LogPosition,
    stop: CancellationToken,
    /// The advice to reconnect was sent, because the server stops.
    is_ending: bool,
}

impl SseStream {
    /// Sends chunks until the client is gone or the stream ends.
    async fn run(mut self, chunk_sender: mpsc::Sender<Bytes>) {
        loop {
            let next = tokio::select! {
                () = chunk_sender.closed() => return,
                next = self.next() => next,
            };
            let Some(bytes) = next else { return };
            if chunk_sender.send(bytes).await.is_err() {
                return;
            }
        }
    }

    /// Waits for the next chunk of the stream; `None` ends it.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_ending {
            return None;
        }
        // Events that are already known must not put off the keep-alive comment.
        let keep_alive_at = Instant::now() + KEEP_ALIVE_INTERVAL;
        loop {
            if self.stop.is_cancelled() {
                self.is_ending = true;
                return Some(format!("retry: {}\n\n", rand::random_range(RETRY_MILLIS)).into());
            }
            if self.position.is_behind() {
                return self.read_log().await;
            }
            let queued = self.stop.run_until_cancelled(self.queue.pop());
            match timeout_at(keep_alive_at, queued).await {
                Ok(Some(Some(event))) => {
                    if let Some(bytes) = self.position.advance(event) {
                        return Some(bytes);
                    }
                }
                // The room has dropped the subscription.
                Ok(Some(None)) => return None,
                Ok(None) => {}
                Err(_) => return Some(KEEP_ALIVE_COMMENT),
            }
        }
    }

    /// Reads the next page of the log. If that fails the stream ends, and the client reconnects.
    async fn read_log(&mut self) -> Option<Bytes> {
        let page =
            self.subscription.list_after(self.position.last).await.map_err(Error::into_refusal).ok()?;
        self.position.last = page.events.last()?.seq;
        page.events.iter().map(encode).collect::<Option<Vec<_>>>().map(|encoded| encoded.concat().into())
    }
}

/// Encodes an event. JSON contains no line break, so one `data:` line is enough.
fn encode(event: &Event) -> Option<String> {
    let data = serde_json::to_string(event).inspect_err(|error| warn!("writing an event: {error}")).ok()?;
    Some(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq.0, Push::EVENT))
}

/// How far a stream is in the log.
struct LogPosition {
    /// The last event that was sent.
    last: Seq,
    /// The newest event of the log known so far.
    newest: Seq,
}

impl LogPosition {
    /// Whether events are known to be in the log that were not sent.
    fn is_behind(&self) -> bool {
        self.newest > self.last
    }

    /// Advances by an event from the queue, and returns its bytes if it is the next one. If it is a
    /// later one, the stream is behind afterwards.
    fn advance(&mut self, event: QueuedEvent) -> Option<Bytes> {
        self.newest = self.newest.max(event.seq);
        let bytes = event.encoded.filter(|_| event.seq == self.last.next())?;
        self.last = event.seq;
        Some(bytes)
    }
}

/// The news that the log has reached this event.
struct QueuedEvent {
    seq: Seq,
    /// The event as it is sent. Without it, the stream reads the event from the log.
    encoded: Option<Bytes>,
}

/// Queues a room's events for one stream, and closes the queue when the room drops the subscription.
struct StreamSubscriber(Arc<Queue<QueuedEvent>>);

impl StreamSubscriber {
    fn push(&self, seq: Seq, encoded: Option<Bytes>) -> Result<(), Lagged> {
        let bytes = encoded.as_ref().map_or(0, Bytes::len);
        self.0.push(QueuedEvent { seq, encoded }, bytes)
    }
}

impl Drop for StreamSubscriber {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Subscriber for StreamSubscriber {
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged> {
        match &broadcast.push {
            Push::Event(log_event) => {
                let encode = |push: &Push| match push {
                    Push::Event(log_event) => encode(&log_event.event).map(Bytes::from),
                    _ => None,
                };
                broadcast.with_encoded(Encoding::SSE, encode, |encoded| {
                    self.push(log_event.event.seq, encoded.clone())
                })
            }
            // Reveals an event that was not queued.
            Push::Heartbeat(heartbeat) => self.push(heartbeat.last, None),
            Push::Presence(_) | Push::Typing(_) | Push::SeatAvailable(_) | Push::Kicked(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn subscriber(numbers: impl IntoIterator<Item = u64>) -> StreamSubscriber {
        let subscriber = StreamSubscriber(Arc::new(Queue::new(WhenFull::Clear)));
        numbers.into_iter().for_each(|seq| push(&subscriber, seq));
        subscriber
    }

    fn push(subscriber: &StreamSubscriber, seq: u64) {
        subscriber.push(Seq(seq), Some(Bytes::from(format!("{seq}")))).unwrap();
    }

    /// What the stream does after event `last`: sends an event, reads the log, waits or ends.
    fn next_after(StreamSubscriber(queue): &StreamSubscriber, last: u64) -> String {
        let mut position = LogPosition { last: Seq(last), newest: Seq(0) };
        loop {
            if position.is_behind() {
                return "missing".to_owned();
            }
            let event = match queue.pop().now_or_never() {
                Some(Some(event)) => event,
                Some(None) => return "closed".to_owned(),
                None => return "empty".to_owned(),
            };
            if let Some(bytes) = position.advance(event) {
                return String::from_utf8(bytes.to_vec()).unwrap();
            }
        }
    }

    #[test]
    fn the_next_event_is_sent_a_known_one_skipped_and_a_gap_reported_as_missing() {
        let cases = [
            (vec![5, 6], 4, "5"),
            (vec![3, 4, 5], 4, "5"),
            (vec![3, 4], 4, "empty"),
            (vec![6], 4, "missing"),
        ];
        for (numbers, last, expected) in cases {
            assert_eq!(next_after(&subscriber(numbers), last), expected);
        }
    }

    #[test]
    fn the_queue_is_bounded_and_what_it_drops_is_missing() {
        let many = subscriber(1..=300);
        assert_eq!(next_after(&many, 0), "missing");
        let heavy = subscriber([]);
        (1..=5).for_each(|seq| heavy.push(Seq(seq), Some(Bytes::from(vec![0; 300 * 1024]))).unwrap());
        assert_eq!(heavy.0.try_pop_many(5).len(), 1);
    }

    #[test]
    fn a_heartbeat_reveals_an_event_that_was_not_queued() {
        let subscriber = subscriber([1]);
        assert_eq!(next_after(&subscriber, 0), "1");
        subscriber.push(Seq(2), None).unwrap();
        assert_eq!(next_after(&subscriber, 1), "missing");
    }

    #[test]
    fn when_the_room_drops_the_subscription_the_rest_is_sent_and_the_stream_closed() {
        let subscriber = subscriber([1]);
        let rest = StreamSubscriber(subscriber.0.clone());
        drop(subscriber);
        assert_eq!(next_after(&rest, 0), "1");
        assert_eq!(next_after(&rest, 1), "closed");
    }
}
