//! The page's one handle to everything that goes on: who I am, the connection, the open room.
//!
//! Components call its verbs and read its signals; the socket's notices come in through one
//! function. Everything in it lives as long as the page, so a late answer never meets a signal
//! that is gone; an answer for a room one has left is told apart by [`Visit::is`].

mod conversation;
mod keeping;
mod sending;
mod visit;

use common::{
    event::{Ask, Change, Hello, Presence, Push, Rename},
    person::{DisplayName, Person},
    refusal::Refusal,
    room::{RoomName, Seats},
};
use gloo_timers::future::TimeoutFuture;
use leptos::{ev, prelude::*};
use wasm_bindgen_futures::spawn_local;

pub(crate) use self::visit::Visit;
use crate::{
    api,
    field::Field,
    socket::{Failure, Notice, Socket},
    state::{
        link::{Backoff, Link},
        outbox::Outbox,
    },
    storage,
    windows::Windows,
};

/// How long to wait when the server asks to slow down, in ms.
const BREATH: u32 = 1_500;

/// Who this browser is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Identity {
    /// Not asked yet, or the server can not be reached.
    Unknown,
    /// Nobody so far: a name is to be asked for.
    Nobody,
    Known(Person),
}

#[derive(Clone, Copy)]
pub(crate) struct Chat {
    pub(crate) identity: Field<Identity>,
    pub(crate) link: Field<Link>,
    /// Why the server did not let us connect, when it said so.
    pub(crate) turned_away: Field<Option<Refusal>>,
    pub(crate) visit: Visit,
    pub(crate) outbox: Field<Outbox>,
    /// What was written is being put into the database.
    keeping: Field<bool>,
    /// The outbox is being read from the database.
    reading: Field<bool>,
    /// The database may hold something else than what was read last.
    outdated: Field<bool>,
    /// Messages are being delivered in rooms one is not in.
    elsewhere: Field<bool>,
    /// The seats of a room that is about to be opened by us.
    planned: Field<Option<(RoomName, Seats)>>,
    /// Which connection this is, counted: what one has joined, the next one has not.
    connection: Field<u32>,
    socket: StoredValue<Option<Socket>, LocalStorage>,
    windows: StoredValue<Option<Windows>, LocalStorage>,
}

pub(crate) fn provide_chat() -> Chat {
    let chat = Chat {
        identity: Field::new(Identity::Unknown),
        link: Field::new(Link::Connecting),
        turned_away: Field::new(None),
        visit: Visit::new(),
        outbox: Field::new(Outbox::default()),
        keeping: Field::new(false),
        reading: Field::new(false),
        outdated: Field::new(false),
        elsewhere: Field::new(false),
        planned: Field::new(None),
        connection: Field::new(0),
        socket: StoredValue::new_local(None),
        windows: StoredValue::new_local(None),
    };
    provide_context(chat);
    window_event_listener(ev::online, move |_| chat.wake());
    window_event_listener(ev::offline, move |_| chat.with_socket(Socket::give_up));
    document_visible(move || chat.wake());
    chat.open_outbox();
    spawn_local(chat.recognise());
    chat
}

pub(crate) fn use_chat() -> Chat {
    expect_context()
}

impl Chat {
    /// Ourselves, once we are known.
    pub(crate) fn me(self) -> Option<Person> {
        match self.identity.get() {
            Identity::Known(person) => Some(person),
            Identity::Unknown | Identity::Nobody => None,
        }
    }

