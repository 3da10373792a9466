//! Times, and numbers, as a reader wants them, in the reader's language and time zone, by the
//! browser's `Intl`.
//! A language is told by its BCP 47 tag.
//!
//! Formatters are costly to make, so each is made once per language.

use std::cell::RefCell;

use common::message::Timestamp;
use js_sys::{
    Array, Date, Function, Intl, Object, Reflect,
    wasm_bindgen::{JsCast, JsValue},
};

const MINUTE: f64 = 60_000.0;
const DAY: i64 = 24 * 60 * 60 * 1_000;

pub(crate) fn now() -> Timestamp {
    Timestamp(Date::now() as i64)
}

/// The day in the reader's time zone, counted from 1970.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    let offset = Date::new(&JsValue::from_f64(at.0 as f64)).get_timezone_offset();
    (at.0 - (offset * MINUTE) as i64).div_euclid(DAY)
}

/// "오후 3:12", "3:12 PM".
pub(crate) fn time(at: Timestamp, language: &'static str) -> String {
    format(at, language, "time", &[("hour", "numeric"), ("minute", "2-digit")])
}

/// "11월 22일 일요일", "Sunday, November 22"; with the year when it is another than this one.
pub(crate) fn day(at: Timestamp, language: &'static str) -> String {
    let year = |at: f64| Date::new(&JsValue::from_f64(at)).get_full_year();
    let parts = [("weekday", "long"), ("month", "long"), ("day", "numeric"), ("year", "numeric")];
    match year(at.0 as f64) == year(Date::now()) {
        true => format(at, language, "day", &parts[..3]),
        false => format(at, language, "day of another year", &parts),
    }
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
    let format = once(language, "ago", |locales| {
        Intl::RelativeTimeFormat::new(locales, &options(&[("numeric", "auto")])).into()
    });
    Some(String::from(format.unchecked_ref::<Intl::RelativeTimeFormat>().format(-count, unit)))
}

/// "12", "1,234".
pub(crate) fn number(number: usize, language: &'static str) -> String {
    // Below this no language writes more than the digits, and it is mostly below.
    if number < 1_000 {
        return number.to_string();
    }
    let format =
        once(language, "number", |locales| Intl::NumberFormat::new(locales, &Object::new()).format().into());
    said(format.unchecked_ref::<Function>(), number as f64)
}

fn format(at: Timestamp, language: &'static str, kind: &'static str, parts: &[(&str, &str)]) -> String {
    let format =
        once(language, kind, |locales| Intl::DateTimeFormat::new(locales, &options(parts)).format().into());
    said(format.unchecked_ref::<Function>(), at.0 as f64)
}

/// What a formatter makes of it.
fn said(format: &Function, what: f64) -> String {
    let text = format.call1(&JsValue::UNDEFINED, &JsValue::from_f64(what));
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}

thread_local! {
    /// By language and kind, a handful.
    static FORMATS: RefCell<Vec<(&'static str, &'static str, JsValue)>> = const { RefCell::new(Vec::new()) };
}

/// Makes a formatter, unless it was made before.
fn once(language: &'static str, kind: &'static str, make: impl FnOnce(&Array) -> JsValue) -> JsValue {
    FORMATS.with_borrow_mut(|formats| {
        if let Some((.., known)) = formats.iter().find(|known| (known.0, known.1) == (language, kind)) {
            return known.clone();
        }
        let format = make(&Array::of1(&JsValue::from_str(language)));
        formats.push((language, kind, format.clone()));
        format
    })
}

fn options(parts: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in parts {
        // Setting a property of a fresh object can not fail.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    options.unchecked_into()
}
