//! The campaigns: each injects one kind of fault, as often as its options say.

pub mod bursts;
pub mod crash;
pub mod disk;
mod exhaustion;
pub mod hostile;
pub mod network;
pub mod sabotage;
pub mod seats;
