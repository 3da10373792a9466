//! Times as a reader wants them, in the reader's language and time zone, by the browser's `Intl`.
//! A language is told by its BCP 47 tag.
//!
//! Formatters are costly to make, so each is made once per language.

use std::{cell::RefCell, collections::BTreeMap};

use common::message::Timestamp;
use js_sys::{
    Array, Date, Function, Intl, Object, Reflect,
    wasm_bindgen::{JsCast, JsValue},
};

const MINUTE: f64 = 60_000.0;

pub(crate) fn now() -> Timestamp {
    Timestamp(Date::now() as i64)
}

/// The day in the reader's time zone, counted from 1970.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    let offset = Date::new(&JsValue::from_f64(at.0 as f64)).get_timezone_offset();
    (at.0 as f64 - offset * MINUTE).div_euclid(24.0 * 60.0 * MINUTE) as i64
}

/// "오후 3:12", "3:12 PM".
pub(crate) fn time(at: Timestamp, language: &'static str) -> String {
    format(at, language, "time", &[("hour", "numeric"), ("minute", "2-digit")])
}

/// "11월 22일 일요일", "Sunday, November 22".
pub(crate) fn day(at: Timestamp, language: &'static str) -> String {
    format(at, language, "day", &[("weekday", "long"), ("month", "long"), ("day", "numeric")])
}

/// Day and time in full.
pub(crate) fn in_full(at: Timestamp, language: &'static str) -> String {
    format(at, language, "full", &[("dateStyle", "full"), ("timeStyle", "short")])
}

/// What a `<time>` element says to machines.
pub(crate) fn iso(at: Timestamp) -> String {
    String::from(Date::new(&JsValue::from_f64(at.0 as f64)).to_iso_string())
}

/// "5분 전", "5 minutes ago"; `None` when it was just now.
pub(crate) fn ago(at: Timestamp, language: &'static str) -> Option<String> {
    let minutes = ((Date::now() - at.0 as f64) / MINUTE).floor();
    let (count, unit) = match minutes {
        ..1.0 => return None,
        ..60.0 => (minutes, "minute"),
        ..1_440.0 => ((minutes / 60.0).floor(), "hour"),
        _ => ((minutes / 1_440.0).floor(), "day"),
    };
    let locales = Array::of1(&JsValue::from_str(language));
    let format = Intl::RelativeTimeFormat::new(&locales, &options(&[("numeric", "auto")]));
    Some(String::from(format.format(-count, unit)))
}

thread_local! {
    static FORMATS: RefCell<BTreeMap<(&'static str, &'static str), Function>> = RefCell::default();
}

fn format(at: Timestamp, language: &'static str, kind: &'static str, parts: &[(&str, &str)]) -> String {
    let format = FORMATS.with_borrow_mut(|formats| {
        let make = || {
            let locales = Array::of1(&JsValue::from_str(language));
            Intl::DateTimeFormat::new(&locales, &options(parts)).format()
        };
        formats.entry((language, kind)).or_insert_with(make).clone()
    });
    let text = format.call1(&JsValue::UNDEFINED, &JsValue::from_f64(at.0 as f64));
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}

fn options(parts: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in parts {
        // Setting a property of a fresh object can not fail.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    options.unchecked_into()
}
