//! The page's one handle to everything that goes on: who I am, the connection, the open room.
//!
//! Components call its verbs and read its signals; the socket's notices come in through one
//! function. Everything in it lives as long as the page, so a late answer never meets a signal
//! that is gone; an answer for a room one has left is told apart by [`Visit::is`].

mod asking;
mod attention;
mod changing;
mod drawing;
mod hearing;
mod joining;
mod keeping;
mod noticing;
mod reading;
mod rooms;
mod sending;
mod shelf;
mod visit;

use std::{
    ops::Deref,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed},
};

use common::{
    event::{Change, Hello, Join, PROTOCOL, Permission, Presence, Push, Rename},
    message::Timestamp,
    person::{DisplayName, Person},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use leptos::{ev, prelude::*};

pub(crate) use self::{
    rooms::{Composing, MyRoom},
    visit::{At, Goal, Shown, Visit},
};
use crate::{
    api,
    field::Field,
    handle::{find, provide},
    notices::{Notices, use_notices},
    socket::{Failure, Notice, Socket},
    state::{
        changes::Changes,
        link::{Backoff, Link},
        outbox::Outbox,
        room::Room,
        rooms::Rooms,
    },
    storage,
    task::{later, pause, spawn},
    view::{listen, listen_to},
    when,
};

/// Who this browser is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Identity {
    /// Not asked yet, or the server can not be reached.
    Unknown,
    /// Nobody so far: a name is to be asked for.
    Nobody,
    Known(Person),
}

