//! The handles everything is reached by: each is provided once and found by its type.
//!
//! It does what Leptos' contexts do for what lives as long as the page, and the compiler builds it
//! once and not for every type, see "A small page" in docs/development.md.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    rc::Rc,
};

thread_local! {
    static HANDLES: RefCell<Vec<(TypeId, Rc<dyn Any>)>> = const { RefCell::new(Vec::new()) };
}

/// Makes it what [`find`] finds from now on.
pub(crate) fn provide<T: Clone + 'static>(handle: T) {
    put(TypeId::of::<T>(), Rc::new(handle));
}

/// Finds what was provided; only what `app` provides before it shows anything is looked for.
pub(crate) fn find<T: Clone + 'static>() -> T {
    let handle = get(TypeId::of::<T>());
    handle.and_then(|handle| handle.downcast_ref().cloned()).expect("app provides every handle")
}

fn put(kind: TypeId, handle: Rc<dyn Any>) {
    HANDLES.with_borrow_mut(|handles| {
        handles.retain(|(provided, _)| *provided != kind);
        handles.push((kind, handle));
    });
}

fn get(kind: TypeId) -> Option<Rc<dyn Any>> {
    HANDLES.with_borrow(|handles| {
        handles.iter().find(|(provided, _)| *provided == kind).map(|(_, handle)| handle.clone())
    })
}
