//! The state of the model: clients, connections and the server.

use crate::{client::Client, config::Faults, connection::Channel, server::Server};

/// The state of all clients, connections and the server.
#[derive(Clone, Hash)]
pub struct State {
    pub(crate) server: Server,
    pub(crate) channels: Vec<Channel>,
    pub(crate) clients: Vec<Client>,
    pub(crate) remaining: Faults,
}

impl State {
    /// Closes the client's end of its connection.
    pub(crate) fn give_up(&mut self, number: usize) {
        self.clients[number].reset_connection();
        self.channels[number].give_up();
        self.server.forget_waiters(number);
    }
}
