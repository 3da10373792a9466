//! A piece of what the page knows, which lives as long as the page and says when it changes.
//!
//! It does what `RwSignal` does for values that are never disposed of. The compiler builds the
//! whole of `RwSignal` anew for every type in one, about 4 KB each time; here that happens once,
//! for the trigger, and a type costs next to nothing. Only `provide_…` functions make fields.

use std::sync::{Mutex, MutexGuard, PoisonError};

use leptos::prelude::*;

pub(crate) struct Field<T: 'static> {
    value: &'static Mutex<T>,
    changed: Trigger,
}

impl<T> Clone for Field<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Field<T> {}

impl<T: Send> Field<T> {
    /// The value is never freed: make one only for what lives as long as the page.
    pub(crate) fn new(value: T) -> Field<T> {
        Field { value: Box::leak(Box::new(Mutex::new(value))), changed: Trigger::new() }
    }

    /// Reads it, to be read again when it changes.
    pub(crate) fn with<U>(self, read: impl FnOnce(&T) -> U) -> U {
        self.changed.track();
        self.with_untracked(read)
    }

    /// Reads it this once.
    pub(crate) fn with_untracked<U>(self, read: impl FnOnce(&T) -> U) -> U {
        read(&self.lock())
    }

    /// Changes it, and then tells everybody who has read it.
    pub(crate) fn update<U>(self, change: impl FnOnce(&mut T) -> U) -> U {
        let result = change(&mut self.lock());
        self.changed.notify();
        result
    }

    pub(crate) fn set(self, value: T) {
        self.update(|held| *held = value);
    }

    /// The lock is held for one reading or writing only and never across another field's.
    fn lock(self) -> MutexGuard<'static, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Clone> Field<T> {
    pub(crate) fn get(self) -> T {
        self.with(T::clone)
    }

    pub(crate) fn get_untracked(self) -> T {
        self.with_untracked(T::clone)
    }
}
