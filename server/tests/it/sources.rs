//! The rules for imports (`docs/architecture.md`), checked in the sources.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A folder or file, and patterns that its sources must not contain, with the reason.
const FORBIDDEN: &[(&str, &[&str], &str)] = &[
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
        "common holds types only: no IO, no clock, no randomness, no browser, no runtime",
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
            "crate::transport",
            "SELECT ",
        ],
        "chat uses no network, JSON or SQL",
    ),
    (
        "server/src/store",
        &["crate::chat", "crate::transport", "crate::bus", "axum", "socketioxide"],
        "the store imports nothing above it",
    ),
    (
        "server/src/bus",
        &["crate::chat", "crate::transport", "crate::store", "axum", "socketioxide"],
        "the bus imports nothing above it",
    ),
    (
        "server/src/transport",
        &["crate::store", "crate::bus", "rusqlite"],
        "a transport calls the chat, never the store",
    ),
    ("server/src/transport/http", &["socketio", "line::", "udp::"], "a transport imports no other transport"),
    (
        "server/src/transport/socketio",
        &["super::http", "transport::http", "assets::", "line::", "udp::"],
        "a transport imports no other transport",
    ),
    (
        "server/src/transport/listener.rs",
        &["axum", "hyper", "http::", "socketio", "line::", "udp::"],
        "the listener imports no transport",
    ),
    (
        "server/src/transport/queue.rs",
        &["axum", "hyper", "http::", "socketio", "line::", "udp::"],
        "the queue imports no transport",
    ),
    (
        "server/src/transport/guard.rs",
        &["super::http", "socketio::", "line::", "udp::"],
        "the guard imports no transport",
    ),
    (
        "server/src/transport/line",
        &["axum", "hyper", "socketioxide", "serde_json", "guard::", "http::", "udp::"],
        "the line transport imports no other transport",
    ),
    (
        "server/src/transport/udp",
        &[
            "axum",
            "hyper",
            "socketioxide",
            "serde_json",
            "listener::",
            "guard::",
            "http::",
            "line::",
            "send_to",
        ],
        "the UDP transport imports no other transport, and never answers",
    ),
    (
        "server/src/cli",
        &[
            "crate::chat",
            "crate::store",
            "crate::bus",
            "crate::transport",
            "crate::config",
            "axum",
            "rusqlite",
        ],
        "the terminal client imports nothing of the server it is shipped with",
    ),
    ("server/src", &["leptos"], "the server imports nothing of the page"),
    (
        "app/src/state",
        &["leptos", "web_sys", "js_sys", "wasm_bindgen", "gloo"],
        "the page's state runs without a browser",
    ),
    (
        "app/src/components",
        &["gloo_net", "WebSocket", "common::socketio"],
        "only socket.rs uses the WebSocket",
    ),
    ("app/src/pages", &["gloo_net", "WebSocket", "common::socketio"], "only socket.rs uses the WebSocket"),
    ("app/src/chat", &["Idb", "BroadcastChannel"], "only indexed_db.rs and tabs.rs use these browser APIs"),
];

/// The only files that name a failpoint or a sabotage, besides `failpoint.rs` itself.
const FAILPOINT_USERS: &[&str] = &[
    "server/src/main.rs",
    "server/src/chat/sabotage.rs",
    "server/src/chat/mod.rs",
    "server/src/transport/socketio/session.rs",
    "server/src/store/sqlite/append.rs",
    "server/src/store/sqlite/open.rs",
    "server/src/store/writer.rs",
];

#[test]
fn failpoints_are_named_in_few_places_and_import_none_of_them() {
    let root = root();
    let mut files = Vec::new();
    collect(&root.join("server/src"), &mut files);
    let naming = |file: &PathBuf| {
        let source = fs::read_to_string(file).unwrap();
        code_of(&source).any(|(_, line)| line.contains("failpoint::"))
    };
    let mut naming: Vec<PathBuf> = files.into_iter().filter(naming).collect();
    naming.sort();
    let mut known: Vec<PathBuf> = FAILPOINT_USERS.iter().map(|file| root.join(file)).collect();
    known.sort();
    assert_eq!(naming, known, "failpoint.rs is used where FAILPOINT_USERS says and nowhere else");
    let failpoint = fs::read_to_string(root.join("server/src/failpoint.rs")).unwrap();
    assert!(
        code_of(&failpoint).all(|(_, line)| !line.contains("crate::")),
        "failpoint.rs imports nothing of ours"
    );
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn imports_run_one_way() {
    let root = root();
    let mut breaches = Vec::new();
    for (folder, patterns, reason) in FORBIDDEN {
        let mut files = Vec::new();
        match root.join(folder) {
            file if file.is_file() => files.push(file),
            folder => collect(&folder, &mut files),
        }
        assert!(!files.is_empty(), "{folder} does not exist any more; update this test");
        for file in files {
            let source = fs::read_to_string(&file).unwrap();
            for (number, line) in code_of(&source) {
                let found = patterns.iter().filter(|pattern| line.contains(**pattern));
                breaches.extend(
                    found.map(|pattern| format!("{}:{number} contains {pattern}: {reason}", file.display())),
                );
            }
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

/// Returns the lines before the tests, without comments.
fn code_of(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let code = source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = code.lines().enumerate().map(|(at, line)| (at + 1, line));
    lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Collects the sources in a folder, without the files of tests.
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
