//! One file for each kind of link.

pub(crate) mod home;
pub(crate) mod nowhere;
pub(crate) mod room;