    fn me_untracked(self) -> Option<Person> {
        untrack(|| self.me())
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

    /// Remembers that we want this room, when it is new, to have so many seats.
    pub(crate) fn plan(self, room: RoomName, seats: Option<Seats>) {
        self.planned.set(seats.map(|seats| (room, seats)));
    }

    /// How many seats we want this room to have, when it is new: what was planned for it may be
    /// remembered by a message only.
    fn planned_seats(self, room: &RoomName) -> Option<Seats> {
        let planned = self.planned.with_untracked(|planned| {
            planned.as_ref().filter(|(planned, _)| planned == room).map(|(_, seats)| *seats)
        });
        planned.or_else(|| self.outbox.with_untracked(|outbox| outbox.seats(room)))
    }

    /// Asks the server who we are, for as long as it takes.
    async fn recognise(self) {
        let mut backoff = Backoff::default();
        loop {
            match api::me().await {
                Ok(Some(person)) => return self.known(person),
                Ok(None) => {
                    self.identity.set(Identity::Nobody);
                    return self.link.set(Link::Idle);
                }
                Err(_) => {
                    self.link.update(|link| *link = link.still_lost());
                    TimeoutFuture::new(backoff.next(js_sys::Math::random())).await;
                }
            }
        }
    }

    /// We are somebody: from here on there is something to connect for.
    fn known(self, person: Person) {
        storage::remember_me(&person);
        self.identity.set(Identity::Known(person));
        if self.socket.with_value(Option::is_none) {
            self.link.set(Link::Connecting);
            self.socket.set_value(Some(Socket::open(move |notice| self.hear(notice))));
        }
    }

    /// Everything the socket tells comes through here, in its order.
    fn hear(self, notice: Notice) {
        match notice {
            Notice::Online => {
                self.connection.update(|connection| *connection += 1);
                self.link.set(Link::Online);
                self.turned_away.set(None);
                spawn_local(self.arrive());
            }
            Notice::Lost(reason) => {
                self.turned_away.set(reason);
                self.visit.joined.set(false);
                self.link.update(|link| *link = link.lost());
                spawn_local(async move {
                    TimeoutFuture::new(Link::UNMENTIONED).await;
                    self.link.update(|link| *link = link.still_lost());
                });
            }
            Notice::Restarting(restart) => {
                self.link.set(Link::Restarting);
                spawn_local(async move {
                    TimeoutFuture::new(restart.after + Link::RESTART_GRACE).await;
                    self.link.update(|link| *link = link.overdue());
                });
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
        self.hear_room(push);
    }

    /// Online again: makes sure that we are who we think we are, then goes (back) into the room.
    async fn arrive(self) {
        let Ok(welcome) = self.ask(&Hello {}).await else { return };
        let Identity::Known(me) = self.identity.get_untracked() else { return };
        if me.id == welcome.you.id {
            self.identity.set(Identity::Known(welcome.you));
        } else {
            // Our cookie was lost or never kept. The name at least stays ours.
            let renamed = self.ask(&Rename { name: me.name }).await;
            self.identity.set(Identity::Known(renamed.map_or(welcome.you, |renamed| renamed.you)));
        }
        spawn_local(self.join());
        self.deliver();
    }

    /// Gives a command; without a connection it fails at once.
    async fn ask<A: Ask>(self, ask: &A) -> Result<A::Reply, Failure> {
        match self.socket.get_value() {
            Some(socket) => socket.ask(ask).await,
            None => Err(Failure::Disconnected),
        }
    }

    /// Gives a command, again and again while the server only wants time and `still` holds.
    async fn ask_patiently<A: Ask>(self, ask: &A, still: &dyn Fn() -> bool) -> Result<A::Reply, Failure> {
        loop {
            let reply = self.ask(ask).await;
            if !matches!(&reply, Err(Failure::Refused(refusal)) if refusal.is_passing()) {
                return reply;
            }
            TimeoutFuture::new(BREATH).await;
            if !still() {
                return reply;
            }
        }
    }

    fn wake(self) {
        self.with_socket(Socket::wake);
    }

    fn with_socket(self, order: impl FnOnce(&Socket)) {
        self.socket.with_value(|socket| {
            if let Some(socket) = socket {
                order(socket);
            }
        });
    }
}

/// Calls `act` whenever somebody looks at the page again.
pub(crate) fn document_visible(act: impl Fn() + 'static) {
    let listener = window_event_listener_untyped("visibilitychange", move |_| {
        if !document().hidden() {
            act();
        }
    });
    on_cleanup(move || listener.remove());
}
