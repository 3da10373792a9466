//! The WebSocket transport.

use std::{io, net::SocketAddr};

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

use super::{Ends, Line, PATH, broken, dial};

pub(super) type Socket = WebSocketStream<TcpStream>;

/// Opens a session over a WebSocket of its own.
pub(super) async fn open(address: SocketAddr) -> io::Result<Line> {
    let stream = dial(address).await?;
    let (mut line, ends) = Line::new(&stream)?;
    carry(&mut line, ends, handshake(address, stream, "").await?);
    Ok(line)
}

/// Makes the WebSocket, for the session that `query` names if any.
pub(super) async fn handshake(address: SocketAddr, stream: TcpStream, query: &str) -> io::Result<Socket> {
    let url = format!("ws://{address}{PATH}&transport=websocket{query}");
    let (socket, _) = client_async(url, stream).await.map_err(broken)?;
    Ok(socket)
}

/// Carries the line's packets over this WebSocket.
pub(super) fn carry(line: &mut Line, Ends { told, mut orders }: Ends, socket: Socket) {
    let (mut sink, mut stream) = socket.split();
    line.tasks.spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message
                && told.send(text.as_str().to_owned()).await.is_err()
            {
                break;
            }
        }
    });
    line.tasks.spawn(async move {
        while let Some(packets) = orders.recv().await {
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
