//! The chat client: identity, connection, rooms, outbox and the room on the screen.
//!
//! Components read the signals and call the methods of [`Chat`]; the socket's events arrive in
//! [`Chat::on_socket_event`]. The state lives as long as the page, so a late reply never meets a
//! disposed signal. [`CurrentRoom::is`] tells replies for the room on the screen from replies for
//! other rooms.

mod cache;
mod current_room;
mod edits;
mod idle;
mod membership;
mod navigation;
mod notify;
mod outbox_store;
mod receive;
mod render;
mod requests;
mod rooms;
mod sending;

use std::{
    ops::Deref,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed},
};

use common::{
    message::Timestamp,
    person::{DisplayName, Person},
    protocol::{
        PROTOCOL,
        command::{Hello, Join, Rename},
        push::{Presence, PresenceChange, Push},
        reply::Permission,
    },
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use leptos::{ev, prelude::*};

pub(crate) use self::{
    current_room::{Align, CurrentRoom, RenderedRow, ScrollTarget},
    rooms::RoomListItem,
};
use crate::{
    api,
    context::{expect_context, provide_context},
    field::Field,
    notifications::{Notifications, use_notifications},
    socket::{RequestError, Socket, SocketEvent},
    state::{
        composer_mode::ComposerMode,
        connection::{ConnectionState, RECONNECT},
        outbox::Outbox,
        pending_edits::PendingEdits,
        room::Room,
        rooms::Rooms,
    },
    storage,
    task::{run_after, sleep, spawn},
    time_format,
    view::{listen_on_window, listen_on_window_untyped},
};

/// The identity of this browser.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Identity {
    /// Not requested yet, or the server is unreachable.
    Unknown,
    /// Not registered; the page asks for a name.
    Unregistered,
    Known(Person),
}

