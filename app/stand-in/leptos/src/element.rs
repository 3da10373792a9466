//! The element, whatever its name: how it is written, put on the screen and changed there.

use std::borrow::Cow;

use leptos::{
    prelude::{AnyView, IntoAny},
    tachys::{
        html::{
            attribute::{Attribute as LeptosAttribute, any_attribute::AnyAttribute},
            element::Custom,
            event::EventDescriptor,
            node_ref::NodeRefContainer,
        },
        hydration::Cursor,
        renderer::Rndr,
        view::{IntoRender, Mountable, Position, PositionState, Render, RenderHtml, add_attr::AddAnyAttr},
    },
};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, prelude::Closure};

use crate::attribute::{Attribute, Shown, Value};

/// An element as `view!` writes it. In a box, so that it is handed on from call to call as cheaply as
/// can be.
pub struct Element(SendWrapper<Box<Parts>>);

/// The name of an event, and what is done about it.
type Listener = (Cow<'static, str>, Closure<dyn FnMut(web_sys::Event)>);

type Visitor = Box<dyn FnOnce(&web_sys::Element)>;

struct Parts {
    namespace: Option<&'static str>,
    name: &'static str,
    attributes: Vec<(&'static str, Attribute)>,
    listeners: Vec<Listener>,
    /// What wants to know the element that comes of it.
    visitors: Vec<Visitor>,
    inside: Option<AnyView>,
}

impl Element {
    fn new(namespace: Option<&'static str>, name: &'static str) -> Element {
        Element(SendWrapper::new(Box::new(Parts {
            namespace,
            name,
            attributes: Vec::new(),
            listeners: Vec::new(),
            visitors: Vec::new(),
            inside: None,
        })))
    }

    pub fn child<V>(self, child: V) -> Element
    where
        V: IntoRender,
        V::Output: RenderHtml,
    {
        self.hold(child.into_render().into_any())
    }

    fn hold(mut self, inside: AnyView) -> Element {
        self.0.inside = Some(inside);
        self
    }

    pub fn attr(self, name: &'static str, value: impl Value) -> Element {
        self.carry(name, value.into_attribute())
    }

    fn carry(mut self, name: &'static str, attribute: Attribute) -> Element {
        self.0.attributes.push((name, attribute));
        self
    }

    pub fn on<E>(self, event: E, mut act: impl FnMut(E::EventType) + 'static) -> Element
    where
        E: EventDescriptor,
        E::EventType: JsCast,
    {
        self.listen(event.name(), Box::new(move |event| act(event.unchecked_into())))
    }

    fn listen(mut self, event: Cow<'static, str>, act: Box<dyn FnMut(web_sys::Event)>) -> Element {
        self.0.listeners.push((event, Closure::wrap(act)));
        self
    }

    pub fn node_ref(self, place: impl NodeRefContainer<Custom<&'static str>>) -> Element {
        self.visit(Box::new(move |element| place.load(element)))
    }

    pub fn directive<P: 'static>(self, act: fn(web_sys::Element, P), with: P) -> Element {
        self.visit(Box::new(move |element| act(element.clone(), with)))
    }

    fn visit(mut self, visitor: Visitor) -> Element {
        self.0.visitors.push(visitor);
        self
    }
}

/// An element on the screen.
pub struct Standing {
    name: &'static str,
    element: web_sys::Element,
    attributes: Vec<(&'static str, Shown)>,
    listeners: Vec<Listener>,
    inside: Option<<AnyView as Render>::State>,
}

impl Standing {
    /// Whether the same `view!` may have made it, so that it can be changed in its place.
    fn is_like(&self, parts: &Parts) -> bool {
        let names = self.attributes.iter().map(|(name, _)| name);
        self.name == parts.name
            && names.eq(parts.attributes.iter().map(|(name, _)| name))
            && self.inside.is_some() == parts.inside.is_some()
    }

    /// Listens to these instead of those before.
    fn listen(&mut self, listeners: Vec<Listener>) {
        // Both fail only for what is no function.
        for (name, act) in &self.listeners {
            let _ = self.element.remove_event_listener_with_callback(name, act.as_ref().unchecked_ref());
        }
        for (name, act) in &listeners {
            let _ = self.element.add_event_listener_with_callback(name, act.as_ref().unchecked_ref());
        }
        self.listeners = listeners;
    }
}

/// The browser may still have an event for an element that is gone, such as the `close` of a dialog:
/// without this it would call a closure that was dropped.
impl Drop for Standing {
    fn drop(&mut self) {
        self.listen(Vec::new());
    }
}

impl Render for Element {
    type State = Standing;

    fn build(self) -> Standing {
        let parts = *self.0.take();
        let element = Rndr::create_element(parts.name, parts.namespace);
        let show = |(name, attribute): (_, Attribute)| (name, attribute.show(&element, name));
        let attributes = parts.attributes.into_iter().map(show).collect();
        let mut inside = parts.inside.map(Render::build);
        if let Some(inside) = &mut inside {
            inside.mount(&element, None);
        }
        let mut standing = Standing { name: parts.name, element, attributes, listeners: Vec::new(), inside };
        standing.listen(parts.listeners);
        parts.visitors.into_iter().for_each(|visitor| visitor(&standing.element));
        standing
    }

    fn rebuild(self, standing: &mut Standing) {
        if !standing.is_like(&self.0) {
            let mut other = self.build();
            standing.insert_before_this(&mut other);
            standing.unmount();
            *standing = other;
            return;
        }
        let parts = *self.0.take();
        for ((name, attribute), (_, shown)) in parts.attributes.into_iter().zip(&mut standing.attributes) {
            attribute.show_again(&standing.element, name, shown);
        }
        if let (Some(inside), Some(before)) = (parts.inside, &mut standing.inside) {
            inside.rebuild(before);
        }
        standing.listen(parts.listeners);
        parts.visitors.into_iter().for_each(|visitor| visitor(&standing.element));
    }
}

impl Mountable for Standing {
    fn unmount(&mut self) {
        self.element.unmount();
    }

    fn mount(&mut self, parent: &web_sys::Element, before: Option<&web_sys::Node>) {
        self.element.mount(parent, before);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.element.insert_before_this(child)
    }

    fn elements(&self) -> Vec<web_sys::Element> {
        vec![self.element.clone()]
    }
}

/// On a server it would become HTML; this page is made in the browser only.
impl RenderHtml for Element {
    type AsyncOutput = Element;
    type Owned = Element;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) -> Element {
        self
    }

    fn to_html_with_buf(self, _: &mut String, _: &mut Position, _: bool, _: bool, _: Vec<AnyAttribute>) {
        unreachable!("the page is made in the browser")
    }

    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> Standing {
        unreachable!("the page is made in the browser")
    }

    fn into_owned(self) -> Element {
        self
    }
}

impl AddAnyAttr for Element {
    type Output<A: LeptosAttribute> = Element;

    fn add_any_attr<A: LeptosAttribute>(self, _: A) -> Element {
        unreachable!("an attribute is written where its element is")
    }
}

macro_rules! elements {
    ($namespace:expr, $($name:ident)*) => {
        $(pub fn $name() -> super::Element {
            let name = stringify!($name);
            super::Element::new($namespace, name.strip_prefix("r#").unwrap_or(name))
        })*
    };
}

/// Those of the page; a new one is added here.
pub mod html {
    elements!(None,
        a blockquote button dd details dialog div dl dt fieldset form h1 h2 h3 header img input kbd label
        legend li main nav ol option p section select span strong summary textarea time ul);
}

pub mod svg {
    elements!(Some("http://www.w3.org/2000/svg"), svg r#use);
}

macro_rules! attributes {
    ($($method:ident $name:literal),* $(,)?) => {
        impl Element {
            $(pub fn $method(self, value: impl Value) -> Element {
                self.attr($name, value)
            })*
        }
    };
}

// Those of the page; one with a hyphen need only be here if it begins with `aria`.
attributes! {
    alt "alt",
    aria_activedescendant "aria-activedescendant",
    aria_autocomplete "aria-autocomplete",
    aria_busy "aria-busy",
    aria_controls "aria-controls",
    aria_current "aria-current",
    aria_describedby "aria-describedby",
    aria_expanded "aria-expanded",
    aria_haspopup "aria-haspopup",
    aria_hidden "aria-hidden",
    aria_invalid "aria-invalid",
    aria_label "aria-label",
    aria_labelledby "aria-labelledby",
    aria_live "aria-live",
    aria_pressed "aria-pressed",
    aria_selected "aria-selected",
    autocapitalize "autocapitalize",
    autocomplete "autocomplete",
    autofocus "autofocus",
    checked "checked",
    class "class",
    datetime "datetime",
    dir "dir",
    disabled "disabled",
    enterkeyhint "enterkeyhint",
    height "height",
    hidden "hidden",
    href "href",
    id "id",
    inputmode "inputmode",
    lang "lang",
    name "name",
    novalidate "novalidate",
    placeholder "placeholder",
    readonly "readonly",
    role "role",
    rows "rows",
    selected "selected",
    src "src",
    tabindex "tabindex",
    title "title",
    r#type "type",
    value "value",
    width "width",
}
