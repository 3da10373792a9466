//! Leptos, with one type for every element instead of one for each.
//!
//! `view!` writes an element as a chain of calls: `div().child(…).class(…).on(click, …)`. In Leptos
//! each name, each attribute and each handler is a type of its own, and the compiler builds the
//! renderer anew for every one of them. Here the same calls lead to one [`Element`], which keeps
//! names and values as data; everything else is Leptos itself. The app names this crate `leptos` in
//! its `Cargo.toml`; naming Leptos there instead is all it takes to do without.

// The calls are those that `view!` writes, and it hands everything over.
#![allow(clippy::needless_pass_by_value)]

mod attribute;
mod changing;
mod element;

pub use leptos::*;

pub use self::{
    attribute::{Attribute, Moment, Text, Value},
    changing::Changing,
    element::Element,
};

/// Where `view!` looks for the elements.
pub mod tachys {
    pub use leptos::tachys::*;

    pub use crate::element::svg;

    pub mod html {
        pub use leptos::tachys::html::*;

        pub use crate::element::html as element;
    }
}

/// What `view!` makes of a closure, be it for an attribute or for a part of the page.
pub fn __as_shared_reactive_fn<F>(make: F) -> Changing<F> {
    Changing(make)
}
