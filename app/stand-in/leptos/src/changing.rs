//! What changes on the screen: a closure, hidden before anything is built for its type.

use leptos::{
    IntoView,
    prelude::{AnyView, IntoAny},
    tachys::{html::attribute::IntoAttributeValue, view::IntoRender},
};

use crate::attribute::{Attribute, Value};

/// A closure as `view!` was given it.
pub struct Changing<F>(pub F);

impl<F: FnMut() -> V + Send + 'static, V: IntoView + 'static> IntoRender for Changing<F> {
    type Output = Box<dyn FnMut() -> AnyView + Send>;

    fn into_render(mut self) -> Self::Output {
        Box::new(move || (self.0)().into_any())
    }
}

impl<F> IntoAttributeValue for Changing<F> {
    type Output = Self;

    fn into_attribute_value(self) -> Self {
        self
    }
}

impl<F: Value> Value for Changing<F> {
    fn into_attribute(self) -> Attribute {
        self.0.into_attribute()
    }
}
