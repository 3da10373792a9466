//! The proof of Madang's delivery promise: nothing acknowledged is lost, nothing is doubled, and there is
//! one order.
//!
//! In reading order: a campaign starts the real program and a group of clients, injects faults over and
//! over, and passes the clients' histories and the stored log to the checker, which knows neither the
//! server nor the clients. The same code runs at every size.

pub mod campaign;

pub mod checker;
pub mod history;
pub mod log;

pub mod client;
pub mod client_group;
pub mod controls;
pub mod transports;

pub mod engineio;
pub mod http_api;
pub mod socketio;

mod http;
mod net;

pub mod disk;
pub mod harness;
pub mod proxy;
pub mod report;
pub mod server;
