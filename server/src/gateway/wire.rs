//! A TCP connection from both sides: the stream that hyper and the libraries on top of it own, and
//! the [`Wire`] by which a gateway sees what went through it, writes to it, and cuts it.
//!
//! A gateway that takes over the writing gives each text to the kernel itself, in the caller's own
//! task: no queue, no other task to wake, and a frame that was written once for a whole room is
//! copied for nobody. Only what the kernel does not take is kept, up to a bound. What the library
//! still writes (pings, the end) goes between our frames, never into one.

use std::{
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

use crate::lock::lock;

/// The most that may wait for one peer at any door, in bytes. With what the kernel and the libraries
/// hold this stays below 1 MiB.
pub(super) const MAX_WAITING: usize = 512 * 1024;

/// How the frame of a text begins, and the packet that lets a client of Socket.IO in.
const TEXT: u8 = 0x81;
const CONNECT: &[u8] = b"40";

/// How long what waits is still offered to the peer when the connection is over for everybody else.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// A grip on a TCP connection from outside the task that serves it.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    stream: Weak<Kept>,
    traffic: Arc<Traffic>,
}

/// A TCP stream, and what is kept as long as there is one.
struct Kept {
    stream: TcpStream,
    _with: Box<dyn Send + Sync>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// What went through a connection so far, and what waits.
#[derive(Debug, Default)]
struct Traffic {
    read: AtomicU64,
    written: AtomicU64,
    /// Once a gateway has taken the writing over.
    outgoing: Mutex<Option<Outgoing>>,
    /// Cancelled when nobody reads from the connection any more.
    over: CancellationToken,
}

/// What was not given to the kernel yet.
#[derive(Debug)]
struct Outgoing {
    waiting: VecDeque<u8>,
    /// Until the client has been let in: what it is told before that waits.
    is_held: bool,
    /// A task is waiting for the kernel to take more.
    is_flushing: bool,
}

/// Why something was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The connection is over.
    Over,
    /// Too much waits for the peer already.
    Full,
}

impl Wire {
    /// Whether the connection is not over yet.
    pub(super) fn is_open(&self) -> bool {
        self.stream.strong_count() > 0
    }

    /// How many bytes the peer has sent so far.
    pub(super) fn read(&self) -> u64 {
        self.traffic.read.load(Ordering::Relaxed)
    }

    /// How many bytes the kernel has taken for the peer so far.
    pub(super) fn written(&self) -> u64 {
        self.traffic.written.load(Ordering::Relaxed)
    }

    /// How many bytes wait for the kernel to take them.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.traffic.outgoing).as_ref().map_or(0, |outgoing| outgoing.waiting.len())
    }

    /// Ends the connection at once, for both sides, whatever is still queued.
    pub(super) fn cut(&self) {
        if let Some(stream) = self.stream.upgrade() {
            // It fails when the connection is over already.
            let _ = SockRef::from(&stream.stream).shutdown(std::net::Shutdown::Both);
        }
    }

    /// From now on what is [sent](Wire::send) here is this connection's traffic. It waits until the
    /// library has let the client in.
    pub(super) fn take_over(&self) {
        lock(&self.traffic.outgoing).get_or_insert(Outgoing {
            waiting: VecDeque::new(),
            is_held: true,
            is_flushing: false,
        });
    }

    /// Sends whole frames, after everything that was sent before.
    pub(super) fn send(&self, frames: &[u8]) -> Result<(), Unsent> {
        let kept = self.stream.upgrade().ok_or(Unsent::Over)?;
        let mut traffic = lock(&self.traffic.outgoing);
        let outgoing = traffic.as_mut().ok_or(Unsent::Over)?;
        let mut sent = 0;
        if outgoing.waiting.is_empty() && !outgoing.is_held {
            sent = self.traffic.write(&kept.stream, frames).map_err(|_| Unsent::Over)?;
        } else if !outgoing.waiting.is_empty() && outgoing.waiting.len() + frames.len() > MAX_WAITING {
            return Err(Unsent::Full);
        }
        outgoing.waiting.extend(&frames[sent..]);
        self.flush_later(outgoing, kept);
        Ok(())
    }

    fn flush_later(&self, outgoing: &mut Outgoing, kept: Arc<Kept>) {
        if outgoing.waiting.is_empty() || outgoing.is_held || outgoing.is_flushing {
            return;
        }
        outgoing.is_flushing = true;
        let traffic = self.traffic.clone();
        tokio::spawn(async move {
            let flushed = async {
                // Cutting the connection makes it writable, and writing fail.
                while kept.stream.writable().await.is_ok()
                    && traffic.flush(&kept.stream).is_ok_and(|is_done| !is_done)
                {}
            };
            let given_up = async {
                traffic.over.cancelled().await;
                tokio::time::sleep(LAST_WORDS).await;
            };
            tokio::select! {
                () = flushed => {}
                () = given_up => {}
            }
        });
    }
}

