//! The page inside the binary: its shell and its files, compressed when it was built.
//!
//! Names under `pkg/` carry a hash of their content and may be kept for ever; everything else is
//! asked for again and answered with "not modified".

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

/// A file of the page.
struct Asset {
    /// The path without its leading slash; the shell's is empty.
    path: &'static str,
    content_type: &'static str,
    /// A quoted hash of the content.
    etag: &'static str,
    plain: &'static [u8],
    /// Only where it is smaller than `plain`.
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

// `static SITE: &[Asset]`, written by build.rs; empty without the feature `embed`.
include!(concat!(env!("OUT_DIR"), "/site.rs"));

/// What a server without its page says where the page would be.
const NO_PAGE: &str = "This madang was built without its page.\n\
    Build it with bin/run, or open the page that bin/dev serves.\n";

/// The page itself, whatever it is going to show.
pub(super) fn shell(status: StatusCode, headers: &HeaderMap) -> Response {
    match find("") {
        Some(asset) => send(asset, status, headers),
        None => (StatusCode::NOT_FOUND, NO_PAGE).into_response(),
    }
}

/// One of the page's files; for an unknown path the page, which says that there is no such thing.
pub(super) fn file(path: &str, headers: &HeaderMap) -> Response {
    match find(path.trim_start_matches('/')) {
        Some(asset) => send(asset, StatusCode::OK, headers),
        None => shell(StatusCode::NOT_FOUND, headers),
    }
}

fn find(path: &str) -> Option<&'static Asset> {
    SITE.iter().find(|asset| asset.path == path)
}

fn send(asset: &'static Asset, status: StatusCode, headers: &HeaderMap) -> Response {
    if has(headers, asset.etag) && status == StatusCode::OK {
        return describe(asset, StatusCode::NOT_MODIFIED, Body::empty());
    }
    let (coding, bytes) = match (asset.brotli, asset.gzip) {
        (Some(brotli), _) if accepts(headers, "br") => (Some("br"), brotli),
        (_, Some(gzip)) if accepts(headers, "gzip") => (Some("gzip"), gzip),
        _ => (None, asset.plain),
    };
    let mut response = describe(asset, status, Body::from(bytes));
    if let Some(coding) = coding {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

/// Whether the client takes this content coding (RFC 9110 §12.5.3, without weights but for zero).
fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| {
        let (name, weight) = item.split_once(';').unwrap_or((item, ""));
        name.trim().eq_ignore_ascii_case(coding) && !is_zero(weight)
    })
}

/// Whether this weight says "not that one" (RFC 9110 §12.4.2).
fn is_zero(weight: &str) -> bool {
    weight.trim().strip_prefix("q=").and_then(|weight| weight.parse::<f32>().ok()) == Some(0.0)
}

/// Whether the client has this content already, in whatever coding (RFC 9110 §13.1.2: the comparison
/// is the weak one).
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

fn describe(asset: &'static Asset, status: StatusCode, body: Body) -> Response {
    let caching =
        if asset.path.starts_with("pkg/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers: [(_, &str); 4] = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, caching),
        // The same content may come in another coding: that is what a weak one says.
        (header::ETAG, &format!("W/{}", asset.etag)),
        (header::VARY, "Accept-Encoding"),
    ];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use crate::gateway::shell::{shell, start_script};

    #[test]
    fn the_shell_names_every_file_and_keeps_nothing_of_trunk() {
        let index = include_str!("../../../index.html");
        let html = shell(index, "pkg/a.css", "pkg/a.js", "pkg/a.wasm", "pkg/start.js");
        assert!(!html.contains("data-trunk"), "{html}");
        for name in
            ["href=\"/pkg/a.css\"", "href=\"/pkg/a.js\"", "href=\"/pkg/a.wasm\"", "src=\"/pkg/start.js\""]
        {
            assert_eq!(html.matches(name).count(), 1, "{name} in {html}");
        }
        assert!(start_script("pkg/a.js", "pkg/a.wasm").contains("'/pkg/a.wasm'"));
    }

    #[test]
    fn the_policy_needs_no_exception() {
        let index = include_str!("../../../index.html");
        let html = shell(index, "c", "j", "w", "s");
        assert!(!html.contains(" style=") && !html.contains("<style"), "inline style");
        assert!(html.split("<script").skip(1).all(|tag| tag.contains(" src=")), "inline script");
    }

    #[test]
    fn both_tools_are_given_the_same_style_sheets_in_the_same_order() {
        let in_index: Vec<&str> = include_str!("../../../index.html")
            .lines()
            .filter(|line| line.contains("data-trunk") && line.contains("rel=\"css\""))
            .filter_map(|line| line.split("style/").nth(1)?.split('"').next())
            .collect();
        let in_main: Vec<&str> = include_str!("../../../style/main.css")
            .lines()
            .filter_map(|line| line.strip_prefix("@import \"./")?.split('"').next())
            .collect();
        assert!(!in_main.is_empty());
        assert_eq!(in_index, in_main);
    }
}
