//! The library under Madang with its local adapter and nothing else: the difference to Madang is the cost
//! of storing, numbering and bounding.

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
        io.ns("/", (async || {}).with(register_handlers));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        println!("socketioxide is open at http://{}", listener.local_addr()?);
        axum::serve(listener, axum::Router::new().layer(layer)).await?;
        Ok(())
    })
}

/// Runs before the client learns that it is connected; handlers added later would miss its first commands.
async fn register_handlers(socket: SocketRef) -> Result<(), Infallible> {
    socket.on("room", async |socket: SocketRef, Data::<String>(room), done: AckSender| {
        socket.join(room);
        // Fails when the client has disconnected.
        let _ = done.send(&());
    });
    socket.on("chat message", async |socket: SocketRef, Data::<String>(text), done: AckSender| {
        // Also fails for each member that has disconnected or does not keep up.
        let _ = socket.within(socket.rooms()).emit("chat message", &text).await;
        let _ = done.send(&());
    });
    Ok(())
}
