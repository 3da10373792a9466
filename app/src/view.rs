//! Helpers around Leptos that erase types.
//!
//! The compiler instantiates Leptos' renderer and effects for every type, a closure included, at
//! about 4 KB each. Elements, attributes, handlers and closures inside `view!` share one type already,
//! see `stand-in/leptos`; everything else goes through these functions, which box it. See "The
//! weight of the page" in docs/development.md.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use leptos::{
    Changing,
    html::ElementType,
    prelude::*,
    tachys::html::{event::EventDescriptor, node_ref::NodeRefContainer},
};
use wasm_bindgen::JsCast;
use web_sys::{Element, Event, HtmlElement, ScrollIntoViewOptions, ScrollLogicalPosition};

/// Renders a closure, and again when a signal that it reads changes.
pub(crate) fn reactive<V: IntoView + 'static>(make: impl FnMut() -> V + Send + 'static) -> impl IntoView {
    Changing(make).into_render()
}

/// Collects views of one type into a list.
pub(crate) fn collect_views<V: IntoView + 'static>(parts: impl IntoIterator<Item = V>) -> Vec<AnyView> {
    parts.into_iter().map(IntoAny::into_any).collect()
}

/// Runs a boxed `Effect`.
pub(crate) fn effect(act: impl FnMut() + 'static) {
    let act: Box<dyn FnMut()> = Box::new(act);
    Effect::new(act);
}

/// Adds a `window` listener and removes it when the current owner is disposed.
pub(crate) fn listen_on_window<E>(event: E, act: impl Fn(E::EventType) + 'static)
where
    E: EventDescriptor,
    E::EventType: JsCast,
{
    add_window_listener(&event.name(), Box::new(move |event| act(event.unchecked_into())));
}

/// Like [`listen_on_window`], by the event's name.
pub(crate) fn listen_on_window_untyped(name: &str, act: impl Fn(Event) + 'static) {
    add_window_listener(name, Box::new(act));
}

fn add_window_listener(name: &str, act: Box<dyn Fn(Event)>) {
    let listener = window_event_listener_untyped(name, act);
    on_cleanup(move || listener.remove());
}

/// Scrolls the selected option of a list into view, after the next frame has rendered it.
pub(crate) fn scroll_selected_into_view(list: &'static str) {
    request_animation_frame(move || {
        let marked = document().query_selector(&format!("#{list} [aria-selected=true]"));
        if let Ok(Some(marked)) = marked {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            marked.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}

/// Whether the page has been painted once.
static PAINTED: AtomicBool = AtomicBool::new(false);

/// Called when the page is mounted: sets `PAINTED` at the next frame.
pub(crate) fn mark_mounted() {
    request_animation_frame(|| PAINTED.store(true, Relaxed));
}

/// Focuses an element. Focusing forces a layout, so before the first paint it waits for the first
/// frame, which computes the layout anyway.
pub(crate) fn focus(element: HtmlElement) {
    // Fails only when the element has been removed.
    let act = move || drop(element.focus());
    if PAINTED.load(Relaxed) { act() } else { request_animation_frame(act) }
}

/// A `node_ref`, empty until the element is mounted.
#[derive(Clone, Copy)]
pub(crate) struct ElementRef(RwSignal<Option<Element>, LocalStorage>);

impl ElementRef {
    pub(crate) fn new() -> ElementRef {
        ElementRef(RwSignal::new_local(None))
    }

    /// Returns the element if it is mounted.
    pub(crate) fn get<T: JsCast>(self) -> Option<T> {
        self.0.try_get_untracked()??.dyn_into().ok()
    }

    /// Calls `act` once, when the element is mounted.
    pub(crate) fn on_load<T: JsCast>(self, act: impl FnOnce(T) + 'static) {
        let mut act = Some(act);
        effect(move || {
            self.0.track();
            if let Some(element) = self.get()
                && let Some(act) = act.take()
            {
                untrack(|| act(element));
            }
        });
    }
}

impl<E: ElementType> NodeRefContainer<E> for ElementRef {
    fn load(self, element: &Element) {
        self.0.set(Some(element.clone()));
    }
}
