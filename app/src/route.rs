//! Where one can be: every page has a link, and the link is all a page is made from.
//!
//! Back and forward, a click on a link and `go` all end in one signal that `app` reads.

use std::fmt::{self, Display, Write};

use common::{message::Seq, refusal::Refusal, room::RoomName};
use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlAnchorElement;

use crate::{
    field::Field,
    handle::{find, provide},
    view::listen,
};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    Home,
    Room(RoomName),
    /// A message in its room.
    Message(RoomName, Seq),
}

impl Route {
    /// Reads a location's path; `None` when it leads nowhere.
    pub(crate) fn parse(path: &str) -> Option<Route> {
        if path == "/" {
            return Some(Route::Home);
        }
        let path = path.strip_prefix("/r/")?;
        let (name, seq) = path.split_once('/').unwrap_or((path, ""));
        let room = RoomName::parse(&decode(name)?).ok()?;
        match seq {
            "" => Some(Route::Room(room)),
            seq => Some(Route::Message(room, Seq(seq.parse().ok()?))),
        }
    }

    /// Why the room that a location's path names can not be.
    pub(crate) fn refusal(path: &str) -> Option<Refusal> {
        let name = path.strip_prefix("/r/")?.split('/').next().filter(|name| !name.is_empty())?;
        RoomName::parse(&decode(name)?).err()
    }

    /// The link as one gives it to others.
    pub(crate) fn address(&self) -> String {
        format!("{}{self}", origin())
    }

    /// The page of ours that a link leads to, if it does.
    pub(crate) fn of_address(address: &str) -> Option<Route> {
        Route::parse(address.strip_prefix(&origin())?)
    }
}

impl Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Home => f.write_str("/"),
            Route::Room(room) => write!(f, "/r/{}", encode(room.as_str())),
            Route::Message(room, seq) => write!(f, "/r/{}/{}", encode(room.as_str()), seq.0),
        }
    }
}

/// Every page has one.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            // Writing to a String can not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let digits = rest.split_off(..2).and_then(|digits| str::from_utf8(digits).ok())?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// The handle to where we are.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    /// The page, which is no message; `None` for a link that leads nowhere.
    page: Field<Option<Route>>,
    /// The message of that page that was asked for.
    message: Field<Option<Seq>>,
}

pub(crate) fn provide_router() -> Router {
    let router = Router { page: Field::new(None), message: Field::new(None) };
    router.arrive(current());
    provide(router);
    listen(ev::popstate, move |_| router.arrive(current()));
    listen(ev::click, move |click| {
        if let Some(route) = followed(&click) {
            click.prevent_default();
            router.go(route);
        }
    });
    router
}

pub(crate) fn use_router() -> Router {
    find()
}

impl Router {
    /// The page there is to be: a message's is its room.
    pub(crate) fn page(self) -> Option<Route> {
        self.page.get()
    }

    /// The message to be shown, told each time somebody follows a link to it.
    pub(crate) fn message(self) -> Option<Seq> {
        self.message.get()
    }

    pub(crate) fn go(self, route: Route) {
        if current().as_ref() == Some(&route) {
            return self.arrive(Some(route));
        }
        if let Ok(history) = window().history() {
            // Refused only when a page navigates hundreds of times in a few seconds.
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&route.to_string()));
        }
        self.arrive(Some(route));
    }

    fn arrive(self, route: Option<Route>) {
        let (page, message) = match route {
            Some(Route::Message(room, seq)) => (Some(Route::Room(room)), Some(seq)),
            page => (page, None),
        };
        if self.page.with_untracked(|here| *here != page) {
            self.page.set(page);
        }
        self.message.set(message);
    }
}

fn current() -> Option<Route> {
    Route::parse(&current_path())
}

/// Every page has one.
pub(crate) fn current_path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// The page of ours a plain click on a link leads to.
fn followed(click: &ev::MouseEvent) -> Option<Route> {
    let modified = ["Control", "Meta", "Shift", "Alt"].into_iter().any(|key| click.get_modifier_state(key));
    if modified || click.button() != 0 || click.default_prevented() {
        return None;
    }
    let target = click.target()?.dyn_into::<web_sys::Element>().ok()?;
    let link = target.closest("a[href]").ok()??.dyn_into::<HtmlAnchorElement>().ok()?;
    let ours = link.target().is_empty() && link.origin() == origin();
    ours.then(|| Route::parse(&link.pathname())).flatten()
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn paths_lead_where_they_say() {
        let room = |name: &str| Some(Route::Room(RoomName::parse(name).unwrap()));
        let cases = [
            ("/", Some(Route::Home)),
            ("/r/lobby", room("lobby")),
            ("/r/%EC%9A%B0%EB%A6%AC%20%EB%B0%98", room("우리 반")),
            ("/r/lobby/", room("lobby")),
            ("/r/lobby/17", RoomName::parse("lobby").ok().map(|room| Route::Message(room, Seq(17)))),
            ("/r/lobby/x", None),
            ("/r/lobby/1/2", None),
            ("/r/a%2Fb", None),
            ("/r/%FF", None),
            ("/r/%2", None),
            ("/r/%zz", None),
            ("/r/", None),
            ("/elsewhere", None),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path), route, "{path}");
        }
    }

    #[test]
    fn a_link_to_a_room_that_can_not_be_tells_why() {
        let long = format!("/r/{}", "a".repeat(RoomName::MAX + 1));
        let cases = [
            ("/r/lobby", None),
            ("/r/lobby/x", None),
            ("/r/", None),
            ("/r/%FF", None),
            ("/elsewhere", None),
            ("/r/a%2Fb", Some(Refusal::RoomNameNotALink)),
            ("/r/..%2F/7", Some(Refusal::RoomNameNotALink)),
            ("/r/%E2%80%AEx", Some(Refusal::NameUnreadable)),
            (&long, Some(Refusal::NameTooLong)),
        ];
        for (path, refusal) in cases {
            assert_eq!(Route::refusal(path), refusal, "{path}");
        }
    }

    proptest! {
        #[test]
        fn every_room_and_message_is_found_again_by_its_link(name in any::<String>(), seq in any::<u64>()) {
            if let Ok(name) = RoomName::parse(&name) {
                for route in [Route::Room(name.clone()), Route::Message(name, Seq(seq))] {
                    let link = route.to_string();
                    prop_assert!(link.is_ascii());
                    prop_assert_eq!(Route::parse(&link), Some(route));
                }
            }
        }

        #[test]
        fn no_path_makes_the_parser_panic(path in any::<String>()) {
            let _ = Route::parse(&path);
            let _ = Route::parse(&format!("/r/{path}"));
        }
    }
}
