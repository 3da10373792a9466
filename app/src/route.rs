//! The routes: every page has a URL and is rendered from it alone.
//!
//! Back and forward, a click on a link and [`Router::navigate`] all set one signal that `app` reads.

use std::fmt::{self, Display, Write};

use common::{message::Seq, refusal::Refusal, room::RoomName};
use leptos::{ev, prelude::*};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlAnchorElement;

use crate::{
    context::{expect_context, provide_context},
    field::Field,
    view::listen_on_window,
};

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Route {
    Home,
    Room(RoomName),
    /// A message in its room.
    Message(RoomName, Seq),
}

impl Route {
    /// Parses the path of a URL; `None` if no page has it.
    pub(crate) fn parse(path: &str) -> Option<Route> {
        if path == "/" {
            return Some(Route::Home);
        }
        let path = path.strip_prefix("/r/")?;
        let (name, seq) = path.split_once('/').unwrap_or((path, ""));
        let room = RoomName::parse(&percent_decode(name)?).ok()?;
        match seq {
            "" => Some(Route::Room(room)),
            seq => Some(Route::Message(room, Seq(seq.parse().ok()?))),
        }
    }

    /// Why the room name in a path is invalid, if it is.
    pub(crate) fn room_name_refusal(path: &str) -> Option<Refusal> {
        let name = path.strip_prefix("/r/")?.split('/').next().filter(|name| !name.is_empty())?;
        RoomName::parse(&percent_decode(name)?).err()
    }

    /// The absolute URL.
    pub(crate) fn url(&self) -> String {
        format!("{}{self}", origin())
    }

    /// Parses an absolute URL; `None` if it is of another origin or no page has it.
    pub(crate) fn from_url(address: &str) -> Option<Route> {
        Route::parse(address.strip_prefix(&origin())?)
    }
}

impl Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Home => f.write_str("/"),
            Route::Room(room) => write!(f, "/r/{}", percent_encode(room.as_str())),
            Route::Message(room, seq) => write!(f, "/r/{}/{}", percent_encode(room.as_str()), seq.0),
        }
    }
}

/// The origin of the page.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(crate) fn percent_encode(text: &str) -> String {
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

fn percent_decode(text: &str) -> Option<String> {
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

/// The current route.
#[derive(Clone, Copy)]
pub(crate) struct Router {
    /// The page, never `Route::Message`; `None` for a URL that no page has.
    page: Field<Option<Route>>,
    /// The message of that page that the URL links to.
    message: Field<Option<Seq>>,
}

pub(crate) fn provide_router() -> Router {
    let router = Router { page: Field::new(None), message: Field::new(None) };
    router.set_route(current_route());
    provide_context(router);
    listen_on_window(ev::popstate, move |_| router.set_route(current_route()));
    listen_on_window(ev::click, move |click| {
        if let Some(route) = clicked_route(&click) {
            click.prevent_default();
            router.navigate(route);
        }
    });
    router
}

pub(crate) fn use_router() -> Router {
    expect_context()
}

impl Router {
    /// The page to render: for a message, its room.
    pub(crate) fn page(self) -> Option<Route> {
        self.page.get()
    }

    /// The message to scroll to; notifies on each navigation, also to the same message.
    pub(crate) fn message(self) -> Option<Seq> {
        self.message.get()
    }

    pub(crate) fn navigate(self, route: Route) {
        if current_route().as_ref() == Some(&route) {
            return self.set_route(Some(route));
        }
        if let Ok(history) = window().history() {
            // Browsers refuse only hundreds of navigations within seconds.
            let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&route.to_string()));
        }
        self.set_route(Some(route));
    }

    /// Shows the page of the same room under its actual name, in place of the current entry of the history.
    pub(crate) fn replace_room(self, room: RoomName) {
        let route = match self.message.get_untracked() {
            Some(seq) => Route::Message(room, seq),
            None => Route::Room(room),
        };
        if let Ok(history) = window().history() {
            // Browsers refuse only hundreds of navigations within seconds.
            let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&route.to_string()));
        }
        self.set_route(Some(route));
    }

    fn set_route(self, route: Option<Route>) {
        let (page, message) = match route {
            Some(Route::Message(room, seq)) => (Some(Route::Room(room)), Some(seq)),
            page => (page, None),
        };
        if self.page.with_untracked(|current| *current != page) {
            self.page.set(page);
        }
        self.message.set(message);
    }
}

fn current_route() -> Option<Route> {
    Route::parse(&current_path())
}

/// The path of the current URL.
pub(crate) fn current_path() -> String {
    window().location().pathname().unwrap_or_default()
}

/// The route that a plain left click on a link leads to, if it is one of ours.
fn clicked_route(click: &ev::MouseEvent) -> Option<Route> {
    let modified = ["Control", "Meta", "Shift", "Alt"].into_iter().any(|key| click.get_modifier_state(key));
    if modified || click.button() != 0 || click.default_prevented() {
        return None;
    }
    let target = click.target()?.dyn_into::<web_sys::Element>().ok()?;
    let link = target.closest("a[href]").ok()??.dyn_into::<HtmlAnchorElement>().ok()?;
    let is_ours = link.target().is_empty() && link.origin() == origin();
    is_ours.then(|| Route::parse(&link.pathname())).flatten()
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_parsed_into_its_route() {
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
    fn a_link_with_an_invalid_room_name_is_refused_with_the_reason() {
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
            assert_eq!(Route::room_name_refusal(path), refusal, "{path}");
        }
    }

    proptest! {
        #[test]
        fn every_route_is_parsed_back_from_its_link(name in any::<String>(), seq in any::<u64>()) {
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
