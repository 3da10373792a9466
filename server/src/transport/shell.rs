//! Makes the shell (the index page) of a release from `index.html` by replacing Trunk's links with
//! links to the real files.
//!
//! Pure text processing. build.rs includes this file to embed the page; the server compiles it for
//! the tests in `assets.rs` only.

/// Replaces the first `data-trunk` style sheet by the bundle and the WASM link by its loader, and
/// drops the other `data-trunk` links. Each such link must be on a line of its own.
pub(crate) fn shell(index: &str, css: &str, js: &str, wasm: &str, start: &str) -> String {
    let mut has_css = false;
    let mut lines = Vec::new();
    for line in index.lines() {
        let link = line.trim();
        if !link.starts_with("<link data-trunk ") {
            lines.push(line.to_owned());
        } else if link.contains("rel=\"css\"") && !has_css {
            has_css = true;
            lines.push(format!("    <link rel=\"stylesheet\" href=\"/{css}\">"));
        } else if link.contains("rel=\"rust\"") {
            // The start script is a file, so that the content security policy needs no exception; the
            // parts are preloaded, so that the file costs no extra round trip.
            lines.push(format!("    <link rel=\"modulepreload\" href=\"/{js}\">"));
            lines.push(format!(
                "    <link rel=\"preload\" href=\"/{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>"
            ));
            lines.push(format!("    <script type=\"module\" src=\"/{start}\"></script>"));
        }
    }
    lines.join("\n") + "\n"
}

/// The start script; it names the WASM file, because wasm-bindgen's default name has no hash.
pub(crate) fn start_script(js: &str, wasm: &str) -> String {
    format!("import init from '/{js}';\ninit({{ module_or_path: '/{wasm}' }});\n")
}
