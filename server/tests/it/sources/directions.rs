//! Imports run one way (`docs/architecture.md`, "Invariants").

use std::fs;

use super::{
    CRATES,
    parse::{files, repository},
};

/// HTTP's libraries and all transports.
const HTTP_AND_TRANSPORTS: &[&str] = &[
    "axum",
    "hyper",
    "socketioxide",
    "crate::transport::http",
    "crate::transport::socketio",
    "crate::transport::line",
    "crate::transport::udp",
];

/// Where a rule holds (the start of a file's path), what must not be named there (the start of a path,
/// as an import would have it), and why.
const RULES: &[(&str, &[&str], &str)] = &[
    (
        "common/src/",
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
            "rand",
        ],
        "common holds types only: no IO, no clock, no randomness, no browser, no runtime",
    ),
    (
        "server/src/chat/",
        &[
            "axum",
            "hyper",
            "socketioxide",
            "serde_json",
            "rusqlite",
            "tokio::net",
            "crate::transport",
            "crate::cli",
        ],
        "chat uses no network, JSON or SQL",
    ),
    (
        "server/src/store/",
        &["crate::chat", "crate::transport", "crate::bus", "crate::cli", "axum", "socketioxide"],
        "the store imports nothing above it",
    ),
    (
        "server/src/bus/",
        &["crate::chat", "crate::transport", "crate::store", "crate::cli", "axum", "socketioxide"],
        "the bus imports nothing above it",
    ),
    (
        "server/src/transport/",
        &["crate::store", "crate::bus", "crate::cli", "rusqlite"],
        "a transport calls the chat, never the store",
    ),
    (
        "server/src/transport/http/",
        &["crate::transport::socketio", "crate::transport::line", "crate::transport::udp", "socketioxide"],
        "a transport imports no other transport",
    ),
    (
        "server/src/transport/socketio/",
        &["crate::transport::http", "crate::transport::line", "crate::transport::udp"],
        "a transport imports no other transport",
    ),
    ("server/src/transport/listener.rs", HTTP_AND_TRANSPORTS, "the listener imports no transport"),
    ("server/src/transport/queue.rs", HTTP_AND_TRANSPORTS, "the queue imports no transport"),
    (
        "server/src/transport/guard.rs",
        &[
            "crate::transport::http",
            "crate::transport::socketio",
            "crate::transport::line",
            "crate::transport::udp",
        ],
        "the guard imports no transport",
    ),
    (
        "server/src/transport/line/",
        &[
            "axum",
            "hyper",
            "socketioxide",
            "serde_json",
            "crate::transport::guard",
            "crate::transport::http",
            "crate::transport::socketio",
            "crate::transport::udp",
        ],
        "the line transport imports no other transport",
    ),
    (
        "server/src/transport/udp/",
        &[
            "axum",
            "hyper",
            "socketioxide",
            "serde_json",
            "crate::transport::listener",
            "crate::transport::guard",
            "crate::transport::http",
            "crate::transport::socketio",
            "crate::transport::line",
        ],
        "the UDP transport imports no other transport",
    ),
    (
        "server/src/cli/",
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
    ("server/src/failpoint.rs", &["crate"], "failpoints import nothing of ours"),
    (
        "server/src/health.rs",
        &["crate::chat", "crate::store", "crate::bus", "crate::transport", "crate::cli", "crate::config"],
        "health imports nothing of what it watches",
    ),
    ("server/src/", &["leptos"], "the server imports nothing of the page"),
    (
        "app/src/state/",
        &[
            "crate::chat",
            "crate::components",
            "crate::i18n",
            "crate::pages",
            "leptos",
            "web_sys",
            "js_sys",
            "wasm_bindgen",
            "gloo_net",
            "gloo_timers",
        ],
        "the page's state runs without a browser and imports nothing above it",
    ),
    ("app/src/i18n/", &["crate::chat", "crate::components", "crate::pages"], "the texts know no component"),
    (
        "app/src/chat/",
        &["crate::components", "crate::pages", "web_sys::BroadcastChannel", "gloo_net"],
        "chat knows no component; only socket.rs, indexed_db.rs and tabs.rs use these browser APIs",
    ),
    (
        "app/src/components/",
        &["gloo_net", "web_sys::WebSocket", "common::socketio"],
        "only socket.rs uses the WebSocket",
    ),
    (
        "app/src/pages/",
        &["gloo_net", "web_sys::WebSocket", "common::socketio"],
        "only socket.rs uses the WebSocket",
    ),
];

