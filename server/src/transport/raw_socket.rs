//! A TCP connection with two owners: the [`MeteredStream`] that hyper and the libraries above it
//! read and write, and the [`ConnectionHandle`] with which a transport counts the connection's
//! bytes, writes to it, and shuts it down.
//!
//! A transport that takes over the writes passes frames to the kernel directly in the caller's
//! task: there is no queue and no task to wake, and a frame encoded once for a whole room is not
//! copied for each client. Only what the kernel does not accept is buffered, up to a bound. Frames
//! that the library still writes (pings, the close) are placed between ours, never inside one.

use std::{
    collections::VecDeque,
    fmt, io,
    pin::Pin,
    sync::{
        Arc, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use parking_lot::Mutex;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

/// The most bytes that may be queued for one client of any transport. Together with the buffers of
/// the kernel and the libraries this stays below 1 MiB.
pub(super) const MAX_QUEUED_BYTES: usize = 512 * 1024;

/// The first bytes of a WebSocket's text and close frames, and the
/// Socket.IO packet that tells a client that it is connected.
const TEXT_FRAME: u8 = 0x81;
const CLOSE_FRAME: u8 = 0x88;
const CONNECT_PACKET: &[u8] = b"40";

/// How long buffered bytes are still flushed after the library has dropped the connection.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);

/// Access to a TCP connection from outside the task that serves it.
#[derive(Clone, Debug)]
pub(super) struct ConnectionHandle {
    stream: Weak<SharedStream>,
    state: Arc<ConnectionState>,
}

/// A TCP stream, and a value (the connection's permit) that is dropped together with it.
struct SharedStream {
    stream: TcpStream,
    _permit: Box<dyn Send + Sync>,
}

impl fmt::Debug for SharedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// The byte counters and the write buffer of a connection.
#[derive(Debug, Default)]
struct ConnectionState {
    bytes_read: AtomicU64,
    bytes_written: AtomicU64,
    /// Present once a transport has taken over the writes.
    write_buffer: Mutex<Option<WriteBuffer>>,
    /// Cancelled when the library has dropped the connection.
    dropped: CancellationToken,
    read_pause: Mutex<ReadPause>,
    /// The sessions that were opened over this connection and have not entered the namespace yet.
    open_handshakes: AtomicUsize,
}

/// Whether reading is paused, and the task that waits for its end.
#[derive(Debug, Default)]
struct ReadPause {
    is_paused: bool,
    /// The connection was shut down, and is never paused again.
    is_over: bool,
    waiting: Option<Waker>,
}

/// Bytes the kernel has not accepted yet.
#[derive(Debug)]
struct WriteBuffer {
    bytes: VecDeque<u8>,
    /// Holds everything back until the client has been told that it is connected.
    is_held: bool,
    /// The library has written its close frame, which nothing may follow (RFC 6455 §5.5.1).
    is_closed: bool,
    /// A task is waiting to flush.
    is_flushing: bool,
}

/// Why frames were not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteError {
    /// The connection is closed.
    Closed,
    /// Too many bytes are buffered for the peer already.
    Full,
}

impl ConnectionHandle {
    /// Whether the connection is still open.
    pub(super) fn is_open(&self) -> bool {
        self.stream.strong_count() > 0
    }

    /// The number of bytes received from the peer.
    pub(super) fn bytes_read(&self) -> u64 {
        self.state.bytes_read.load(Ordering::Relaxed)
    }

    /// The number of bytes the kernel has accepted for the peer.
    pub(super) fn bytes_written(&self) -> u64 {
        self.state.bytes_written.load(Ordering::Relaxed)
    }

    /// Reads nothing more from the peer, so that TCP slows it down, until [`ConnectionHandle::resume_reading`].
    pub(super) fn pause_reading(&self) {
        let mut read_pause = self.state.read_pause.lock();
        read_pause.is_paused = !read_pause.is_over;
    }

    /// Reads from the peer again.
    pub(super) fn resume_reading(&self) {
        let mut read_pause = self.state.read_pause.lock();
        read_pause.is_paused = false;
        if let Some(waiting) = read_pause.waiting.take() {
            waiting.wake();
        }
    }

    /// The number of sessions that were opened over this connection and have not entered the namespace yet.
    pub(super) fn open_handshakes(&self) -> &AtomicUsize {
        &self.state.open_handshakes
    }

    /// The number of buffered bytes.
    pub(super) fn queued_bytes(&self) -> usize {
        self.state.write_buffer.lock().as_ref().map_or(0, |write_buffer| write_buffer.bytes.len())
    }

    /// Closes the connection at once in both directions, whatever is still buffered.
    pub(super) fn shutdown(&self) {
        if let Some(stream) = self.stream.upgrade() {
            // Fails if the connection is already closed.
            let _ = SockRef::from(&stream.stream).shutdown(std::net::Shutdown::Both);
        }
        // The library notices the end by reading.
        self.state.read_pause.lock().is_over = true;
        self.resume_reading();
    }

    /// Takes over the writes: frames [sent](ConnectionHandle::send) here are buffered until the
    /// library has told the client that it is connected, and written directly after that.
    pub(super) fn take_over_writes(&self) {
        self.state.write_buffer.lock().get_or_insert(WriteBuffer {
            bytes: VecDeque::new(),
            is_held: true,
            is_closed: false,
            is_flushing: false,
        });
    }

    /// Writes whole frames, after everything that was sent before.
    pub(super) fn send(&self, frames: &[u8]) -> Result<(), WriteError> {
        let shared = self.stream.upgrade().ok_or(WriteError::Closed)?;
        let mut locked = self.state.write_buffer.lock();
        let write_buffer = locked.as_mut().ok_or(WriteError::Closed)?;
        if write_buffer.is_closed {
            // Dropped without an error: commands that the client sent before it left are still handled,
            // and an error would end its session first.
            return Ok(());
        }
        let mut sent = 0;
        if write_buffer.bytes.is_empty() && !write_buffer.is_held {
            sent = self.state.write(&shared.stream, frames).map_err(|_| WriteError::Closed)?;
        } else if !write_buffer.bytes.is_empty() && write_buffer.bytes.len() + frames.len() > MAX_QUEUED_BYTES
        {
            return Err(WriteError::Full);
        }
        write_buffer.bytes.extend(&frames[sent..]);
        self.flush_later(write_buffer, shared);
        Ok(())
    }

    fn flush_later(&self, write_buffer: &mut WriteBuffer, shared: Arc<SharedStream>) {
        if write_buffer.bytes.is_empty() || write_buffer.is_held || write_buffer.is_flushing {
            return;
        }
        write_buffer.is_flushing = true;
        let state = self.state.clone();
        tokio::spawn(async move {
            let flushed = async {
                // Shutting the connection down makes it writable, and writing fail.
                while shared.stream.writable().await.is_ok()
                    && state.flush(&shared.stream).is_ok_and(|is_empty| !is_empty)
                {}
            };
            let timed_out = async {
                state.dropped.cancelled().await;
                tokio::time::sleep(FLUSH_TIMEOUT).await;
            };
            tokio::select! {
                () = flushed => {}
                () = timed_out => {}
            }
        });
    }
}

impl ConnectionState {
    /// Writes as many bytes as the kernel accepts now.
    fn write(&self, stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        // Bypasses tokio's readiness check; send(2) reports EWOULDBLOCK itself.
        match SockRef::from(stream).send(bytes) {
            Ok(written) => {
                self.bytes_written.fetch_add(written as u64, Ordering::Relaxed);
                Ok(written)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Writes buffered bytes; returns whether the buffer is empty now.
    fn flush(&self, stream: &TcpStream) -> io::Result<bool> {
        let mut locked = self.write_buffer.lock();
        let Some(write_buffer) = locked.as_mut() else { return Ok(true) };
        // Through tokio, so that its readiness is cleared and `writable` waits for the kernel.
        let written = match stream.try_write(write_buffer.bytes.as_slices().0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            written => written?,
        };
        self.bytes_written.fetch_add(written as u64, Ordering::Relaxed);
        write_buffer.bytes.drain(..written);
        write_buffer.is_flushing = !write_buffer.bytes.is_empty();
        if !write_buffer.is_flushing {
            // Frees the memory of a connection that was slow once.
            write_buffer.bytes = VecDeque::new();
        }
        Ok(!write_buffer.is_flushing)
    }
}

/// The stream that the library owns; its [`ConnectionHandle`] counts, writes and closes.
pub(super) struct MeteredStream {
    shared: Arc<SharedStream>,
    state: Arc<ConnectionState>,
}

impl Drop for MeteredStream {
    fn drop(&mut self) {
        self.state.dropped.cancel();
    }
}

impl MeteredStream {
    /// Wraps a stream. `permit` is dropped with the TCP stream, which may be a little later than this.
    pub(super) fn new(stream: TcpStream, permit: impl Send + Sync + 'static) -> MeteredStream {
        MeteredStream {
            shared: Arc::new(SharedStream { stream, _permit: Box::new(permit) }),
            state: Arc::default(),
        }
    }

    pub(super) fn handle(&self) -> ConnectionHandle {
        ConnectionHandle { stream: Arc::downgrade(&self.shared), state: self.state.clone() }
    }

    /// Writes whole frames of the library after ours. The buffer's bound applies to them too, so
    /// that a peer that sends pings and never reads the pongs is disconnected.
    fn write_from_library(&self, write_buffer: &mut WriteBuffer, frames: &[u8]) -> io::Result<()> {
        if write_buffer.bytes.len() + frames.len() > MAX_QUEUED_BYTES {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if write_buffer.is_held {
            // These are the first bytes of the connection, so a
            // peer without room for them does not read at all.
            if self.state.write(&self.shared.stream, frames)? < frames.len() {
                return Err(io::ErrorKind::WriteZero.into());
            }
            write_buffer.is_held = !frames_of(frames).any(is_connect_packet);
        } else {
            let mut written = 0;
            if write_buffer.bytes.is_empty() {
                written = self.state.write(&self.shared.stream, frames)?;
            }
            write_buffer.bytes.extend(&frames[written..]);
        }
        write_buffer.is_closed |= frames_of(frames).any(|(kind, _)| kind == CLOSE_FRAME);
        self.handle().flush_later(write_buffer, self.shared.clone());
        Ok(())
    }

    fn poll_write_with(
        &self,
        cx: &mut Context<'_>,
        send: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.shared.stream.poll_write_ready(cx))?;
            match send(&self.shared.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(sent) => {
                    self.state.bytes_written.fetch_add(sent as u64, Ordering::Relaxed);
                    return Poll::Ready(Ok(sent));
                }
            }
        }
    }
}

/// Whether this is the Socket.IO packet that tells a client that it is connected.
fn is_connect_packet((kind, payload): (u8, &[u8])) -> bool {
    kind == TEXT_FRAME && payload.starts_with(CONNECT_PACKET)
}

/// The first byte and the payload of each of a server's frames (RFC 6455 §5.2), up to one that is cut.
fn frames_of(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let [kind, length, rest @ ..] = bytes else { return None };
        let (length, rest) = match length {
            126 => rest
                .split_first_chunk()
                .map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?,
            127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
            length => (u64::from(*length), rest),
        };
        let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        bytes = rest;
        Some((*kind, payload))
    })
}

impl AsyncRead for MeteredStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        {
            let mut read_pause = self.state.read_pause.lock();
            if read_pause.is_paused {
                read_pause.waiting = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
        loop {
            ready!(self.shared.stream.poll_read_ready(cx))?;
            match self.shared.stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    self.state.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                // Readiness may be stale; the read cleared it, so polling again will wait.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for MeteredStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if let Some(write_buffer) = &mut *self.state.write_buffer.lock() {
            return Poll::Ready(self.write_from_library(write_buffer, bytes).map(|()| bytes.len()));
        }
        self.poll_write_with(cx, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.state.write_buffer.lock().is_some() {
            // Joined, because one frame may be spread over several slices.
            let frames: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            return self.poll_write(cx, &frames);
        }
        self.poll_write_with(cx, |stream| stream.try_write_vectored(slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&self.shared.stream).shutdown(std::net::Shutdown::Write))
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

    fn contains_connect_packet(frames: &[u8]) -> bool {
        frames_of(frames).any(is_connect_packet)
    }

    #[test]
    fn only_the_connect_packet_is_recognised() {
        assert!(contains_connect_packet(&frame(TEXT_FRAME, b"40{}")));
        assert!(contains_connect_packet(&[frame(TEXT_FRAME, b"2"), frame(TEXT_FRAME, b"40")].concat()));
        let long = [vec![TEXT_FRAME, 126, 1, 0], vec![b'x'; 256]].concat();
        assert!(contains_connect_packet(&[long, frame(TEXT_FRAME, b"40")].concat()));
        let pong = 0x8A;
        for other in [
            frame(TEXT_FRAME, b"0{\"sid\":\"a40\"}"),
            frame(pong, b"40"),
            frame(TEXT_FRAME, b"2"),
            vec![TEXT_FRAME],
        ] {
            assert!(!contains_connect_packet(&other), "{other:?}");
        }
    }

    const CONNECT_FRAME: &[u8] = b"\x81\x0640{\"\"}";

    async fn connection() -> (MeteredStream, ConnectionHandle, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let stream = MeteredStream::new(listener.accept().await.unwrap().0, ());
        let handle = stream.handle();
        handle.take_over_writes();
        (stream, handle, client)
    }

    #[tokio::test]
    async fn frames_sent_before_the_connect_packet_follow_it_in_order() {
        let (mut library, handle, mut client) = connection().await;
        handle.send(b"first ").unwrap();
        handle.send(b"second ").unwrap();
        library.write_all(CONNECT_FRAME).await.unwrap();
        handle.send(b"third").unwrap();
        let mut received = vec![0; CONNECT_FRAME.len() + 18];
        client.read_exact(&mut received).await.unwrap();
        assert_eq!(received, [CONNECT_FRAME, b"first second third"].concat());
    }

    #[tokio::test]
    async fn a_slow_reader_receives_everything_in_order_with_the_librarys_frames_in_between() {
        let (mut library, handle, mut client) = connection().await;
        library.write_all(CONNECT_FRAME).await.unwrap();
        let mut expected = CONNECT_FRAME.to_vec();
        for number in 0.. {
            let frame = format!("{number:08}").repeat(512);
            if handle.send(frame.as_bytes()) == Err(WriteError::Full) {
                break;
            }
            expected.extend(frame.as_bytes());
            if number % 10 == 0 {
                library.write_all(b"ping").await.unwrap();
                expected.extend(b"ping");
            }
        }
        let mut received = vec![0; expected.len()];
        client.read_exact(&mut received).await.unwrap();
        assert!(received == expected, "{} bytes, not in order", received.len());
        handle.send(b"again").unwrap();
        client.read_exact(&mut received[..5]).await.unwrap();
        assert_eq!(&received[..5], b"again");
    }

    #[tokio::test]
    async fn nothing_follows_the_close_frame() {
        let (mut library, handle, mut client) = connection().await;
        library.write_all(CONNECT_FRAME).await.unwrap();
        let close = frame(CLOSE_FRAME, &[3, 232]);
        library.write_all(&close).await.unwrap();
        assert_eq!(handle.send(b"too late"), Ok(()));
        drop((library, handle));
        let mut received = Vec::new();
        client.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, [CONNECT_FRAME, &close].concat());
    }

    #[tokio::test]
    async fn a_closed_connection_accepts_nothing() {
        let (library, handle, _client) = connection().await;
        drop(library);
        assert_eq!(handle.send(b"hello?"), Err(WriteError::Closed));
    }
}
