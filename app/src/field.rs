//! A signal for values that are never disposed of.
//!
//! It does what `RwSignal` does. The compiler instantiates the whole of `RwSignal` for every type,
//! about 4 KB each; here only the trigger is reactive, and it is the same for all types. Only
//! `provide_…` functions create a `Field`, which lives as long as the page; a value that is dropped
//! earlier is an `Arc<Live<…>>`.

use std::{
    ops::Deref,
    ptr,
    sync::{Mutex, MutexGuard},
};

use leptos::prelude::*;

/// A value with a trigger that notifies its readers.
pub(crate) struct Live<T> {
    value: Mutex<T>,
    changed: ArcTrigger,
}

impl<T> Live<T> {
    pub(crate) fn new(value: T) -> Live<T> {
        Live { value: Mutex::new(value), changed: ArcTrigger::new() }
    }

    /// Reads the value and subscribes to it.
    // `track_caller`: the reactive system warns about reads outside of a tracking context and names the caller.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn with<U>(&self, read: impl FnOnce(&T) -> U) -> U {
        self.track();
        self.with_untracked(read)
    }

    /// Subscribes the current effect to changes.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn track(&self) {
        self.changed.track();
    }

    /// Reads the value without subscribing.
    pub(crate) fn with_untracked<U>(&self, read: impl FnOnce(&T) -> U) -> U {
        read(&self.lock())
    }

    /// Changes the value and notifies its readers.
    pub(crate) fn update<U>(&self, change: impl FnOnce(&mut T) -> U) -> U {
        let result = change(&mut self.lock());
        self.changed.notify();
        result
    }

    pub(crate) fn set(&self, value: T) {
        self.update(|held| *held = value);
    }

    /// The lock is held for one read or write only, never while another field is locked.
    fn lock(&self) -> MutexGuard<'_, T> {
        // The page has one thread: waiting would be a deadlock, and its code is large.
        let Ok(guard) = self.value.try_lock() else { in_use() };
        guard
    }
}

impl<T: Clone> Live<T> {
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn get(&self) -> T {
        self.with(T::clone)
    }

    pub(crate) fn get_untracked(&self) -> T {
        self.with_untracked(T::clone)
    }
}

impl<T> PartialEq for Live<T> {
    /// Compares identity, not values.
    fn eq(&self, other: &Live<T>) -> bool {
        ptr::eq(self, other)
    }
}

#[cold]
#[inline(never)]
fn in_use() -> ! {
    panic!("a field is read or changed while it is being changed")
}

/// A `Copy` handle to a value that lives as long as the page.
pub(crate) struct Field<T: 'static>(&'static Live<T>);

impl<T> Field<T> {
    /// Leaks the value: only for values that live as long as the page.
    // Inlined, it would be copied for every field of the page.
    #[inline(never)]
    pub(crate) fn new(value: T) -> Field<T> {
        Field(Box::leak(Box::new(Live::new(value))))
    }
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

impl<T> Deref for Field<T> {
    type Target = Live<T>;

    fn deref(&self) -> &Live<T> {
        self.0
    }
}
