//! `/api/rooms/{room}/events`: a room's log as it grows, as server-sent events (WHATWG HTML §9.2).
//!
//! A stream is a reader of the log that is woken by what the room tells. As long as it keeps up it
//! gets the bytes that were written once for all streams; when something is missing, because it has
//! just come or was too slow for its bounded queue, it reads the log from where it is. So it never
//! skips anything, and one that stops reading holds no more than the queue until the kernel cuts it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

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
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::asked::Asked;
use crate::{
    chat::{
        Chat,
        following::Following,
        notice::{Lagging, Listener, Notice, Slot},
    },
    failure::Failure,
    gateway::wire::MAX_WAITING,
    lock::lock,
};

/// The header with which an `EventSource` comes back.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How nginx is told not to keep what it should pass on.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The most events that wait for one stream.
const MAX_EVENTS: usize = 256;
/// How often a stream with nothing to tell gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A comment, which readers skip.
const SIGN_OF_LIFE: Bytes = Bytes::from_static(b":\n\n");
/// When the readers come back to a server that is started again, in milliseconds: each another time.
const BACK: std::ops::Range<u32> = 500..2_000;

/// The log from the event after `Last-Event-ID` or `?since=` on, else what is said from now on.
pub(super) async fn follow(
    State(chat): State<Chat>,
    State(stop): State<CancellationToken>,
    asked: Asked,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    asked.only(&["since"])?;
    // What the browser knows is newer than the address it was given at first.
    let since = match headers.get(LAST_EVENT_ID) {
        Some(id) => Some(id.to_str().ok().and_then(|id| id.parse().ok()).ok_or(Refusal::BadRequest)?),
        None => asked.number("since")?,
    };
    let who = asked.identify(&chat, None).await?;
    let heard = Arc::new(Heard::default());
    let (following, last) = chat.follow(&who, asked.room, Arc::new(Ear(heard.clone()))).await?;
    heard.reaches(last);
    let last = since.map_or(last, |since| Seq(since).min(last));
    let feed = Feed { following, heard, last, stop, is_over: false };
    let (reader, mut told) = mpsc::channel(1);
    tokio::spawn(feed.tell(reader));
    let told = stream::poll_fn(move |cx| told.poll_recv(cx).map(|bytes| bytes.map(Ok::<Bytes, Infallible>)));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (ACCEL_BUFFERING, HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(told)).into_response())
}

/// One stream: how far it is, and where it hears of more.
struct Feed {
    following: Following,
    heard: Arc<Heard>,
    /// The last event that was sent.
    last: Seq,
    stop: CancellationToken,
    is_over: bool,
}

impl Feed {
    /// Tells the reader one thing after the other. This is a task of its own: what hyper polls stands
    /// still as soon as its reader does, and would keep others from reading the log when it does so
    /// at its own turn to read.
    async fn tell(mut self, reader: mpsc::Sender<Bytes>) {
        loop {
            let next = tokio::select! {
                () = reader.closed() => return,
                next = self.next() => next,
            };
            let Some(bytes) = next else { return };
            if reader.send(bytes).await.is_err() {
                return;
            }
        }
    }

    /// The next bytes of the stream, for as long as there are any.
    async fn next(&mut self) -> Option<Bytes> {
        if self.is_over {
            return None;
        }
        // However often it is woken for nothing.
        let quiet_until = Instant::now() + HEARTBEAT;
        loop {
            if self.stop.is_cancelled() {
                self.is_over = true;
                return Some(format!("retry: {}\n\n", rand::random_range(BACK)).into());
            }
            match self.heard.after(self.last) {
                Next::Event(bytes) => {
                    self.last = self.last.next();
                    return Some(bytes);
                }
                Next::Missing => return self.read_log().await,
                Next::Nothing => {
                    let woken = self.stop.run_until_cancelled(self.heard.more.notified());
                    if timeout_at(quiet_until, woken).await.is_err() {
                        return Some(SIGN_OF_LIFE);
                    }
                }
                Next::Over => return None,
            }
        }
    }

    /// A page of the log; `None` when there is none to be had, and the reader has to come back.
    async fn read_log(&mut self) -> Option<Bytes> {
        let page = self.following.list_after(self.last).await.map_err(Failure::tell).ok()?;
        self.last = page.events.last()?.seq;
        page.events.iter().map(write).collect::<Option<Vec<_>>>().map(|written| written.concat().into())
    }
}

/// One event of the log as the stream tells it. JSON has no line break of its own.
fn write(event: &Event) -> Option<String> {
    let data = serde_json::to_string(event).inspect_err(|error| warn!("writing an event: {error}")).ok()?;
    Some(format!("id: {}\nevent: {}\ndata: {data}\n\n", event.seq.0, Push::EVENT))
}

