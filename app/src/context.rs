//! Contexts that live as long as the page, stored and found by type.
//!
//! Like Leptos' contexts, but compiled once instead of once per type, see "The weight of the page" in
//! docs/development.md.

use std::{
    any::{Any, TypeId},
    cell::RefCell,
    rc::Rc,
};

thread_local! {
    static CONTEXTS: RefCell<Vec<(TypeId, Rc<dyn Any>)>> = const { RefCell::new(Vec::new()) };
}

/// Stores a value, replacing an earlier one of the same type.
pub(crate) fn provide_context<T: Clone + 'static>(handle: T) {
    put(TypeId::of::<T>(), Rc::new(handle));
}

/// Returns a value that `app` has provided before it rendered anything; panics if there is none.
pub(crate) fn expect_context<T: Clone + 'static>() -> T {
    let handle = get(TypeId::of::<T>());
    handle.and_then(|handle| handle.downcast_ref().cloned()).expect("app provides every handle")
}

fn put(kind: TypeId, handle: Rc<dyn Any>) {
    CONTEXTS.with_borrow_mut(|handles| {
        handles.retain(|(provided, _)| *provided != kind);
        handles.push((kind, handle));
    });
}

fn get(kind: TypeId) -> Option<Rc<dyn Any>> {
    CONTEXTS.with_borrow(|handles| {
        handles.iter().find(|(provided, _)| *provided == kind).map(|(_, handle)| handle.clone())
    })
}
