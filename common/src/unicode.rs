//! Unicode's tables: normalisation, small letters, what a reader counts as one character, marks.
//!
//! Native code brings them along; in the page the browser's own are used, which saves the first
//! visit their download. Both follow the same annexes (UAX 15, UAX 29), and the same tests run on
//! both. This is the one file of this crate that knows where it runs. Called by `text` and
//! `korean` only.

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    use unicode_segmentation::UnicodeSegmentation;

    /// `text` in normalisation form C.
    pub(crate) fn nfc(text: &str) -> String {
        text.nfc().collect()
    }

    /// `text` with every letter that has a small form in it.
    pub(crate) fn lowercase(text: &str) -> String {
        text.to_lowercase()
    }

    /// How many extended grapheme clusters `text` has.
    pub(crate) fn graphemes(text: &str) -> usize {
        text.graphemes(true).count()
    }

    /// Whether more than `most` combining marks stand in a row.
    pub(crate) fn has_mark_tower(text: &str, most: usize) -> bool {
        let mut marks = 0;
        text.chars().any(|c| {
            marks = if is_combining_mark(c) { marks + 1 } else { 0 };
            marks > most
        })
    }
}

#[cfg(target_arch = "wasm32")]
mod tables {
    use js_sys::{Array, Intl::Segmenter, JsString, Object, RegExp};

    /// `text` in normalisation form C.
    pub(crate) fn nfc(text: &str) -> String {
        JsString::from(text).normalize("NFC").into()
    }

    /// `text` with every letter that has a small form in it.
    pub(crate) fn lowercase(text: &str) -> String {
        JsString::from(text).to_lower_case().into()
    }

    /// How many extended grapheme clusters `text` has.
    pub(crate) fn graphemes(text: &str) -> usize {
        let segmenter = Segmenter::new(&Array::new(), &Object::new());
        Array::from(&segmenter.segment(text)).length() as usize
    }

    /// Whether more than `most` combining marks stand in a row.
    pub(crate) fn has_mark_tower(text: &str, most: usize) -> bool {
        RegExp::new(&format!("\\p{{M}}{{{},}}", most + 1), "u").test(text)
    }
}

pub(crate) use tables::{graphemes, has_mark_tower, lowercase, nfc};