impl Traffic {
    /// Gives the kernel as much as it takes now.
    fn write(&self, stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        // Not through tokio, whose book on who may be written to is one more thing to look up.
        match SockRef::from(stream).send(bytes) {
            Ok(written) => {
                self.written.fetch_add(written as u64, Ordering::Relaxed);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Gives the kernel what waits; whether that was all.
    fn flush(&self, stream: &TcpStream) -> io::Result<bool> {
        let mut traffic = lock(&self.outgoing);
        let Some(outgoing) = traffic.as_mut() else { return Ok(true) };
        // Through tokio, which is to wait when the kernel takes no more.
        let written = match stream.try_write(outgoing.waiting.as_slices().0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            written => written?,
        };
        self.written.fetch_add(written as u64, Ordering::Relaxed);
        outgoing.waiting.drain(..written);
        outgoing.is_flushing = !outgoing.waiting.is_empty();
        if !outgoing.is_flushing {
            // Who was slow once must not keep the memory for ever.
            outgoing.waiting = VecDeque::new();
        }
        Ok(!outgoing.is_flushing)
    }
}

/// A TCP stream whose [`Wire`] measures it, writes to it and cuts it.
pub(super) struct Metered {
    kept: Arc<Kept>,
    traffic: Arc<Traffic>,
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.traffic.over.cancel();
    }
}

impl Metered {
    /// Keeps `with` as long as the stream is open, which may be a little longer than this.
    pub(super) fn new(stream: TcpStream, with: impl Send + Sync + 'static) -> Metered {
        Metered { kept: Arc::new(Kept { stream, _with: Box::new(with) }), traffic: Arc::default() }
    }

    pub(super) fn wire(&self) -> Wire {
        Wire { stream: Arc::downgrade(&self.kept), traffic: self.traffic.clone() }
    }

    /// Whole frames of the library's, on a connection that was taken over. Who makes it answer ping
    /// after ping and reads none of them is cut like anybody else who does not read.
    fn pass(&self, outgoing: &mut Outgoing, frames: &[u8]) -> io::Result<()> {
        if outgoing.waiting.len() + frames.len() > MAX_WAITING {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if outgoing.is_held {
            // The first words on a connection: a peer that has no room for them has none for more.
            if self.traffic.write(&self.kept.stream, frames)? < frames.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
            outgoing.is_held = !lets_in(frames);
        } else {
            let mut passed = 0;
            if outgoing.waiting.is_empty() {
                passed = self.traffic.write(&self.kept.stream, frames)?;
            }
            outgoing.waiting.extend(&frames[passed..]);
        }
        self.wire().flush_later(outgoing, self.kept.clone());
        Ok(())
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        send: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.kept.stream.poll_write_ready(cx))?;
            match send(&self.kept.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(sent) => {
                    self.traffic.written.fetch_add(sent as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(sent));
                }
            }
        }
    }
}

/// Whether one of these frames (RFC 6455 §5.2) is the packet that lets a client in.
fn lets_in(mut frames: &[u8]) -> bool {
    while let [kind, length, rest @ ..] = frames {
        let (length, rest) = match (length, rest) {
            (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            // Nothing so long comes before it.
            (127, _) => return false,
            (length, rest) => (usize::from(*length), rest),
        };
        let Some((payload, rest)) = rest.split_at_checked(length) else { return false };
        if *kind == TEXT && payload.starts_with(CONNECT) {
            return true;
        }
        frames = rest;
    }
    false
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.kept.stream.poll_read_ready(cx))?;
            match self.kept.stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    self.traffic.read.fetch_add(read as u64, Ordering::Relaxed);
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                // Readiness may be stale; reading cleared it, so asking again will wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(outgoing) = &mut *lock(&self.traffic.outgoing) {
            return Poll::Ready(self.pass(outgoing, bytes).map(|()| bytes.len()));
        }
        self.poll_send(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if lock(&self.traffic.outgoing).is_some() {
            // Together, for a frame may be spread over them.
            let together: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            return self.poll_write(cx, &together);
        }
        self.poll_send(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.kept.stream).shutdown(std::net::Shutdown::Write))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        [&[kind, payload.len() as u8], payload].concat()
    }

    #[test]
    fn only_the_packet_that_lets_a_client_in_does() {
        assert!(lets_in(&frame(TEXT, b"40{}")));
        assert!(lets_in(&[frame(TEXT, b"2"), frame(TEXT, b"40")].concat()));
        let pong = 0x8A;
        for other in [frame(TEXT, b"0{\"sid\":\"a40\"}"), frame(pong, b"40"), frame(TEXT, b"2"), vec![TEXT]] {
            assert!(!lets_in(&other), "{other:?}");
        }
    }

    const LET_IN: &[u8] = b"\x81\x0640{\"\"}";

    async fn connection() -> (Metered, Wire, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = Metered::new(listener.accept().await.unwrap().0, ());
        let wire = stream.wire();
        wire.take_over();
        (stream, wire, client)
    }

    #[tokio::test]
    async fn what_is_sent_before_the_client_is_let_in_comes_after_that_in_order() {
        let (mut library, wire, mut client) = connection().await;
        wire.send(b"first ").unwrap();
        wire.send(b"second ").unwrap();
        library.write_all(LET_IN).await.unwrap();
        wire.send(b"third").unwrap();
        let mut heard = vec![0; LET_IN.len() + 18];
        client.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, [LET_IN, b"first second third"].concat());
    }

    #[tokio::test]
    async fn a_slow_reader_hears_everything_in_order_and_the_library_between_whole_frames() {
        let (mut library, wire, mut client) = connection().await;
        library.write_all(LET_IN).await.unwrap();
        let mut expected = LET_IN.to_vec();
        for number in 0.. {
            let frame = format!("{number:08}").repeat(512);
            if wire.send(frame.as_bytes()) == Err(Unsent::Full) {
                break;
            }
            expected.extend(frame.as_bytes());
            if number % 10 == 0 {
                library.write_all(b"ping").await.unwrap();
                expected.extend(b"ping");
            }
        }
        let mut heard = vec![0; expected.len()];
        client.read_exact(&mut heard).await.unwrap();
        assert!(heard == expected, "{} bytes, not in order", heard.len());
        wire.send(b"again").unwrap();
        client.read_exact(&mut heard[..5]).await.unwrap();
        assert_eq!(&heard[..5], b"again");
    }

    #[tokio::test]
    async fn a_connection_that_is_over_takes_nothing() {
        let (library, wire, _client) = connection().await;
        drop(library);
        assert_eq!(wire.send(b"hello?"), Err(Unsent::Over));
    }
}