/// The handle, as small as a reference, because every event closure holds one.
#[derive(Clone, Copy)]
pub(crate) struct Chat(&'static ChatInner);

/// The state behind the handle.
pub(crate) struct ChatInner {
    pub(crate) identity: Field<Identity>,
    pub(crate) connection_state: Field<ConnectionState>,
    /// Why the server refused the connection, if it did.
    pub(crate) connect_error: Field<Option<Refusal>>,
    /// The server speaks a newer protocol; only a reload of the page helps.
    pub(crate) client_outdated: Field<bool>,
    pub(crate) current_room: &'static CurrentRoom,
    pub(crate) outbox: Field<Outbox>,
    /// What the composer writes in the current room.
    pub(crate) composer_mode: Field<ComposerMode>,
    /// The user's rooms, the most recently active first.
    pub(crate) room_list: Field<Vec<RoomListItem>>,
    notifications: Notifications,
    /// Whether the page is visible and has the focus.
    pub(crate) is_focused: Field<bool>,
    /// Whether there was no activity on the page for a while.
    is_away: AtomicBool,
    /// The time of the last activity, in ms.
    last_activity: AtomicI64,
    rooms: Field<Rooms>,
    pending_edits: Field<PendingEdits>,
    /// Whether the socket was opened, which happens once the person is known.
    socket_opened: AtomicBool,
    /// Whether a task is sending edits.
    sending_edits: AtomicBool,
    /// Whether an update of the room list is scheduled. Starts as true until the cache is loaded,
    /// so that rooms do not change places under the pointer.
    list_scheduled: AtomicBool,
    /// Whether a write of changed rooms to the cache is scheduled.
    cache_write_scheduled: AtomicBool,
    /// The room and the time of the last typing command.
    last_typing_sent: Field<Option<(RoomName, Timestamp)>>,
    /// Whether a task is writing the outbox to the database.
    persisting_outbox: AtomicBool,
    /// Whether a task is reading the outbox from the database.
    loading_outbox: AtomicBool,
    /// Whether the database may have changed since it was last read.
    outbox_stale: AtomicBool,
    /// Whether a task is sending messages in rooms that are not joined.
    sending_background: AtomicBool,
    /// The settings of a room this user is about to create.
    planned_join: Field<Option<Join>>,
    /// The number of the current connection; a join is valid for one connection only.
    generation: AtomicU32,
    socket: Socket,
}

impl Deref for Chat {
    type Target = ChatInner;

    fn deref(&self) -> &ChatInner {
        self.0
    }
}

pub(crate) fn provide_chat() -> Chat {
    let rooms = Field::new(Rooms::new());
    let chat = Chat(Box::leak(Box::new(ChatInner {
        identity: Field::new(Identity::Unknown),
        connection_state: Field::new(ConnectionState::Connecting),
        connect_error: Field::new(None),
        client_outdated: Field::new(false),
        current_room: CurrentRoom::new(rooms),
        outbox: Field::new(Outbox::default()),
        composer_mode: Field::new(ComposerMode::New),
        room_list: Field::new(Vec::new()),
        notifications: use_notifications(),
        is_focused: Field::new(is_page_focused()),
        is_away: AtomicBool::new(false),
        last_activity: AtomicI64::new(time_format::now().0),
        rooms,
        pending_edits: Field::new(PendingEdits::default()),
        socket_opened: AtomicBool::new(false),
        sending_edits: AtomicBool::new(false),
        list_scheduled: AtomicBool::new(true),
        cache_write_scheduled: AtomicBool::new(false),
        last_typing_sent: Field::new(None),
        persisting_outbox: AtomicBool::new(false),
        loading_outbox: AtomicBool::new(false),
        outbox_stale: AtomicBool::new(false),
        sending_background: AtomicBool::new(false),
        planned_join: Field::new(None),
        generation: AtomicU32::new(0),
        socket: Socket::default(),
    })));
    provide_context(chat);
    listen_on_window(ev::online, move |_| chat.socket.wake());
    listen_on_window(ev::offline, move |_| chat.socket.reconnect());
    on_document_visible(move || chat.socket.wake());
    chat.watch_focus();
    chat.restore_rooms();
    // Before the cache is read, so that nothing moves when it is.
    chat.update_list();
    chat.restore_edits();
    chat.restore_outbox();
    spawn(chat.restore_cache());
    spawn(chat.identify());
    chat
}

pub(crate) fn use_chat() -> Chat {
    expect_context()
}

impl Chat {
    /// Returns this person, once registered.
    pub(crate) fn me(self) -> Option<Person> {
        match self.identity.get() {
            Identity::Known(person) => Some(person),
            Identity::Unknown | Identity::Unregistered => None,
        }
    }

    pub(crate) fn me_untracked(self) -> Option<Person> {
        untrack(|| self.me())
    }

    /// Returns this person, from the server or as stored in this browser.
    pub(crate) fn me_or_cached(self) -> Option<Person> {
        match self.identity.get_untracked() {
            Identity::Known(me) => Some(me),
            // Without the server, unsent messages are still shown, and are still this person's.
            Identity::Unknown => storage::load_person(),
            Identity::Unregistered => None,
        }
    }

    /// Whether this person owns the current room.
    pub(crate) fn owns_room(self) -> bool {
        self.current_room.permissions.with(|permissions| permissions.contains(&Permission::Own))
    }

    /// Registers this name, or renames the registered person.
    pub(crate) async fn set_name(self, name: DisplayName) -> Result<(), RequestError> {
        let person = match self.identity.get_untracked() {
            Identity::Known(_) => self.request(&Rename { name }).await?.you,
            Identity::Unknown | Identity::Unregistered => {
                api::register_or_rename(name).await?.ok_or(RequestError::Disconnected)?
            }
        };
        self.on_identified(person);
        Ok(())
    }

    /// Returns the number of the current connection.
    fn generation(self) -> u32 {
        self.generation.load(Relaxed)
    }

    /// Stores the settings of a room that is about to be created.
    pub(crate) fn plan_room(self, room: RoomName, seats: Option<Seats>, topic: Option<Topic>) {
        self.planned_join.set(Some(Join { seats, topic, ..Join::new(room) }));
    }

    /// Returns the join command, with the settings for a new room. After a reload the seats are
    /// only stored with a pending message.
    fn join_request(self, room: &RoomName) -> Join {
        let planned = self.planned_join.get_untracked().filter(|planned| planned.room == *room);
        let join = planned.unwrap_or_else(|| Join::new(room.clone()));
        let in_outbox = || self.outbox.with_untracked(|outbox| outbox.planned_seats(room));
        Join { seats: join.seats.or_else(in_outbox), ..join }
    }

    /// Asks the server for this browser's person until it answers.
    async fn identify(self) {
        let mut backoff = RECONNECT;
        loop {
            match api::me().await {
                Ok(Some(person)) => return self.on_identified(person),
                Ok(None) => {
                    self.set_identity(None);
                    return self.connection_state.set(ConnectionState::Idle);
                }
                Err(_) => {
                    self.connection_state.update(|state| *state = state.on_still_lost());
                    sleep(backoff.next(js_sys::Math::random())).await;
                }
            }
        }
    }

    /// Sets the identity and opens the socket.
    fn on_identified(self, person: Person) {
        self.set_identity(Some(person));
        if !self.socket_opened.swap(true, Relaxed) {
            self.connection_state.set(ConnectionState::Connecting);
            self.0.socket.open(move |event| self.on_socket_event(event));
        }
    }

    /// Sets the identity. The cache of another person is cleared.
    fn set_identity(self, person: Option<Person>) {
        let before = storage::load_person().map(|before| before.id);
        if before.is_some() && before != person.as_ref().map(|person| person.id) {
            self.clear_cache();
        }
        storage::save_person(person.as_ref());
        self.identity.set(person.map_or(Identity::Unregistered, Identity::Known));
    }

    /// Handles all socket events, in their order.
    fn on_socket_event(self, event: SocketEvent) {
        match event {
            SocketEvent::Online => {
                self.generation.fetch_add(1, Relaxed);
                self.connection_state.set(ConnectionState::Online);
                self.connect_error.set(None);
                spawn(self.on_connected());
            }
            SocketEvent::Lost(reason) => {
                self.connect_error.set(reason);
                self.rooms.update(|rooms| rooms.all_mut().iter_mut().for_each(Room::on_disconnect));
                self.connection_state.update(|state| *state = state.on_lost());
                run_after(ConnectionState::INTERRUPTION_GRACE, move || {
                    self.connection_state.update(|state| *state = state.on_still_lost());
                });
            }
            SocketEvent::Restarting(restart) => {
                self.connection_state.set(ConnectionState::Restarting);
                let overdue = restart.after + ConnectionState::RESTART_GRACE;
                run_after(overdue, move || {
                    self.connection_state.update(|state| *state = state.on_restart_overdue());
                });
            }
            SocketEvent::Push(push) => self.apply_push(push),
        }
    }

    fn apply_push(self, push: Push) {
        if let Push::Presence(Presence { changes, .. }) = &push {
            for change in changes {
                if let PresenceChange::Renamed(person) = change
                    && self
                        .identity
                        .with_untracked(|me| matches!(me, Identity::Known(me) if me.id == person.id))
                {
                    self.identity.set(Identity::Known(person.clone()));
                }
            }
        }
        self.notify(&push);
        self.apply_room_push(push);
    }

    /// Runs on every new connection: confirms the identity, then joins all rooms and sends pending
    /// messages.
    async fn on_connected(self) {
        let generation = self.generation();
        // If a refusal ended this, the page would be online but in no room until the next
        // connection.
        let still_wanted = || self.generation() == generation;
        let Ok(hello) = self.request_with_retry(&Hello {}, &still_wanted).await else { return };
        self.client_outdated.set(hello.protocol > PROTOCOL);
        let Identity::Known(me) = self.identity.get_untracked() else { return };
        let mut person = hello.you;
        if me.id != person.id {
            // The cookie was lost or never stored. At least keep the name.
            let renamed = self.request_with_retry(&Rename { name: me.name }, &still_wanted).await;
            person = renamed.map_or(person, |renamed| renamed.you);
        }
        self.set_identity(Some(person));
        self.report_away();
        spawn(self.join_all());
        self.send_pending();
    }
}

/// Whether the page is visible and has the focus.
fn is_page_focused() -> bool {
    !document().hidden() && document().has_focus().unwrap_or(true)
}

/// Calls `act` whenever the page becomes visible.
pub(crate) fn on_document_visible(act: impl Fn() + 'static) {
    listen_on_window_untyped("visibilitychange", move |_| {
        if !document().hidden() {
            act();
        }
    });
}
