//! The whole page: provides the handles everything else uses and shows what the link asks for.

use leptos::prelude::*;

use crate::{
    chat::provide_chat,
    components::rooms::provide_rooms,
    i18n::provide_speech,
    pages::{home::Home, nowhere::Nowhere, room::RoomPage},
    route::{Route, provide_router},
    theme::provide_theme,
};

/// Puts the page into the document, in the place of the skeleton.
#[cfg(all(feature = "csr", not(test)))]
pub(crate) fn mount() {
    mount_to_body(App);
    if let Some(skeleton) = document().get_element_by_id("skeleton") {
        skeleton.remove();
    }
}

#[component]
pub fn App() -> impl IntoView {
    let speech = provide_speech();
    provide_theme();
    let router = provide_router();
    provide_chat();
    provide_rooms();
    let page = move || {
        // Another language is another page; see `i18n::use_words`.
        speech.language();
        match router.route() {
            Some(Route::Home) => view! { <Home/> }.into_any(),
            Some(Route::Room(room)) => view! { <RoomPage room/> }.into_any(),
            None => view! { <Nowhere/> }.into_any(),
        }
    };
    view! { {page} }
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