/// What a stream has heard and not sent yet.
#[derive(Default)]
struct Heard {
    inbox: Mutex<Inbox>,
    /// There is more in the inbox, or there never will be.
    more: Notify,
}

#[derive(Default)]
struct Inbox {
    waiting: VecDeque<(Seq, Bytes)>,
    bytes: usize,
    /// How far the log goes, as far as is known.
    reached: Seq,
    is_over: bool,
}

/// What comes after an event.
enum Next {
    Event(Bytes),
    /// Something that only the log knows.
    Missing,
    Nothing,
    Over,
}

impl Heard {
    fn after(&self, last: Seq) -> Next {
        let mut inbox = lock(&self.inbox);
        while let Some((seq, bytes)) = inbox.waiting.pop_front() {
            inbox.bytes -= bytes.len();
            if seq == last.next() {
                return Next::Event(bytes);
            }
            if seq > last {
                break;
            }
        }
        match () {
            () if inbox.reached > last => Next::Missing,
            () if inbox.is_over => Next::Over,
            () => Next::Nothing,
        }
    }

    fn reaches(&self, seq: Seq) {
        let mut inbox = lock(&self.inbox);
        inbox.reached = inbox.reached.max(seq);
        self.more.notify_one();
    }

    fn put(&self, seq: Seq, bytes: &Bytes) {
        {
            let mut inbox = lock(&self.inbox);
            if inbox.waiting.len() >= MAX_EVENTS || inbox.bytes + bytes.len() > MAX_WAITING {
                // Too slow for the queue; the log has it all.
                inbox.waiting = VecDeque::new();
                inbox.bytes = 0;
            }
            inbox.waiting.push_back((seq, bytes.clone()));
            inbox.bytes += bytes.len();
        }
        self.reaches(seq);
    }

    fn ends(&self) {
        lock(&self.inbox).is_over = true;
        self.more.notify_one();
    }
}

/// What the room holds of a stream: when it lets go, the stream is over.
struct Ear(Arc<Heard>);

impl Drop for Ear {
    fn drop(&mut self) {
        self.0.ends();
    }
}

impl Listener for Ear {
    fn hear(&self, notice: &Notice) -> Result<(), Lagging> {
        match &notice.push {
            Push::Event(told) => {
                let write = |push: &Push| match push {
                    Push::Event(told) => write(&told.event).map(Bytes::from),
                    _ => None,
                };
                notice.with_written(Slot::EVENT_STREAM, write, |written| match written {
                    Some(bytes) => self.0.put(told.event.seq, bytes),
                    None => self.0.reaches(told.event.seq),
                });
            }
            Push::Heartbeat(told) => self.0.reaches(told.last),
            Push::Presence(_) | Push::Typing(_) | Push::Seat(_) | Push::Removed(_) => {}
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

    fn heard(numbers: impl IntoIterator<Item = u64>) -> Heard {
        let heard = Heard::default();
        numbers.into_iter().for_each(|seq| heard.put(Seq(seq), &frame(seq)));
        heard
    }

    fn told(next: Next) -> String {
        match next {
            Next::Event(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            Next::Missing => "missing".to_owned(),
            Next::Nothing => "nothing".to_owned(),
            Next::Over => "over".to_owned(),
        }
    }

    #[test]
    fn what_follows_is_told_what_is_known_is_skipped_and_what_lies_between_is_missing() {
        let cases = [
            (vec![5, 6], 4, "5"),
            (vec![3, 4, 5], 4, "5"),
            (vec![3, 4], 4, "nothing"),
            (vec![6], 4, "missing"),
        ];
        for (numbers, last, expected) in cases {
            assert_eq!(told(heard(numbers).after(Seq(last))), expected);
        }
    }

    #[test]
    fn an_inbox_is_bounded_and_what_it_drops_is_missing() {
        let heard = heard(1..=300);
        assert!(lock(&heard.inbox).waiting.len() <= MAX_EVENTS);
        assert_eq!(told(heard.after(Seq(0))), "missing");
        let heavy = Heard::default();
        (1..=5).for_each(|seq| heavy.put(Seq(seq), &Bytes::from(vec![0; MAX_WAITING / 2])));
        assert!(lock(&heavy.inbox).bytes <= MAX_WAITING);
    }

    #[test]
    fn a_heartbeat_tells_of_an_event_that_was_not_heard() {
        let heard = heard([1]);
        assert_eq!(told(heard.after(Seq(0))), "1");
        heard.reaches(Seq(2));
        assert_eq!(told(heard.after(Seq(1))), "missing");
    }

    #[test]
    fn when_the_room_lets_go_the_rest_is_told_and_then_it_is_over() {
        let heard = Arc::new(heard([1]));
        drop(Ear(heard.clone()));
        assert_eq!(told(heard.after(Seq(0))), "1");
        assert_eq!(told(heard.after(Seq(1))), "over");
    }
}
