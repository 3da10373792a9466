//! The whole page: provides the handles everything else uses and shows what the link asks for.

use leptos::prelude::*;

use crate::{
    chat::provide_chat,
    components::{
        composer::provide_composer,
        dialog::{Dialog, provide_dialogs},
        line_fields::listen_in_line_fields,
        rooms::provide_rooms,
        shortcuts::listen_for_keys,
        switcher::provide_switcher,
    },
    emoji::provide_emojis,
    i18n::provide_speech,
    notices::{provide_notices, watch_count},
    pages::{home::Home, nowhere::Nowhere, room::RoomPage},
    route::{Route, provide_router},
    settings::provide_settings,
    task::later,
    view::{self, dynamic},
};

/// Puts the page into the document. Each part of the work is a task of its own, so that the browser,
/// which has just been busy compiling, can do something else between them.
#[cfg(all(feature = "csr", not(test)))]
pub(crate) fn mount() {
    later(0, || mount_to_body(App));
}

#[component]
pub fn App() -> impl IntoView {
    let speech = provide_speech();
    provide_settings();
    let router = provide_router();
    provide_notices();
    provide_chat();
    watch_count();
    provide_rooms();
    provide_emojis();
    provide_composer();
    provide_dialogs();
    provide_switcher();
    listen_in_line_fields();
    listen_for_keys();
    let begun = RwSignal::new(false);
    later(0, move || {
        begun.set(true);
        remove_skeleton();
        view::begun();
    });
    let page = dynamic(move || {
        if !begun.get() {
            return ().into_any();
        }
        // Another language is another page; see `i18n::use_words`.
        speech.language();
        match router.page() {
            Some(Route::Home) => view! { <Home/> }.into_any(),
            Some(Route::Room(room) | Route::Message(room, _)) => view! { <RoomPage room/> }.into_any(),
            None => view! { <Nowhere/> }.into_any(),
        }
    });
    view! {
        {page}
        <Dialog/>
    }
}

/// What `index.html` shows until the page is there.
fn remove_skeleton() {
    if let Some(skeleton) = document().get_element_by_id("skeleton") {
        skeleton.remove();
    }
}

#[cfg(test)]
mod tests {
    /// What stands between `before` and `after`, line by line.
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
