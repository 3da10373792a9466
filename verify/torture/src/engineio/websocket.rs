//! The WebSocket transport.

use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{EngineChannels, EngineConnection, PATH};
use crate::net::{dial, protocol_error};

pub(super) type Socket = WebSocketStream<TcpStream>;

/// Opens a session over a WebSocket.
pub(super) async fn open(address: SocketAddr) -> io::Result<EngineConnection> {
    let stream = dial(address).await?;
    let (mut connection, ends) = EngineConnection::new(&stream)?;
    run(&mut connection, ends, handshake(address, stream, "").await?);
    Ok(connection)
}

/// Performs the handshake, for the session that `query` names if any.
pub(super) async fn handshake(address: SocketAddr, stream: TcpStream, query: &str) -> io::Result<Socket> {
    let url = format!("ws://{address}{PATH}&transport=websocket{query}");
    let (socket, _) = client_async(url, stream).await.map_err(protocol_error)?;
    Ok(socket)
}

/// Starts the tasks that move the connection's packets over this WebSocket.
pub(super) fn run(
    connection: &mut EngineConnection,
    EngineChannels { received, mut to_send }: EngineChannels,
    socket: Socket,
) {
    let (mut sink, mut stream) = socket.split();
    connection.tasks.spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message
                && received.send(text.as_str().to_owned()).await.is_err()
            {
                break;
            }
        }
    });
    connection.tasks.spawn(async move {
        while let Some(packets) = to_send.recv().await {
            for packet in packets {
                if sink.feed(Message::text(packet)).await.is_err() {
                    return;
                }
            }
            if sink.flush().await.is_err() {
                return;
            }
        }
    });
}
