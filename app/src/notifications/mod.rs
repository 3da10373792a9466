//! Notifications and the notification sound.
//!
//! `chat` decides which pushes qualify; each room has a notification level, which is stored on this
//! device. The browser is asked for permission only by [`Notifications::enable`], which only a
//! click calls.

mod sound;

use common::{markup, protocol::push::RoomEvent, room::RoomName};
use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, prelude::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Notification, NotificationOptions, NotificationPermission, ServiceWorkerRegistration};

use self::sound::Sound;
use crate::{
    context::{expect_context, provide_context},
    field::Field,
    i18n::{Locale, use_locale},
    route::{Route, Router, percent_encode, use_router},
    settings::{Settings, use_settings},
    state::{
        notify_level::NotifyLevel,
        settings::{Choice, Setting},
    },
    storage,
    task::spawn,
};

/// The most characters of a message shown in a notification.
const MAX_BODY: usize = 200;

#[derive(Clone, Copy)]
pub(crate) struct Notifications {
    settings: Settings,
    locale: Locale,
    router: Router,
    sound: Sound,
    /// Whether the browser refuses permission for notifications.
    pub(crate) is_denied: Field<bool>,
    /// Notified when the level of a room changes.
    levels_changed: Trigger,
}

pub(crate) fn provide_notifications() -> Notifications {
    let notifications = Notifications {
        settings: use_settings(),
        locale: use_locale(),
        router: use_router(),
        sound: Sound::new(),
        is_denied: Field::new(permission() == Some(NotificationPermission::Denied)),
        levels_changed: Trigger::new(),
    };
    provide_context(notifications);
    notifications
}

pub(crate) fn use_notifications() -> Notifications {
    expect_context()
}

impl Notifications {
    /// Returns the notification level of a room and subscribes to changes.
    pub(crate) fn level(self, room: &RoomName) -> NotifyLevel {
        self.levels_changed.track();
        level_of(room)
    }

    pub(crate) fn set_level(self, room: &RoomName, level: NotifyLevel) {
        storage::save(&key(room), (level != NotifyLevel::default()).then(|| level.as_str()));
        self.levels_changed.notify();
    }

    /// Enables notifications if the browser has never asked for permission, so that an earlier
    /// decision is kept. Call it from a click only.
    pub(crate) fn enable_if_undecided(self) {
        if permission() == Some(NotificationPermission::Default) {
            self.enable();
        }
    }

    /// Enables notifications, and asks for permission if needed. Call it from a click only.
    pub(crate) fn enable(self) {
        spawn(async move {
            if permission() == Some(NotificationPermission::Default)
                && let Ok(request) = Notification::request_permission()
            {
                // The permission itself is read below.
                let _ = JsFuture::from(request).await;
            }
            let granted = permission() == Some(NotificationPermission::Granted);
            self.is_denied.set(!granted);
            self.settings.set(Setting::Notifications, if granted { Choice::On } else { Choice::Off });
        });
    }

    /// Notifies about a message of somebody else in a room that is not shown.
    pub(crate) fn notify_message(self, push: &RoomEvent, mentions_me: bool) {
        let Some(body) = push.event.kind.body() else { return };
        if !level_of(&push.room).notifies(mentions_me) {
            return;
        }
        let title = format!("{} · {}", push.event.person.name, push.room);
        let body: String = markup::plain_text(body.as_str()).chars().take(MAX_BODY).collect();
        self.show(title, body, &push.room, push.event.seq.0);
    }

    /// Notifies about a free seat.
    pub(crate) fn notify_free_seat(self, room: &RoomName) {
        self.show((self.locale.texts().seat_is_free)(room.as_str()), String::new(), room, 0);
    }

    /// Plays the sound and shows a notification. Several tabs use the same tag, so that it is shown
    /// once.
    fn show(self, title: String, body: String, room: &RoomName, id: u64) {
        if self.settings.get_untracked(Setting::Sound) == Choice::On {
            self.sound.play();
        }
        let is_enabled = self.settings.get_untracked(Setting::Notifications) == Choice::On;
        if !is_enabled || permission() != Some(NotificationPermission::Granted) {
            return;
        }
        let route = Route::Room(room.clone());
        let options = NotificationOptions::new();
        options.set_body(&body);
        // Chrome does not support SVG here.
        options.set_icon("/icon-192.png");
        options.set_tag(&format!("{route}/{id}"));
        options.set_data(&route.to_string().into());
        match Notification::new_with_options(&title, &options) {
            Ok(notification) => self.open_room_on_click(&notification, route),
            // On Android only a service worker can show notifications; it handles the click as
            // well.
            Err(_) => spawn(show_by_service_worker(title, options)),
        }
    }

    /// Opens the room when the notification is clicked.
    fn open_room_on_click(self, notification: &Notification, route: Route) {
        let shown = notification.clone();
        let mut route = Some(route);
        let clicked = Closure::<dyn FnMut()>::new(move || {
            // Refused where a page may not focus itself.
            let _ = window().focus();
            shown.close();
            if let Some(route) = route.take() {
                self.router.navigate(route);
            }
        });
        notification.set_onclick(Some(clicked.as_ref().unchecked_ref()));
        // Leaked to the browser: it is small, and notifications are rare.
        clicked.forget();
    }
}

/// Returns the permission; `None` where the browser has no notifications, as on plain HTTP.
fn permission() -> Option<NotificationPermission> {
    let known = Reflect::has(&window(), &"Notification".into()).unwrap_or(false);
    known.then(Notification::permission)
}

async fn show_by_service_worker(title: String, options: NotificationOptions) {
    let registration = JsFuture::from(window().navigator().service_worker().get_registration()).await;
    let registration = registration.ok().and_then(|found| found.dyn_into::<ServiceWorkerRegistration>().ok());
    let shown_promise =
        registration.and_then(|found| found.show_notification_with_options(&title, &options).ok());
    if let Some(shown_promise) = shown_promise {
        // Nothing more can be done if this is refused too.
        let _ = JsFuture::from(shown_promise).await;
    }
}

fn level_of(room: &RoomName) -> NotifyLevel {
    storage::load(&key(room)).and_then(|word| NotifyLevel::parse(&word)).unwrap_or_default()
}

fn key(room: &RoomName) -> String {
    format!("madang/notices/{}", percent_encode(room.as_str()))
}
