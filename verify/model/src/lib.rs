//! A model of Madang's protocol that is small enough to try every order of events, and a checker
//! that does so.
//!
//! The tests of the server and of the page show that the code does what was intended. The model
//! shows that the intention is right: whatever is closed, lost, full or killed at any moment, no
//! acknowledged message is lost or doubled, all clients see one order, and once the faults end all
//! clients have all messages. `protocol` lists the actions and `invariants` what must hold;
//! `checker` tries every order and prints a shortest counterexample.
//!
//! **Modelled.** One room. Clients that write, lose their connection, reconnect and join again, or
//! are closed and reopened with only what is on their disk. Connections with two ordered queues;
//! either end may close one at any moment and lose the packets in flight, and a packet may vanish
//! without a trace. One session per connection, which executes one command at a time and does
//! `join` in separate steps; commands left over from a closed connection are executed concurrently
//! with those of the next one. The writer: its queue, the transaction that holds a group of
//! messages, a commit that may fail, the answers after it. The bus; queues that overflow;
//! heartbeats; a kill of the server at any moment, after which only committed data is left. Time
//! passes only where it must: only the loss of a packet may make a client wait for a heartbeat or
//! for a timeout.
//!
//! **Real code.** A client's state is the page's own `Timeline` and `Outbox`, whose files are
//! compiled into this crate. The code that calls them is a small copy of `app/src/chat`, in
//! `client`; the server is a small copy of `server/src/chat` and `server/src/store`.
//!
//! **Not modelled.** More than one room, seats, names, limits, texts, and times as numbers. Older
//! pages of history, which do not affect the invariants. A room restored from a backup. What SQLite
//! and the disk do: a commit is durable or did not happen. Two closed connections of one client
//! whose commands are both still on the server.

pub mod checker;
pub mod config;
pub mod protocol;

mod client;
mod connection;
mod invariants;
mod packets;
mod page_state;
mod server;
mod state;

// The files of the page, so that the checked code is the code that runs. The model does not call
// all of it.
#[allow(dead_code)]
#[path = "../../../app/src/state/outbox.rs"]
mod outbox;
#[path = "../../../app/src/state/reducer.rs"]
mod reducer;
#[allow(dead_code)]
#[path = "../../../app/src/state/timeline.rs"]
mod timeline;
