//! The library under Madang with its local adapter and nothing else: what storing, numbering and
//! bounding cost on top of it is the difference to Madang.

use std::{convert::Infallible, net::Ipv4Addr};

use ::socketioxide::{
    SocketIo,
    extract::{AckSender, Data, SocketRef},
    handler::ConnectHandler,
};
use tokio::net::TcpListener;

/// Serves until it is killed.
pub(crate) fn serve() -> anyhow::Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (layer, io) = SocketIo::new_layer();
        io.ns("/", (async || {}).with(greet));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("socketioxide is open at http://{}", listener.local_addr()?);
        axum::serve(listener, axum::Router::new().layer(layer)).await?;
        Ok(())
    })
}

/// Runs before the client is told that it is in: later handlers would miss its first words.
async fn greet(socket: SocketRef) -> Result<(), Infallible> {
    socket.on("room", async |socket: SocketRef, Data::<String>(room), done: AckSender| {
        socket.join(room);
        // It fails when the client is gone.
        let _ = done.send(&());
    });
    socket.on("chat message", async |socket: SocketRef, Data::<String>(text), done: AckSender| {
        // So does this, for each member that is gone or does not keep up.
        let _ = socket.within(socket.rooms()).emit("chat message", &text).await;
        let _ = done.send(&());
    });
    Ok(())
}
