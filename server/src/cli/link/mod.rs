//! A client's way into one room: what it wants said goes in, what happens there comes out.
//!
//! A link reconnects by itself and repeats a message until it is answered; it is over when nothing
//! is asked any more, or when the server will never let it in. It prints nothing and reads no input.

mod events;
mod http;
mod pause;
mod request;
mod tcp;

use common::{
    line::Line,
    message::{Body, Cid},
    person::DisplayName,
    refusal::Refusal,
    room::RoomName,
};
use tokio::sync::mpsc;

use super::{
    Secret,
    address::{Address, Door},
};

/// How much may wait in either direction. Who asks more is told that the link is busy.
const QUEUE: usize = 64;
/// How many of the last messages somebody sees who comes.
const LATEST: u32 = 10;

/// Where to, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Way {
    pub(super) address: Address,
    pub(super) room: RoomName,
    pub(super) name: Option<DisplayName>,
    pub(super) token: Option<Secret>,
    pub(super) window: Window,
    /// Whether it is somebody who stays and hears what is said, and not only says something.
    pub(super) stays: bool,
}

/// What is asked of a link.
#[derive(Debug)]
pub(super) enum Ask {
    Say(Message),
    Name(DisplayName),
    Who,
    History(u32),
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) cid: Cid,
    pub(super) body: Body,
}

/// One run of a client. Its messages can be told from those which the same person writes elsewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window(u64);

impl Window {
    pub(super) fn open() -> Window {
        Window(rand::random())
    }

    /// A message of one's own.
    pub(super) fn message(self, body: Body) -> Message {
        let Window(window) = self;
        let cid = format!("{window:016x}-{:016x}", rand::random::<u64>());
        // Digits and a hyphen: it is as the parser would have it.
        Message { cid: Cid::from_store(cid), body }
    }

    /// Whether a message was made here.
    fn made(self, cid: &Cid) -> bool {
        cid.as_str().strip_prefix(&format!("{:016x}", self.0)).is_some_and(|rest| rest.starts_with('-'))
    }
}

/// What a link tells.
#[derive(Debug)]
pub(super) enum News {
    /// From here on everything that is said is heard.
    Online { me: DisplayName },
    /// There is no connection, and why; it will be tried again.
    Offline(String),
    /// What was said before one came.
    Earlier(Vec<Line>),
    /// What was said just now, or while there was no connection, by oneself or by others.
    Said { lines: Vec<Line>, is_mine: bool },
    /// The server's own words, and the answers to what was asked.
    Told(Vec<Line>),
    /// The message is on the server's disk.
    Delivered(Cid),
    /// The message is not taken for the moment, and why; it will be sent again.
    Postponed(Refusal),
    /// The message will never be taken.
    Refused(Cid, Refusal),
    /// There is no use in trying again.
    Ended(String),
}

/// The ends of a link that its user holds.
pub(super) struct Link {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) news: mpsc::Receiver<News>,
}

/// Opens a link. It ends when `asks` is dropped and everything that was asked is answered.
pub(super) fn open(way: Way) -> Link {
    let (asks, asked) = mpsc::channel(QUEUE);
    let (tell, news) = mpsc::channel(QUEUE);
    match way.address.door {
        Door::Tcp => tokio::spawn(tcp::run(way, asked, tell)),
        Door::Http | Door::Udp => tokio::spawn(http::run(way, asked, tell)),
    };
    Link { asks, news }
}

/// Why something was not done.
#[derive(Debug)]
enum Fault {
    /// The server says no.
    Refused(Refusal),
    /// Nobody knows whether the server heard it.
    Lost(anyhow::Error),
}

impl From<anyhow::Error> for Fault {
    fn from(error: anyhow::Error) -> Fault {
        Fault::Lost(error)
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Fault {
        Fault::Refused(refusal)
    }
}