/// Texts that must not stand in the sources of a folder, and why: what is not a path.
const TEXTS: &[(&str, &str, &str)] = &[
    ("server/src/chat", "SELECT ", "chat uses no SQL"),
    ("server/src/transport/udp", "send_to(", "the UDP transport never answers"),
    ("app/src/chat", "Idb", "only indexed_db.rs uses IndexedDB"),
    ("app/src/components", "WebSocket", "only socket.rs uses the WebSocket"),
    ("app/src/pages", "WebSocket", "only socket.rs uses the WebSocket"),
    ("server/src", " println!", "a reader that is gone makes it panic: use output.rs, or cli::print_error"),
    ("server/src", "eprintln!", "a reader that is gone makes it panic: use output.rs, or cli::print_error"),
    ("app/src", "inner_html", "texts become text nodes, never HTML"),
];

/// The only files that name a failpoint or a sabotage, besides `failpoint.rs` itself.
const FAILPOINT_USERS: &[&str] = &[
    "server/src/chat/mod.rs",
    "server/src/chat/sabotage.rs",
    "server/src/health.rs",
    "server/src/main.rs",
    "server/src/store/sqlite/append.rs",
    "server/src/store/sqlite/open.rs",
    "server/src/store/writer.rs",
    "server/src/transport/socketio/session.rs",
];

#[test]
fn imports_run_one_way() {
    let mut breaches = Vec::new();
    for module in CRATES.iter().flat_map(|sources| sources.modules.values()) {
        for (_, forbidden, reason) in RULES.iter().filter(|(place, ..)| module.file.starts_with(place)) {
            let named = module.named.iter().filter(|path| is_forbidden(path, forbidden));
            breaches.extend(named.map(|path| format!("{} names {}: {reason}", module.file, path.join("::"))));
        }
    }
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
}

#[test]
fn a_forbidden_path_is_found_by_whole_segments() {
    let is_forbidden = |path: &str| {
        let path: Vec<_> = path.split("::").map(str::to_owned).collect();
        is_forbidden(&path, &["crate::chat", "axum"])
    };
    assert!(["axum", "axum::Router", "crate::chat", "crate::chat::room::Room"].into_iter().all(is_forbidden));
    assert!(!["axum_core", "crate::chatter", "crate", "chat::Room"].into_iter().any(is_forbidden));
}

#[test]
fn every_rule_is_about_a_place_that_exists() {
    for (place, ..) in RULES {
        assert!(repository().join(place).exists(), "{place} does not exist any more; update the rule");
    }
}

#[test]
fn forbidden_texts_stand_nowhere() {
    for (folder, text, reason) in TEXTS {
        for file in files(folder, &["rs"]) {
            let source = fs::read_to_string(&file).unwrap();
            assert!(!source.contains(text), "{} contains {text:?}: {reason}", file.display());
        }
    }
}

#[test]
fn failpoints_are_named_in_few_places() {
    let modules = CRATES.iter().flat_map(|sources| sources.modules.values());
    let is_user = |path: &Vec<String>| path.iter().any(|segment| segment == "failpoint");
    let mut users: Vec<&str> =
        modules.filter(|module| module.named.iter().any(is_user)).map(|module| &*module.file).collect();
    users.sort_unstable();
    assert_eq!(users, FAILPOINT_USERS, "failpoint.rs is used where this list says and nowhere else");
}

fn is_forbidden(path: &[String], forbidden: &[&str]) -> bool {
    forbidden.iter().any(|start| {
        let mut segments = path.iter();
        start.split("::").all(|segment| segments.next().is_some_and(|of_path| of_path == segment))
    })
}
