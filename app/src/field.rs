//! A piece of what the page knows, which says when it changes.
//!
//! It does what `RwSignal` does for values that are never disposed of. The compiler builds the
//! whole of `RwSignal` anew for every type in one, about 4 KB each time; here that happens once,
//! for the trigger, and a type costs next to nothing. Only `provide_…` functions make fields, which
//! live as long as the page; what comes and goes is an `Arc<Live<…>>`.

use std::{
    ops::Deref,
    ptr,
    sync::{Mutex, MutexGuard},
};

use leptos::prelude::*;

/// A value, to be read again when it changes.
pub(crate) struct Live<T> {
    value: Mutex<T>,
    changed: ArcTrigger,
}

impl<T> Live<T> {
    pub(crate) fn new(value: T) -> Live<T> {
        Live { value: Mutex::new(value), changed: ArcTrigger::new() }
    }

    // The reactive system warns of a reading that nobody tracks, and names its place.
    /// Reads it, to be read again when it changes.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn with<U>(&self, read: impl FnOnce(&T) -> U) -> U {
        self.track();
        self.with_untracked(read)
    }

    /// Whoever calls this is told when it changes.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn track(&self) {
        self.changed.track();
    }

    /// Reads it this once.
    pub(crate) fn with_untracked<U>(&self, read: impl FnOnce(&T) -> U) -> U {
        read(&self.lock())
    }

    /// Changes it, and then tells everybody who has read it.
    pub(crate) fn update<U>(&self, change: impl FnOnce(&mut T) -> U) -> U {
        let result = change(&mut self.lock());
        self.changed.notify();
        result
    }

    pub(crate) fn set(&self, value: T) {
        self.update(|held| *held = value);
    }

    /// The lock is held for one reading or writing only and never across another field's.
    fn lock(&self) -> MutexGuard<'_, T> {
        // Waiting for a lock is much code, and here nobody could ever be waited for.
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
    /// Whether it is the same one, whatever its value.
    fn eq(&self, other: &Live<T>) -> bool {
        ptr::eq(self, other)
    }
}

#[cold]
#[inline(never)]
fn in_use() -> ! {
    panic!("a field is read or changed while it is being changed")
}

/// The handle to a value that lives as long as the page.
pub(crate) struct Field<T: 'static>(&'static Live<T>);

impl<T> Field<T> {
    /// The value is never freed: make one only for what lives as long as the page.
    // One function would otherwise hold a copy for every field of the page.
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
