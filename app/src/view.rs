//! What `view!` can not make small by itself.
//!
//! For every type of its own, a closure included, the compiler builds Leptos' renderer and effects
//! anew, about 4 KB each time. Elements, attributes, handlers and closures written into `view!` are
//! of one type already, see `stand-in/leptos`; the rest goes through these functions, which hide its
//! type. See "A small page" in docs/development.md.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use leptos::{
    Changing,
    html::ElementType,
    prelude::*,
    tachys::html::{event::EventDescriptor, node_ref::NodeRefContainer},
};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

/// A text or a part of the page that changes: a closure that has a name, or is all there is.
pub(crate) fn dynamic<V: IntoView + 'static>(make: impl FnMut() -> V + Send + 'static) -> impl IntoView {
    Changing(make).into_render()
}

/// Several parts of one kind, one after the other.
pub(crate) fn each<V: IntoView + 'static>(parts: impl IntoIterator<Item = V>) -> Vec<AnyView> {
    parts.into_iter().map(IntoAny::into_any).collect()
}

/// Does this, and again whenever something it has read changes. For what is outside the page.
pub(crate) fn watch(act: impl FnMut() + 'static) {
    let act: Box<dyn FnMut()> = Box::new(act);
    Effect::new(act);
}

/// Hears an event of the window, for as long as there is what this is called for.
pub(crate) fn listen<E>(event: E, act: impl Fn(E::EventType) + 'static)
where
    E: EventDescriptor,
    E::EventType: JsCast,
{
    hear(&event.name(), Box::new(move |event| act(event.unchecked_into())));
}

/// The same by the event's name.
pub(crate) fn listen_to(name: &str, act: impl Fn(Event) + 'static) {
    hear(name, Box::new(act));
}

fn hear(name: &str, act: Box<dyn Fn(Event)>) {
    let listener = window_event_listener_untyped(name, act);
    on_cleanup(move || listener.remove());
}

/// Brings the option of a list that is marked into sight, once it is drawn.
pub(crate) fn show_marked(list: &'static str) {
    request_animation_frame(move || {
        let marked = document().query_selector(&format!("#{list} [aria-selected=true]"));
        if let Ok(Some(marked)) = marked {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            marked.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}

/// The page has been painted once.
static PAINTED: AtomicBool = AtomicBool::new(false);

/// To be called when the page is there: it counts as painted from its next frame on.
pub(crate) fn begun() {
    request_animation_frame(|| PAINTED.store(true, Relaxed));
}

/// Puts the focus there. Where the focus can go depends on how everything is laid out: while the page
/// starts that is left to its first frame, which lays it out anyway.
pub(crate) fn focus(element: HtmlElement) {
    // Refused only when it is gone already.
    let act = move || drop(element.focus());
    if PAINTED.load(Relaxed) { act() } else { request_animation_frame(act) }
}

/// The place of an element, given as its `node_ref`, empty until it is on the screen.
#[derive(Clone, Copy)]
pub(crate) struct Slot(RwSignal<Option<Element>, LocalStorage>);

impl Slot {
    pub(crate) fn new() -> Slot {
        Slot(RwSignal::new_local(None))
    }

    /// The element, for the time being.
    pub(crate) fn get<T: JsCast>(self) -> Option<T> {
        self.0.try_get_untracked()??.dyn_into().ok()
    }

    /// Calls `act` once the element is there.
    pub(crate) fn on_load<T: JsCast>(self, act: impl FnOnce(T) + 'static) {
        let mut act = Some(act);
        watch(move || {
            self.0.track();
            if let Some(element) = self.get()
                && let Some(act) = act.take()
            {
                untrack(|| act(element));
            }
        });
    }
}

impl<E: ElementType> NodeRefContainer<E> for Slot {
    fn load(self, element: &Element) {
        self.0.set(Some(element.clone()));
    }
}
