//! Unicode algorithms: normalisation, lower case, grapheme clusters and combining marks.
//!
//! Native code links the tables; the page uses the browser's, so a first visit does not download
//! them. Both follow the same annexes (UAX 15, UAX 29), and the same tests run on both. No other
//! file of this crate depends on the platform. Called by `text` and `name_match` only.

#[cfg(not(target_arch = "wasm32"))]
mod tables {
    use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
    use unicode_segmentation::UnicodeSegmentation;

    /// Returns `text` in normalisation form C.
    pub(crate) fn nfc(text: &str) -> String {
        text.nfc().collect()
    }

    /// Returns `text` in lower case.
    pub(crate) fn lowercase(text: &str) -> String {
        text.to_lowercase()
    }

    /// Counts the extended grapheme clusters of `text`.
    pub(crate) fn count_graphemes(text: &str) -> usize {
        text.graphemes(true).count()
    }

    /// Whether `text` has more than `max` combining marks in a row.
    pub(crate) fn has_stacked_marks(text: &str, max: usize) -> bool {
        let mut marks = 0;
        text.chars().any(|c| {
            marks = if is_combining_mark(c) { marks + 1 } else { 0 };
            marks > max
        })
    }
}

#[cfg(target_arch = "wasm32")]
mod tables {
    use js_sys::{Array, Intl::Segmenter, JsString, Object, RegExp};

    /// Returns `text` in normalisation form C.
    pub(crate) fn nfc(text: &str) -> String {
        JsString::from(text).normalize("NFC").into()
    }

    /// Returns `text` in lower case.
    pub(crate) fn lowercase(text: &str) -> String {
        JsString::from(text).to_lower_case().into()
    }

    /// Counts the extended grapheme clusters of `text`.
    pub(crate) fn count_graphemes(text: &str) -> usize {
        let segmenter = Segmenter::new(&Array::new(), &Object::new());
        Array::from(&segmenter.segment(text)).length() as usize
    }

    /// Whether `text` has more than `max` combining marks in a row.
    pub(crate) fn has_stacked_marks(text: &str, max: usize) -> bool {
        RegExp::new(&format!("\\p{{M}}{{{},}}", max + 1), "u").test(text)
    }
}

pub(crate) use tables::{count_graphemes, has_stacked_marks, lowercase, nfc};
