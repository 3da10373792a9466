//! The campaigns: each breaks one kind of thing on purpose, as often as it is told to.

pub mod bursts;
pub mod crash;
pub mod disk;
pub mod hostile;
pub mod network;
pub mod sabotage;
pub mod seats;
