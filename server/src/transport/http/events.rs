//! `/api/rooms/{room}/events`: streams a room's log as server-sent events (WHATWG HTML §9.2).
//!
//! A stream reads the log and is woken by the room's broadcasts. While it keeps up it forwards the
//! bytes that were encoded once for all streams. When its bounded queue misses an event, because
//! the stream is new or was too slow, it reads the log from its last event on. So it never skips an
//! event, and a client that stops reading costs no more than the queue until the kernel drops it.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use common::{
    event::{Event, Push},
    message::Seq,
    refusal::Refusal,
};
use futures_util::stream;
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, mpsc},
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
    transport::raw_socket::MAX_QUEUED_BYTES,
};

/// The header an `EventSource` sends when it reconnects.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Tells nginx not to buffer the response.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The largest number of events in one stream's queue.
const MAX_QUEUED_EVENTS: usize = 256;
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
) -> Result<Response, Error> {
    request.allow_only(&["since"])?;
    // The header wins: after a reconnect it is newer than the URL of the first request.
    let since = match headers.get(LAST_EVENT_ID) {
        Some(id) => Some(id.to_str().ok().and_then(|id| id.parse().ok()).ok_or(Refusal::BadRequest)?),
        None => request.number_parameter("since")?,
    };
    let identity = request.authenticate(&chat, None).await?;
    let queue = Arc::new(EventQueue::default());
    let (subscription, last) =
        chat.subscribe(&identity, request.room, Arc::new(QueueSubscriber(queue.clone()))).await?;
    queue.advance_to(last);
    let last = since.map_or(last, |since| Seq(since).min(last));
    let sse_stream = SseStream { subscription, queue, last, stop, is_closed: false };
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

/// One event stream: its position in the log, and the queue of new events.
struct SseStream {
    subscription: Subscription,
    queue: Arc<EventQueue>,
    /// The last event that was sent.
    last: Seq,
    stop: CancellationToken,
    is_closed: bool,
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
        if self.is_closed {
            return None;
        }
        // Spurious wake-ups must not put off the keep-alive comment.
        let keep_alive_at = Instant::now() + KEEP_ALIVE_INTERVAL;
        loop {
            if self.stop.is_cancelled() {
                self.is_closed = true;
                return Some(format!("retry: {}\n\n", rand::random_range(RETRY_MILLIS)).into());
            }
            match self.queue.next_after(self.last) {
                Next::Event(bytes) => {
                    self.last = self.last.next();
                    return Some(bytes);
                }
                Next::Missing => return self.read_log().await,
                Next::Empty => {
                    let wake_up = self.stop.run_until_cancelled(self.queue.changed.notified());
                    if timeout_at(keep_alive_at, wake_up).await.is_err() {
                        return Some(KEEP_ALIVE_COMMENT);
                    }
                }
                Next::Closed => return None,
            }
        }
    }

    /// Reads the next page of the log. If that fails the stream ends, and the client reconnects.
    async fn read_log(&mut self) -> Option<Bytes> {
        let page = self.subscription.list_after(self.last).await.map_err(Error::into_refusal).ok()?;
        self.last = page.events.last()?.seq;
        page.events.iter().map(encode).collect::<Option<Vec<_>>>().map(|encoded| encoded.concat().into())
    }
}

/// Encodes an event. JSON contains no line break, so one `data:` line is enough.
fn encode(event: &Event) -> Option<String> {
    let data = serde_json::to_string(event).inspect_err(|error| warn!("writing an event: {error}")).ok()?;
    Some(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq.0, Push::EVENT))
}

/// The bounded queue between a room's broadcasts and one stream.
#[derive(Default)]
struct EventQueue {
    state: Mutex<QueueState>,
    /// Notified when the queue has grown or was closed.
    changed: Notify,
}

#[derive(Default)]
struct QueueState {
    events: VecDeque<(Seq, Bytes)>,
    bytes: usize,
    /// The newest event of the log known so far.
    newest: Seq,
    is_closed: bool,
}

/// The result of looking for the event after a given one.
enum Next {
    Event(Bytes),
    /// The log has a newer event, but the queue does not have the next one.
    Missing,
    Empty,
    Closed,
}

