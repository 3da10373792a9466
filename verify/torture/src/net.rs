//! What the clients of all transports share: opening TCP connections, and errors.

use std::{io, net::SocketAddr};

use tokio::net::TcpStream;

/// Connects without Nagle's algorithm.
pub(crate) async fn dial(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Wraps an answer that breaks the protocol.
pub(crate) fn protocol_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(error)
}
