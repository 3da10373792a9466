//! The released page's shell: the one `index.html`, with Trunk's links replaced by the real files.
//!
//! Pure text. The build script makes the shell with it when the page is embedded; the tests run it
//! on the real `index.html`.

/// Replaces Trunk's links: the first style sheet by the bundle, the WASM by what starts it, and
/// drops the others. Each `data-trunk` link stands on a line of its own.
///
/// The page is started by a file, not by an inline script, so that the content security policy
/// needs no exception; its parts are preloaded, so that this costs no round trip.
pub(crate) fn shell(index: &str, css: &str, js: &str, wasm: &str, start: &str) -> String {
    let mut css_is_in = false;
    let mut lines = Vec::new();
    for line in index.lines() {
        let link = line.trim();
        if !link.starts_with("<link data-trunk ") {
            lines.push(line.to_owned());
        } else if link.contains("rel=\"css\"") && !css_is_in {
            css_is_in = true;
            lines.push(format!("    <link rel=\"stylesheet\" href=\"/{css}\">"));
        } else if link.contains("rel=\"rust\"") {
            lines.push(format!("    <link rel=\"modulepreload\" href=\"/{js}\">"));
            lines.push(format!(
                "    <link rel=\"preload\" href=\"/{wasm}\" as=\"fetch\" type=\"application/wasm\" crossorigin>"
            ));
            lines.push(format!("    <script type=\"module\" src=\"/{start}\"></script>"));
        }
    }
    lines.join("\n") + "\n"
}

/// The script that starts the page: wasm-bindgen's own default would look for another file name.
pub(crate) fn start_script(js: &str, wasm: &str) -> String {
    format!("import init from '/{js}';\ninit({{ module_or_path: '/{wasm}' }});\n")
}
