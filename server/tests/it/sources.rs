//! Who may import whom (`docs/architecture.md`), read from the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder or file, and words its sources must not hold, with the reason.
const BREACHES: &[(&str, &[&str], &str)] = &[
    (
        "common/src",
        &[
            "std::fs",
            "std::net",
            "std::time",
            "std::thread",
            "tokio",
            "axum",
            "leptos",
            "web_sys",
            "rusqlite",
            "rand::",
        ],
        "common is words only: no IO, no clock, no randomness, no browser, no runtime",
    ),
    (
        "server/src/chat",
        &[
            "axum",
            "hyper",
            "socketioxide",
            "serde_json",
            "rusqlite",
            "tokio::net",
            "crate::gateway",
            "SELECT ",
        ],
        "chat decides and knows no network, JSON or SQL",
    ),
    (
        "server/src/store",
        &["crate::chat", "crate::gateway", "crate::bus", "axum", "socketioxide"],
        "the store is only the log",
    ),
    (
        "server/src/bus",
        &["crate::chat", "crate::gateway", "crate::store", "axum", "socketioxide"],
        "the bus only carries",
    ),
    (
        "server/src/gateway",
        &["crate::store", "crate::bus", "rusqlite"],
        "a gateway asks the chat, never the log",
    ),
    ("server/src/gateway/http", &["socketio", "tcp::", "udp::"], "no door knows another"),
    ("server/src/gateway/socketio", &["http::refused", "page::", "tcp::", "udp::"], "no door knows another"),
    (
        "server/src/gateway/guard.rs",
        &["super::http", "socketio::", "tcp::", "udp::"],
        "the guard knows no door",
    ),
    (
        "server/src/gateway/tcp",
        &["axum", "hyper", "socketioxide", "serde_json", "accept::", "guard::", "http::", "udp::"],
        "the line door knows no other",
    ),
    (
        "server/src/gateway/udp",
        &["axum", "hyper", "socketioxide", "serde_json", "accept::", "guard::", "http::", "tcp::", "send_to"],
        "the datagram door knows no other, and never answers",
    ),
    (
        "server/src/cli",
        &["crate::chat", "crate::store", "crate::bus", "crate::gateway", "crate::config", "axum", "rusqlite"],
        "a client knows the words of common, and nothing of the server it is shipped with",
    ),
    ("server/src", &["leptos"], "the server does not know how the page is made"),
    (
        "app/src/state",
        &["leptos", "web_sys", "js_sys", "wasm_bindgen", "gloo"],
        "the page's state runs without a browser",
    ),
    (
        "app/src/components",
        &["gloo_net", "WebSocket", "common::socketio"],
        "only socket.rs knows the WebSocket",
    ),
    ("app/src/pages", &["gloo_net", "WebSocket", "common::socketio"], "only socket.rs knows the WebSocket"),
    (
        "app/src/chat",
        &["Idb", "BroadcastChannel"],
        "only indexed_db.rs and windows.rs know what they are made of",
    ),
];

/// The only places that name a failpoint or a sabotage, beside `fault.rs` itself.
const FAULTY: &[&str] = &[
    "server/src/main.rs",
    "server/src/chat/faulty.rs",
    "server/src/chat/mod.rs",
    "server/src/gateway/socketio/mod.rs",
    "server/src/store/sqlite/append.rs",
    "server/src/store/sqlite/mod.rs",
    "server/src/store/writer.rs",
];

#[test]
fn failures_on_purpose_are_named_in_few_places_and_know_none_of_them() {
    let root = root();
    let mut files = Vec::new();
    collect(&root.join("server/src"), &mut files);
    let naming = |file: &PathBuf| {
        let source = fs::read_to_string(file).unwrap();
        // Not `Default::`.
        let names = |line: &str| {
            line.match_indices("fault::").any(|(at, _)| !line[..at].ends_with(char::is_alphabetic))
        };
        code_of(&source).any(|(_, line)| names(line))
    };
    let mut naming: Vec<PathBuf> = files.into_iter().filter(naming).collect();
    naming.sort();
    let mut known: Vec<PathBuf> = FAULTY.iter().map(|file| root.join(file)).collect();
    known.sort();
    assert_eq!(naming, known, "fault.rs is used where FAULTY says and nowhere else");
    let fault = fs::read_to_string(root.join("server/src/fault.rs")).unwrap();
    assert!(code_of(&fault).all(|(_, line)| !line.contains("crate::")), "fault.rs knows nobody");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn imports_run_one_way() {
    let root = root();
    let mut breaches = Vec::new();
    for (folder, words, reason) in BREACHES {
        let mut files = Vec::new();
        match root.join(folder) {
            file if file.is_file() => files.push(file),
            folder => collect(&folder, &mut files),
        }
        assert!(!files.is_empty(), "{folder} is not there any more; mend this test");
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            for (number, line) in code_of(&source) {
                let found = words.iter().filter(|word| line.contains(**word));
                breaches
                    .extend(found.map(|word| format!("{}:{number} says {word}: {reason}", file.display())));
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// The lines before the tests, without comments.
fn code_of(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// The sources in a folder; a file of its own for the tests of a module is none of them.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            files.push(path);
        }
    }
}
