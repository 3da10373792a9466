//! What an attribute may be: a text or nothing, for good or as long as nothing changes it.

use std::borrow::Cow;

use leptos::{prelude::RenderEffect, tachys::renderer::Rndr};

/// A text, or `None` for an element without the attribute.
pub type Text = Option<Cow<'static, str>>;

/// What `view!` is given for an attribute.
pub enum Attribute {
    Fixed(Text),
    /// Asked again whenever something it has read changes.
    Changing(Box<dyn FnMut() -> Text>),
}

/// What can be the value of an attribute.
pub trait Value {
    fn into_attribute(self) -> Attribute;
}

/// What can be the value of an attribute at one moment.
pub trait Moment {
    fn into_text(self) -> Text;
}

impl Moment for &'static str {
    fn into_text(self) -> Text {
        Some(Cow::Borrowed(self))
    }
}

impl Moment for String {
    fn into_text(self) -> Text {
        Some(Cow::Owned(self))
    }
}

/// There, without a value, or not there.
impl Moment for bool {
    fn into_text(self) -> Text {
        self.then_some(Cow::Borrowed(""))
    }
}

impl<V: Moment> Moment for Option<V> {
    fn into_text(self) -> Text {
        self.and_then(Moment::into_text)
    }
}

macro_rules! fixed {
    ($($kind:ty),*) => {
        $(impl Value for $kind {
            fn into_attribute(self) -> Attribute {
                Attribute::Fixed(self.into_text())
            }
        })*
    };
}

fixed!(&'static str, String, bool, Option<&'static str>, Option<String>);

impl<V: Moment, F: FnMut() -> V + 'static> Value for F {
    fn into_attribute(mut self) -> Attribute {
        Attribute::Changing(Box::new(move || self().into_text()))
    }
}

/// An attribute on the screen.
pub(crate) enum Shown {
    Fixed(Text),
    Changing { _effect: RenderEffect<()> },
}

impl Attribute {
    pub(crate) fn show(self, element: &web_sys::Element, name: &'static str) -> Shown {
        match self {
            Attribute::Fixed(text) => {
                if text.is_some() {
                    put(element, name, &text);
                }
                Shown::Fixed(text)
            }
            Attribute::Changing(mut make) => {
                let element = element.clone();
                Shown::Changing { _effect: RenderEffect::new(move |_| put(&element, name, &make())) }
            }
        }
    }

    /// Changes as little as there is to change.
    pub(crate) fn show_again(self, element: &web_sys::Element, name: &'static str, shown: &mut Shown) {
        if let (Attribute::Fixed(text), Shown::Fixed(before)) = (&self, &*shown) {
            if text != before {
                put(element, name, text);
            } else {
                return;
            }
        }
        *shown = self.show(element, name);
    }
}

fn put(element: &web_sys::Element, name: &str, text: &Text) {
    match text {
        Some(text) => Rndr::set_attribute(element, name, text),
        None => Rndr::remove_attribute(element, name),
    }
}
