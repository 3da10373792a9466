//! What the composer writes.

use common::message::Seq;

/// A new message, a reply to a message, or an edit of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ComposerMode {
    #[default]
    New,
    Reply(Seq),
    Edit(Seq),
}
