//! The proof of Madang's delivery promise: nothing acknowledged is lost, nothing is doubled, and
//! there is one order.
//!
//! In reading order: a campaign starts the real program and a crowd of clients, breaks something on
//! purpose, over and over, and hands what the clients wrote down and what the log holds to the
//! checker, which knows neither. The same code runs at every size.

pub mod campaign;

pub mod checker;
pub mod history;
pub mod log;

pub mod board;
pub mod client;
pub mod crowd;
pub mod door;

pub mod connection;
pub mod line;
pub mod requests;

mod http;

pub mod disk;
pub mod madang;
pub mod proxy;
pub mod report;
pub mod workshop;
