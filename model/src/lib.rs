//! Madang's protocol as a model small enough to try every order of events, and a checker that does.
//!
//! The tests of the server and the page show that the code does what was meant. Here it is shown
//! that what was meant is right: whatever is cut, lost, full or killed at whichever moment, nothing
//! acknowledged is lost, nothing is doubled, everybody sees one order, and when the trouble ends
//! everybody has everything. `protocol` names what can happen and `promises` what must hold;
//! `checker` tries all of it and shows a shortest way to whatever is broken.
//!
//! **Modelled.** One room. Clients that write, lose their connection, come back and join again, or are
//! closed and opened again with nothing but what is on their disk. Lines whose two directions are
//! queues in order, which end at either end at any moment and lose what was on its way, and on which
//! a packet may also vanish without a trace. A session per line that does one command at a time, each
//! step of `join` for itself; what an ended line had still brought to the server is done beside the
//! line that followed it. The writer: the queue, the group in one transaction, a commit that may
//! fail, the answers after it. The bus; queues that overflow; heartbeats; a kill at any moment, after
//! which only what was committed is left. Time only as far as it may pass: nothing but a packet that
//! vanished may have to wait for a heartbeat or for a client's patience to end.
//!
//! **The code itself.** What a client knows is held by the page's own `Timeline` and `Outbox`, whose
//! files are compiled in here. The order in which they are asked is a small copy of `app/src/chat`,
//! in `client`; the server is a small copy of `server/src/chat` and `server/src/store`.
//!
//! **Not modelled.** More than one room, seats, names, limits, texts and time in figures. Older pages
//! of history, which change nothing of what is promised here. A room restored from a backup. What
//! SQLite and the disk do: a commit is durable or did not happen. Two ended lines of one client whose
//! commands are both still on the server.

pub mod checker;
pub mod protocol;

mod client;
mod line;
mod memory;
mod promises;
mod server;
mod words;

// What is checked is what runs in the browser. Here not everything of it is called.
#[path = "../../app/src/state/fold.rs"]
mod fold;
#[allow(dead_code)]
#[path = "../../app/src/state/outbox.rs"]
mod outbox;
#[allow(dead_code)]
#[path = "../../app/src/state/timeline.rs"]
mod timeline;
