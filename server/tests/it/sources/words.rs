//! Names use the words of `docs/glossary.md`; the words that this project used before are refused.

use super::{CRATES, FOLDERS, parse::files};

/// Words that no name of an item, variant, field or file may contain, and what to say instead.
const REFUSED: &[(&str, &str)] = &[
    ("allowance", "session limits"),
    ("announcer", "live region"),
    ("asked", "requested"),
    ("asking", "requests"),
    ("attention", "idle"),
    ("awkward", "hostile input"),
    ("breath", "delay"),
    ("comings", "membership notes"),
    ("company", "roster"),
    ("converse", "run a session"),
    ("deaf", "write closed"),
    ("deed", "action"),
    ("deeds", "actions"),
    ("desk", "editor"),
    ("doer", "actor"),
    ("door", "transport"),
    ("doors", "transports"),
    ("drawing", "rendering"),
    ("drawn", "rendered rows"),
    ("ear", "queue"),
    ("ears", "queues"),
    ("errand", "posting"),
    ("expel", "ban"),
    ("face", "avatar"),
    ("fate", "delivery"),
    ("faulty", "sabotage, or injected faults"),
    ("following", "subscription"),
    ("forgive", "expire bans"),
    ("garble", "fail to parse"),
    ("garbled", "parse error"),
    ("gateway", "transport"),
    ("glance", "member sample"),
    ("goal", "scroll target"),
    ("habits", "client options"),
    ("hear", "deliver or receive"),
    ("heard", "received"),
    ("hearing", "receive"),
    ("horizon", "known last"),
    ("introduce", "register"),
    ("keeping", "durability"),
    ("keepsake", "token store"),
    ("kept", "registered, stored or persisted"),
    ("knock", "check the connection rate"),
    ("lagging", "lagged"),
    ("liked", "reacted"),
    ("looking", "focused"),
    ("morning", "demo conversation"),
    ("news", "presence changes or unread summary"),
    ("noted", "ack"),
    ("notice", "broadcast, notification or event"),
    ("notices", "notifications"),
    ("noticing", "notify"),
    ("nowhere", "not found"),
    ("opener", "dialog button"),
    ("outgrown", "outdated"),
    ("parked", "queued"),
    ("passer", "rate key"),
    ("passers", "rate limits"),
    ("passing", "retryable"),
    ("patience", "timeouts"),
    ("place", "rank, permit or position"),
    ("platter", "disk image"),
    ("said", "sent, or the text itself"),
    ("scene", "view model"),
    ("shelf", "cache"),
    ("sit", "join"),
    ("situation", "context"),
    ("somebody", "person"),
    ("speaking", "active"),
    ("speech", "locale"),
    ("stage", "state, or fixtures"),
    ("stranger", "foreign protocol"),
    ("stretch", "segment"),
    ("tell", "broadcast or send"),
    ("told", "push, event or answer"),
    ("tolerate", "check the ban"),
    ("underway", "in flight"),
    ("unsent", "pending or queued"),
    ("visitor", "client info"),
    ("voice", "style"),
    ("watcher", "seat waiter"),
    ("watchers", "seat waiters"),
    ("whoever", "person"),
    ("windows", "tabs"),
    ("wish", "line command"),
    ("withdrawn", "tombstone"),
    ("workshop", "harness"),
];

#[test]
fn names_are_the_words_of_the_glossary() {
    let mut found = Vec::new();
    for module in CRATES.iter().flat_map(|sources| sources.modules.values()) {
        for name in &module.defined {
            found.extend(refusals(name).map(|refusal| format!("{}: {name}{refusal}", module.file)));
        }
    }
    for file in FOLDERS.iter().flat_map(|folder| files(folder, &["rs", "mjs", "css", "py"])) {
        let name = file.file_name().unwrap().to_string_lossy();
        found.extend(refusals(&name).map(|refusal| format!("{}{refusal}", file.display())));
    }
    assert!(found.is_empty(), "docs/glossary.md has other words for these:\n{}", found.join("\n"));
}

#[test]
fn a_name_is_split_into_its_words() {
    let found = |name: &str| refusals(name).collect::<Vec<_>>();
    assert_eq!(found("DoerOfDeeds"), [" (deeds: say actions)", " (doer: say actor)"]);
    for name in ["is_deed", "DEED", "DEED_KIND", "wt.deed.test.mjs", "past-deed"] {
        assert_eq!(found(name), [" (deed: say action)"], "{name}");
    }
    for name in ["Indeed", "indeed_not", "keyboard.mjs", "heartbeat"] {
        assert_eq!(found(name), [""; 0], "{name}");
    }
}

/// What is wrong with a name.
fn refusals(name: &str) -> impl Iterator<Item = String> {
    let words = words(name);
    let refused = REFUSED.iter().filter(move |(word, _)| words.iter().any(|of_name| of_name == word));
    refused.map(|(word, instead)| format!(" ({word}: say {instead})"))
}

/// The words of a name in camel, snake, kebab or screaming case, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_lower = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() || letter.is_uppercase() && after_lower {
            words.push(String::new());
        }
        after_lower = letter.is_lowercase();
        if let Some(word) = words.last_mut().filter(|_| letter.is_alphanumeric()) {
            word.extend(letter.to_lowercase());
        }
    }
    words
}
