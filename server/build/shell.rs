//! Makes the shell (the index page) of a release from `index.html` by replacing Trunk's links with
//! links to the real files.
//!
//! Pure text processing, used by build.rs to embed the page. A build script can not run tests, so
//! those below are run by `tests/it`, which includes this file.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shell_names_every_file_and_keeps_nothing_of_trunk() {
        let index = include_str!("../../index.html");
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
    fn the_shell_has_no_inline_script_or_style() {
        let index = include_str!("../../index.html");
        let html = shell(index, "c", "j", "w", "s");
        assert!(!html.contains(" style=") && !html.contains("<style"), "inline style");
        assert!(html.split("<script").skip(1).all(|tag| tag.contains(" src=")), "inline script");
    }

    #[test]
    fn both_tools_are_given_the_same_style_sheets_in_the_same_order() {
        let in_index: Vec<&str> = include_str!("../../index.html")
            .lines()
            .filter(|line| line.contains("data-trunk") && line.contains("rel=\"css\""))
            .filter_map(|line| line.split("style/").nth(1)?.split('"').next())
            .collect();
        let in_main: Vec<&str> = include_str!("../../style/main.css")
            .lines()
            .filter_map(|line| line.strip_prefix("@import \"./")?.split('"').next())
            .collect();
        assert!(!in_main.is_empty());
        assert_eq!(in_index, in_main);
    }
}
