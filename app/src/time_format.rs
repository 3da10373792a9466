//! Formats times and numbers in the current language and the local time zone, with the browser's
//! `Intl`. Languages are given as BCP 47 tags.
//!
//! Formatters are slow to create, so each is created once per language and cached.

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

/// The number of the day since 1970 in the local time zone.
pub(crate) fn local_day(at: Timestamp) -> i64 {
    let offset = Date::new(&JsValue::from_f64(at.0 as f64)).get_timezone_offset();
    (at.0 - (offset * MINUTE) as i64).div_euclid(DAY)
}

/// "오후 3:12", "3:12 PM".
pub(crate) fn time(at: Timestamp, language: &'static str) -> String {
    format(at, language, "time", &[("hour", "numeric"), ("minute", "2-digit")])
}

/// "11월 22일 일요일", "Sunday, November 22"; with the year if it is not the current one.
pub(crate) fn day(at: Timestamp, language: &'static str) -> String {
    let year = |at: f64| Date::new(&JsValue::from_f64(at)).get_full_year();
    let parts = [("weekday", "long"), ("month", "long"), ("day", "numeric"), ("year", "numeric")];
    match year(at.0 as f64) == year(Date::now()) {
        true => format(at, language, "day", &parts[..3]),
        false => format(at, language, "day of another year", &parts),
    }
}

/// Formats day and time in full.
pub(crate) fn full(at: Timestamp, language: &'static str) -> String {
    format(at, language, "full", &[("dateStyle", "full"), ("timeStyle", "short")])
}

/// ISO 8601, for the `datetime` attribute.
pub(crate) fn iso(at: Timestamp) -> String {
    String::from(Date::new(&JsValue::from_f64(at.0 as f64)).to_iso_string())
}

/// "5분 전", "5 minutes ago"; `None` within the last minute.
pub(crate) fn relative(at: Timestamp, language: &'static str) -> Option<String> {
    let minutes = ((Date::now() - at.0 as f64) / MINUTE).floor();
    let (count, unit) = match minutes {
        ..1.0 => return None,
        ..60.0 => (minutes, "minute"),
        ..1_440.0 => ((minutes / 60.0).floor(), "hour"),
        _ => ((minutes / 1_440.0).floor(), "day"),
    };
    let format = cached_formatter(language, "ago", |locales| {
        Intl::RelativeTimeFormat::new(locales, &options(&[("numeric", "auto")])).into()
    });
    Some(String::from(format.unchecked_ref::<Intl::RelativeTimeFormat>().format(-count, unit)))
}

/// "12", "1,234".
pub(crate) fn number(number: usize, language: &'static str) -> String {
    // Fast path: below 1,000 the format is the same in every language.
    if number < 1_000 {
        return number.to_string();
    }
    let format = cached_formatter(language, "number", |locales| {
        Intl::NumberFormat::new(locales, &Object::new()).format().into()
    });
    call_formatter(format.unchecked_ref::<Function>(), number as f64)
}

fn format(at: Timestamp, language: &'static str, kind: &'static str, parts: &[(&str, &str)]) -> String {
    let format = cached_formatter(language, kind, |locales| {
        Intl::DateTimeFormat::new(locales, &options(parts)).format().into()
    });
    call_formatter(format.unchecked_ref::<Function>(), at.0 as f64)
}

fn call_formatter(format: &Function, value: f64) -> String {
    let text = format.call1(&JsValue::UNDEFINED, &JsValue::from_f64(value));
    text.ok().and_then(|text| text.as_string()).unwrap_or_default()
}

thread_local! {
    /// Cached by language and kind; a handful of entries.
    static FORMATTERS: RefCell<Vec<(&'static str, &'static str, JsValue)>> = const { RefCell::new(Vec::new()) };
}

/// Returns the cached formatter, or creates it.
fn cached_formatter(
    language: &'static str,
    kind: &'static str,
    make: impl FnOnce(&Array) -> JsValue,
) -> JsValue {
    FORMATTERS.with_borrow_mut(|formats| {
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
        // Never fails for a new object.
        let _ = Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value));
    }
    options.unchecked_into()
}
