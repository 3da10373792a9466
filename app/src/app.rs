//! The root component: provides all contexts and renders the page of the current route.

use leptos::prelude::*;

use crate::{
    badge::watch_badge,
    chat::provide_chat,
    components::{
        composer::provide_composer,
        dialog::{content::Dialog, provide_dialogs},
        rooms::provide_room_listing,
        shortcuts::listen_for_shortcuts,
        single_line_ime::listen_in_inputs,
        switcher::provide_switcher,
    },
    emoji::provide_emojis,
    i18n::provide_locale,
    notifications::provide_notifications,
    pages::{home::Home, not_found::NotFound, room::RoomPage},
    route::{Route, provide_router},
    settings::provide_settings,
    task::run_after,
    view::{self, reactive},
};

/// Mounts the page into the document. Each step runs in a task of its own, so that the browser, which
/// has just compiled the module, can handle other work in between.
#[cfg(all(feature = "csr", not(test)))]
pub(crate) fn mount() {
    run_after(0, || mount_to_body(App));
}

#[component]
pub fn App() -> impl IntoView {
    let locale = provide_locale();
    provide_settings();
    let router = provide_router();
    provide_notifications();
    provide_chat();
    watch_badge();
    provide_room_listing();
    provide_emojis();
    provide_composer();
    provide_dialogs();
    provide_switcher();
    listen_in_inputs();
    listen_for_shortcuts();
    let mounted = RwSignal::new(false);
    run_after(0, move || {
        mounted.set(true);
        remove_skeleton();
        view::mark_mounted();
    });
    let page = reactive(move || {
        if !mounted.get() {
            return ().into_any();
        }
        // A change of the language rebuilds the whole page; see `i18n::use_texts`.
        locale.language();
        match router.page() {
            Some(Route::Home) => view! { <Home/> }.into_any(),
            Some(Route::Room(room) | Route::Message(room, _)) => view! { <RoomPage room/> }.into_any(),
            None => view! { <NotFound/> }.into_any(),
        }
    });
    view! {
        {page}
        <Dialog/>
    }
}

/// Removes the placeholder that `index.html` shows until the page is mounted.
fn remove_skeleton() {
    if let Some(skeleton) = document().get_element_by_id("skeleton") {
        skeleton.remove();
    }
}

#[cfg(test)]
mod tests {
    /// Returns the text between `before` and `after` of each line that has both.
    fn between<'a>(text: &'a str, before: &str, after: &str) -> Vec<&'a str> {
        text.lines()
            .filter_map(|line| line.split_once(before)?.1.split_once(after))
            .map(|(found, _)| found)
            .collect()
    }

    #[test]
    fn trunk_and_cargo_leptos_are_given_the_same_style_sheets() {
        let of_trunk = between(include_str!("../../index.html"), r#"rel="css" href="style/"#, "\"");
        let of_cargo_leptos = between(include_str!("../../style/main.css"), r#"@import "./"#, "\"");
        assert_eq!(of_trunk, of_cargo_leptos);
        assert!(of_trunk.len() > 10);
    }
}