/// A handle as small as a reference: it is part of every closure that does something.
#[derive(Clone, Copy)]
pub(crate) struct Chat(&'static Everything);

/// What there is to know, and what is underway.
pub(crate) struct Everything {
    pub(crate) identity: Field<Identity>,
    pub(crate) link: Field<Link>,
    /// Why the server did not let us connect, when it said so.
    pub(crate) turned_away: Field<Option<Refusal>>,
    /// The server speaks a newer protocol than this page, which can only be loaded again.
    pub(crate) outgrown: Field<bool>,
    pub(crate) visit: &'static Visit,
    pub(crate) outbox: Field<Outbox>,
    /// What the composer writes in the room on the screen.
    pub(crate) composing: Field<Composing>,
    /// The rooms that are ours, the latest first.
    pub(crate) my_rooms: Field<Vec<MyRoom>>,
    notices: Notices,
    /// Somebody looks at the page.
    pub(crate) looking: Field<bool>,
    /// Nobody has touched the page for a while.
    away: AtomicBool,
    /// When somebody last did, in ms.
    touched: AtomicI64,
    rooms: Field<Rooms>,
    changes: Field<Changes>,
    /// There is somebody to connect for.
    connecting: AtomicBool,
    /// A change is on its way.
    changing: AtomicBool,
    /// The list of our rooms is about to be made anew; the first time when what is kept of them is
    /// known, lest they change places under the pointer.
    listing: AtomicBool,
    /// What is new in our rooms is about to be written.
    shelving: AtomicBool,
    /// When and where we last told that we are writing.
    typed: Field<Option<(RoomName, Timestamp)>>,
    /// What was written is being put into the database.
    keeping: AtomicBool,
    /// The outbox is being read from the database.
    reading: AtomicBool,
    /// The database may hold something else than what was read last.
    outdated: AtomicBool,
    /// Messages are being delivered in rooms one is not in.
    elsewhere: AtomicBool,
    /// What the room is to be like that is about to be opened by us.
    planned: Field<Option<Join>>,
    /// How many connections there were: what one has joined, the next one has not.
    connection: AtomicU32,
    socket: Socket,
}

impl Deref for Chat {
    type Target = Everything;

    fn deref(&self) -> &Everything {
        self.0
    }
}

pub(crate) fn provide_chat() -> Chat {
    let rooms = Field::new(Rooms::new());
    let chat = Chat(Box::leak(Box::new(Everything {
        identity: Field::new(Identity::Unknown),
        link: Field::new(Link::Connecting),
        turned_away: Field::new(None),
        outgrown: Field::new(false),
        visit: Visit::new(rooms),
        outbox: Field::new(Outbox::default()),
        composing: Field::new(Composing::New),
        my_rooms: Field::new(Vec::new()),
        notices: use_notices(),
        looking: Field::new(is_looked_at()),
        away: AtomicBool::new(false),
        touched: AtomicI64::new(when::now().0),
        rooms,
        changes: Field::new(Changes::default()),
        connecting: AtomicBool::new(false),
        changing: AtomicBool::new(false),
        listing: AtomicBool::new(true),
        shelving: AtomicBool::new(false),
        typed: Field::new(None),
        keeping: AtomicBool::new(false),
        reading: AtomicBool::new(false),
        outdated: AtomicBool::new(false),
        elsewhere: AtomicBool::new(false),
        planned: Field::new(None),
        connection: AtomicU32::new(0),
        socket: Socket::default(),
    })));
    provide(chat);
    listen(ev::online, move |_| chat.socket.wake());
    listen(ev::offline, move |_| chat.socket.give_up());
    document_visible(move || chat.socket.wake());
    chat.watch_looks();
    chat.open_rooms();
    // Before anything is known of them, so that nothing moves when it is.
    chat.list_now();
    chat.open_changes();
    chat.open_outbox();
    spawn(chat.open_shelf());
    spawn(chat.recognise());
    chat
}

pub(crate) fn use_chat() -> Chat {
    find()
}

impl Chat {
    /// Ourselves, once we are known.
    pub(crate) fn me(self) -> Option<Person> {
        match self.identity.get() {
            Identity::Known(person) => Some(person),
            Identity::Unknown | Identity::Nobody => None,
        }
    }

    pub(crate) fn me_untracked(self) -> Option<Person> {
        untrack(|| self.me())
    }

    /// Us, as the server or at least this browser knows us.
    pub(crate) fn me_or_remembered(self) -> Option<Person> {
        match self.identity.get_untracked() {
            Identity::Known(me) => Some(me),
            // Out of reach of the server, what was not sent is still there, and still ours.
            Identity::Unknown => storage::me(),
            Identity::Nobody => None,
        }
    }

    /// Whether the room on the screen is ours to decide about.
    pub(crate) fn owns_room(self) -> bool {
        self.visit.may.with(|may| may.contains(&Permission::Own))
    }

    /// Takes this name: the first time it makes us somebody, later it renames us everywhere.
    pub(crate) async fn take_name(self, name: DisplayName) -> Result<(), Failure> {
        let person = match self.identity.get_untracked() {
            Identity::Known(_) => self.ask(&Rename { name }).await?.you,
            Identity::Unknown | Identity::Nobody => {
                api::introduce(name).await?.ok_or(Failure::Disconnected)?
            }
        };
        self.known(person);
        Ok(())
    }

    /// Which connection this is.
    fn connection(self) -> u32 {
        self.connection.load(Relaxed)
    }

    /// Remembers what we want this room to be like when it is new.
    pub(crate) fn plan(self, room: RoomName, seats: Option<Seats>, topic: Option<Topic>) {
        self.planned.set(Some(Join { seats, topic, ..Join::new(room) }));
    }

    /// How to join this room, and what it is to be like when it is new: what was planned for it may
    /// be remembered by a message only.
    fn planned(self, room: &RoomName) -> Join {
        let planned = self.planned.get_untracked().filter(|planned| planned.room == *room);
        let join = planned.unwrap_or_else(|| Join::new(room.clone()));
        let remembered = || self.outbox.with_untracked(|outbox| outbox.seats(room));
        Join { seats: join.seats.or_else(remembered), ..join }
    }

    /// Asks the server who we are, for as long as it takes.
    async fn recognise(self) {
        let mut backoff = Backoff::default();
        loop {
            match api::me().await {
                Ok(Some(person)) => return self.known(person),
                Ok(None) => {
                    self.turn_out(None);
                    return self.link.set(Link::Idle);
                }
                Err(_) => {
                    self.link.update(|link| *link = link.still_lost());
                    pause(backoff.next(js_sys::Math::random())).await;
                }
            }
        }
    }

    /// We are somebody: from here on there is something to connect for.
    fn known(self, person: Person) {
        self.turn_out(Some(person));
        if !self.connecting.swap(true, Relaxed) {
            self.link.set(Link::Connecting);
            self.0.socket.open(move |notice| self.hear(notice));
        }
    }

    /// Who we turn out to be. What was kept for somebody else is not for us.
    fn turn_out(self, person: Option<Person>) {
        let before = storage::me().map(|before| before.id);
        if before.is_some() && before != person.as_ref().map(|person| person.id) {
            self.clear_shelf();
        }
        storage::remember_me(person.as_ref());
        self.identity.set(person.map_or(Identity::Nobody, Identity::Known));
    }

    /// Everything the socket tells comes through here, in its order.
    fn hear(self, notice: Notice) {
        match notice {
            Notice::Online => {
                self.connection.fetch_add(1, Relaxed);
                self.link.set(Link::Online);
                self.turned_away.set(None);
                spawn(self.arrive());
            }
            Notice::Lost(reason) => {
                self.turned_away.set(reason);
                self.rooms.update(|rooms| rooms.all_mut().iter_mut().for_each(Room::lost));
                self.link.update(|link| *link = link.lost());
                later(Link::UNMENTIONED, move || self.link.update(|link| *link = link.still_lost()));
            }
            Notice::Restarting(restart) => {
                self.link.set(Link::Restarting);
                let overdue = restart.after + Link::RESTART_GRACE;
                later(overdue, move || self.link.update(|link| *link = link.overdue()));
            }
            Notice::Told(push) => self.apply(push),
        }
    }

    fn apply(self, push: Push) {
        if let Push::Presence(Presence { changes, .. }) = &push {
            for change in changes {
                if let Change::Renamed(person) = change
                    && self
                        .identity
                        .with_untracked(|me| matches!(me, Identity::Known(me) if me.id == person.id))
                {
                    self.identity.set(Identity::Known(person.clone()));
                }
            }
        }
        self.notice(&push);
        self.hear_room(push);
    }

    /// Online again: makes sure that we are who we think we are, then goes (back) into the room.
    async fn arrive(self) {
        let connection = self.connection();
        // A refusal would leave us online and in no room, until the next connection.
        let still = || self.connection() == connection;
        let Ok(welcome) = self.ask_patiently(&Hello {}, &still).await else { return };
        self.outgrown.set(welcome.protocol > PROTOCOL);
        let Identity::Known(me) = self.identity.get_untracked() else { return };
        let mut you = welcome.you;
        if me.id != you.id {
            // Our cookie was lost or never kept. The name at least stays ours.
            let renamed = self.ask_patiently(&Rename { name: me.name }, &still).await;
            you = renamed.map_or(you, |renamed| renamed.you);
        }
        self.turn_out(Some(you));
        self.tell_if_away();
        spawn(self.join_all());
        self.deliver();
    }
}

/// Whether somebody looks at the page just now.
fn is_looked_at() -> bool {
    !document().hidden() && document().has_focus().unwrap_or(true)
}

/// Calls `act` whenever somebody looks at the page again.
pub(crate) fn document_visible(act: impl Fn() + 'static) {
    listen_to("visibilitychange", move |_| {
        if !document().hidden() {
            act();
        }
    });
}
