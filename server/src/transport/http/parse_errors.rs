//! Gives hyper's own responses a body.
//!
//! A request that hyper cannot parse reaches no handler: hyper answers with a status alone and closes the
//! connection. It has no hook for that, so the stream below it recognises such a response and writes a
//! whole one instead. Every response of ours carries the security headers; hyper's own does not.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{MAX_HEAD_BYTES, MAX_HEADERS};
use crate::transport::{
    error::{Refused, RefusedReply},
    guard::{NO_STORE, add_security_headers},
};

/// A longer write is not hyper's own response, which has four header lines.
const MAX_OWN_RESPONSE: usize = 256;

/// A stream on which hyper's own responses have a body.
pub(super) struct ParseErrorStream<S> {
    stream: S,
    /// What is left of the response that replaces hyper's.
    replacement: Option<Vec<u8>>,
}

impl<S> ParseErrorStream<S> {
    pub(super) fn new(stream: S) -> ParseErrorStream<S> {
        ParseErrorStream { stream, replacement: None }
    }
}

/// Returns the status if this is a response that hyper made itself.
fn own_status(bytes: &[u8]) -> Option<StatusCode> {
    let head = bytes.strip_prefix(b"HTTP/1.1 4").filter(|_| bytes.len() <= MAX_OWN_RESPONSE)?;
    let head = std::str::from_utf8(head).ok().filter(|head| head.ends_with("\r\n\r\n"))?;
    let is_own = head.contains("\r\ncontent-length: 0\r\n") && !head.contains("x-content-type-options");
    let code = head.get(..2).filter(|_| is_own)?.parse::<u16>().ok()?;
    StatusCode::from_u16(400 + code).ok()
}

/// The whole response with this status, as it is sent.
fn response(status: StatusCode) -> Vec<u8> {
    let sentence = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            let kib = MAX_HEAD_BYTES / 1024;
            format!("The head of a request has at most {kib} KiB and {MAX_HEADERS} lines.")
        }
        _ => "That is no HTTP request which this server understands.".to_owned(),
    };
    let refused = Refused::malformed(status, sentence);
    let body = serde_json::to_vec(&RefusedReply { error: &refused }).unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CONTENT_LENGTH, body.len().into());
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    add_security_headers(&mut headers);
    let mut response = format!("HTTP/1.1 {status}\r\n").into_bytes();
    for (name, value) in &headers {
        response.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    response.extend(b"\r\n");
    response.extend(body);
    response
}

impl<S: AsyncRead + Unpin> AsyncRead for ParseErrorStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ParseErrorStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let ParseErrorStream { stream, replacement } = &mut *self;
        if replacement.is_none() {
            match own_status(bytes) {
                Some(status) => *replacement = Some(response(status)),
                None => return Pin::new(stream).poll_write(cx, bytes),
            }
        }
        // Until all of the replacement is written, hyper offers the same bytes again.
        while let Some(rest) = replacement.as_mut().filter(|rest| !rest.is_empty()) {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.drain(..written);
        }
        *replacement = None;
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [bytes] = slices {
            return self.poll_write(cx, bytes);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
