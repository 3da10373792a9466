//! Telling somebody who is looking elsewhere: notifications, a sound, the count on the outside.
//!
//! `chat` says what was said in the rooms of one's own; each room has a level of its own, kept on this
//! device. A room that is on the screen needs no notice. The browser is asked for its permission
//! only by [`Notices::allow`], which only a click calls.

mod count;
mod sound;

use common::{event::RoomEvent, markup, room::RoomName};
use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Notification, NotificationOptions, NotificationPermission, ServiceWorkerRegistration};

pub(crate) use self::count::watch_count;
use self::sound::Sound;
use crate::{
    field::Field,
    handle::{find, provide},
    i18n::{Speech, use_speech},
    route::{Route, Router, encode, use_router},
    settings::{Choice, Setting, Settings, use_settings},
    state::notice::Level,
    storage,
    task::spawn,
};

/// So much of a message is shown; the rest is in the room.
const SHOWN: usize = 200;

#[derive(Clone, Copy)]
pub(crate) struct Notices {
    settings: Settings,
    speech: Speech,
    router: Router,
    sound: Sound,
    /// The browser has been told by the reader to show none of ours.
    pub(crate) denied: Field<bool>,
    /// Some room's level has changed.
    levels: Trigger,
}

pub(crate) fn provide_notices() -> Notices {
    let notices = Notices {
        settings: use_settings(),
        speech: use_speech(),
        router: use_router(),
        sound: Sound::new(),
        denied: Field::new(permission() == Some(NotificationPermission::Denied)),
        levels: Trigger::new(),
    };
    provide(notices);
    notices
}

pub(crate) fn use_notices() -> Notices {
    find()
}

impl Notices {
    /// How much one wants to hear of this room; read again when that changes.
    pub(crate) fn level(self, room: &RoomName) -> Level {
        self.levels.track();
        level_of(room)
    }

    pub(crate) fn set_level(self, room: &RoomName, level: Level) {
        storage::write(&key(room), (level != Level::default()).then(|| level.word()));
        self.levels.notify();
    }

    /// Switches notifications on where the browser has not been asked yet; what the reader has decided
    /// since then stays. Only after a click.
    pub(crate) fn offer(self) {
        if permission() == Some(NotificationPermission::Default) {
            self.allow();
        }
    }

    /// Switches notifications on, and asks the browser where it has not been asked. Only after a click.
    pub(crate) fn allow(self) {
        spawn(async move {
            if permission() == Some(NotificationPermission::Default)
                && let Ok(asking) = Notification::request_permission()
            {
                // Whatever the answer is, it is read below.
                let _ = JsFuture::from(asking).await;
            }
            let granted = permission() == Some(NotificationPermission::Granted);
            self.denied.set(!granted);
            self.settings.choose(Setting::Notices, if granted { Choice::On } else { Choice::Off });
        });
    }

    /// Somebody else has said something in a room of ours that is not on the screen.
    pub(crate) fn said(self, told: &RoomEvent, mentions_me: bool) {
        let Some(body) = told.event.what.body() else { return };
        if !level_of(&told.room).calls_for(mentions_me) {
            return;
        }
        let title = format!("{} · {}", told.event.person.name, told.room);
        let body: String = markup::plain(body.as_str()).chars().take(SHOWN).collect();
        self.give(title, body, &told.room, told.event.seq.0);
    }

    /// A room that was full has a seat.
    pub(crate) fn free_seat(self, room: &RoomName) {
        self.give((self.speech.words().seat_free)(room.as_str()), String::new(), room, 0);
    }

    /// Windows of one browser give the same notice under the same tag: it is seen once.
    fn give(self, title: String, body: String, room: &RoomName, number: u64) {
        if self.settings.get_untracked(Setting::Sound) == Choice::On {
            self.sound.play();
        }
        let wanted = self.settings.get_untracked(Setting::Notices) == Choice::On;
        if !wanted || permission() != Some(NotificationPermission::Granted) {
            return;
        }
        let route = Route::Room(room.clone());
        let options = NotificationOptions::new();
        options.set_body(&body);
        // Chrome shows no SVG here.
        options.set_icon("/icon-192.png");
        options.set_tag(&format!("{route}/{number}"));
        options.set_data(&route.to_string().into());
        match Notification::new_with_options(&title, &options) {
            Ok(notification) => self.lead(&notification, route),
            // Android leaves them to the service worker, which leads to the room as well.
            Err(_) => spawn(give_by_worker(title, options)),
        }
    }

    /// A click on the notification leads to its room.
    fn lead(self, notification: &Notification, route: Route) {
        let shown = notification.clone();
        let mut route = Some(route);
        let clicked = Closure::<dyn FnMut()>::new(move || {
            // Refused where a page may not come to the front by itself.
            let _ = window().focus();
            shown.close();
            if let Some(route) = route.take() {
                self.router.go(route);
            }
        });
        notification.set_onclick(Some(clicked.as_ref().unchecked_ref()));
        // It belongs to the browser from now on; a notification is small and seldom.
        clicked.forget();
    }
}

/// What the browser has been told; `None` where it has no notifications, as on plain http.
fn permission() -> Option<NotificationPermission> {
    let known = Reflect::has(&window(), &"Notification".into()).unwrap_or(false);
    known.then(Notification::permission)
}

async fn give_by_worker(title: String, options: NotificationOptions) {
    let registration = JsFuture::from(window().navigator().service_worker().get_registration()).await;
    let registration = registration.ok().and_then(|found| found.dyn_into::<ServiceWorkerRegistration>().ok());
    let showing = registration.and_then(|found| found.show_notification_with_options(&title, &options).ok());
    if let Some(showing) = showing {
        // Nothing more can be done where this is refused too.
        let _ = JsFuture::from(showing).await;
    }
}

fn level_of(room: &RoomName) -> Level {
    storage::read(&key(room)).and_then(|word| Level::from_word(&word)).unwrap_or_default()
}

fn key(room: &RoomName) -> String {
    format!("madang/notices/{}", encode(room.as_str()))
}