impl EventQueue {
    fn next_after(&self, last: Seq) -> Next {
        let mut state = self.state.lock();
        while let Some((seq, bytes)) = state.events.pop_front() {
            state.bytes -= bytes.len();
            if seq == last.next() {
                return Next::Event(bytes);
            }
            if seq > last {
                break;
            }
        }
        match () {
            () if state.newest > last => Next::Missing,
            () if state.is_closed => Next::Closed,
            () => Next::Empty,
        }
    }

    fn advance_to(&self, seq: Seq) {
        let mut state = self.state.lock();
        state.newest = state.newest.max(seq);
        self.changed.notify_one();
    }

    fn push(&self, seq: Seq, bytes: &Bytes) {
        {
            let mut state = self.state.lock();
            if state.events.len() >= MAX_QUEUED_EVENTS || state.bytes + bytes.len() > MAX_QUEUED_BYTES {
                // The stream is too slow; it will read these events from the log.
                state.events = VecDeque::new();
                state.bytes = 0;
            }
            state.events.push_back((seq, bytes.clone()));
            state.bytes += bytes.len();
        }
        self.advance_to(seq);
    }

    fn close(&self) {
        self.state.lock().is_closed = true;
        self.changed.notify_one();
    }
}

/// Subscribes a queue to its room, and closes it when the room drops the subscription.
struct QueueSubscriber(Arc<EventQueue>);

impl Drop for QueueSubscriber {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Subscriber for QueueSubscriber {
    fn deliver(&self, broadcast: &Broadcast) -> Result<(), Lagged> {
        match &broadcast.push {
            Push::Event(log_event) => {
                let encode = |push: &Push| match push {
                    Push::Event(log_event) => encode(&log_event.event).map(Bytes::from),
                    _ => None,
                };
                broadcast.with_encoded(Encoding::SSE, encode, |encoded| match encoded {
                    Some(bytes) => self.0.push(log_event.event.seq, bytes),
                    None => self.0.advance_to(log_event.event.seq),
                });
            }
            Push::Heartbeat(heartbeat) => self.0.advance_to(heartbeat.last),
            Push::Presence(_) | Push::Typing(_) | Push::SeatAvailable(_) | Push::Kicked(_) => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seq: u64) -> Bytes {
        Bytes::from(format!("{seq}"))
    }

    fn queue(numbers: impl IntoIterator<Item = u64>) -> EventQueue {
        let queue = EventQueue::default();
        numbers.into_iter().for_each(|seq| queue.push(Seq(seq), &frame(seq)));
        queue
    }

    fn describe(next: Next) -> String {
        match next {
            Next::Event(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Next::Missing => "missing".to_owned(),
            Next::Empty => "empty".to_owned(),
            Next::Closed => "closed".to_owned(),
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
            assert_eq!(describe(queue(numbers).next_after(Seq(last))), expected);
        }
    }

    #[test]
    fn the_queue_is_bounded_and_what_it_drops_is_missing() {
        let queue = queue(1..=300);
        assert!(queue.state.lock().events.len() <= MAX_QUEUED_EVENTS);
        assert_eq!(describe(queue.next_after(Seq(0))), "missing");
        let heavy = EventQueue::default();
        (1..=5).for_each(|seq| heavy.push(Seq(seq), &Bytes::from(vec![0; MAX_QUEUED_BYTES / 2])));
        assert!(heavy.state.lock().bytes <= MAX_QUEUED_BYTES);
    }

    #[test]
    fn a_heartbeat_reveals_an_event_that_was_not_queued() {
        let queue = queue([1]);
        assert_eq!(describe(queue.next_after(Seq(0))), "1");
        queue.advance_to(Seq(2));
        assert_eq!(describe(queue.next_after(Seq(1))), "missing");
    }

    #[test]
    fn when_the_room_drops_the_subscription_the_rest_is_sent_and_the_stream_closed() {
        let queue = Arc::new(queue([1]));
        drop(QueueSubscriber(queue.clone()));
        assert_eq!(describe(queue.next_after(Seq(0))), "1");
        assert_eq!(describe(queue.next_after(Seq(1))), "closed");
    }
}
