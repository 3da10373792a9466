//! The figures of docs/protocol.md, "Limits", against the code.

use std::{fs, path::Path};

use common::{
    datagram,
    message::{Body, Emoji},
    person::DisplayName,
    protocol::{
        command::{Kick, Typing},
        reply::Joined,
    },
    reactions::Reaction,
    room::{RoomName, Topic},
};
use madang::{
    chat::limits::{Limits, ROOMS_PER_CONNECTION, Rate},
    config::Config,
    store::MAX_PAGE_BYTES,
};

/// Reads a file of the repository.
fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The value of a constant that other crates do not see: a number, a product of numbers, or seconds.
fn constant(file: &str, name: &str) -> f64 {
    let source = read(&format!("server/src/{file}"));
    let declaration =
        source.split(&format!("const {name}: ")).nth(1).unwrap_or_else(|| panic!("{file}: {name}"));
    let value = declaration.split_once(" = ").unwrap().1.split(';').next().unwrap();
    let value = value.trim_start_matches("Duration::from_secs(").trim_end_matches(')');
    value.split('*').map(|factor| factor.trim().replace('_', "").parse::<f64>().unwrap()).product()
}

/// Writes a number as the document does.
fn figure(number: f64) -> String {
    if number < 1_000.0 {
        return number.to_string();
    }
    format!("{},{:03}", (number / 1_000.0).floor(), number % 1_000.0)
}

fn kib(bytes: f64) -> String {
    format!("{} KiB", bytes / 1024.0)
}

fn mib(bytes: f64) -> String {
    format!("{} MiB", bytes / 1024.0 / 1024.0)
}

fn rate(Rate { per_second, burst }: Rate, factor: f64) -> String {
    format!("{} a second, {} at once", figure(per_second * factor), figure(burst * factor))
}

#[test]
fn every_documented_limit_is_the_one_in_the_code() {
    let Config { limits, max_connections, max_connections_per_address, .. } = Config::default();
    let Limits { messages, joins, reads, rooms } = limits;
    let factor = |name| constant("chat/limits.rs", name);
    let household = factor("HOUSEHOLD_FACTOR");
    let room_pace =
        |factor: f64| format!("{} seconds, {} at once", 1.0 / rooms.per_second / factor, rooms.burst);
    let characters = |max: usize| {
        vec![
            format!("{} characters", figure(max as f64)),
            format!("{} code points", figure(4.0 * max as f64)),
        ]
    };
    let rows: Vec<(&str, Vec<String>)> = vec![
        ("a person's name", characters(DisplayName::MAX)),
        ("a room's name", characters(RoomName::MAX)),
        ("a room's topic", characters(Topic::MAX)),
        ("a message", vec![format!("{} characters", figure(Body::MAX as f64)), kib(Body::MAX_BYTES as f64)]),
        (
            "the reactions of a message",
            vec![
                format!("{} different emoji", Reaction::MAX_EMOJI),
                format!("{} reactions", figure(Reaction::MAX_TOTAL as f64)),
                format!("{} people", Reaction::MAX_PEOPLE),
            ],
        ),
        ("an emoji", vec![format!("{} bytes", Emoji::MAX_BYTES)]),
        ("`people` in the reply to `join`", vec![figure(Joined::MAX_PEOPLE as f64)]),
        ("a packet from a client", vec![kib(constant("transport/socketio/mod.rs", "MAX_PACKET"))]),
        ("a line over TCP", vec![kib(Body::MAX_BYTES as f64)]),
        ("a datagram", vec![kib(datagram::MAX_BYTES as f64)]),
        ("messages, edits, reactions", vec![rate(messages, 1.0)]),
        ("`typing` and `away`", vec![format!("more than {} members", Typing::MAX_MEMBERS)]),
        (
            "people whom a room keeps out",
            vec![
                figure(constant("chat/bans.rs", "MAX_BANS")),
                format!("{} minutes", if Kick::BAN_SECONDS == 600 { "ten" } else { "not ten" }),
            ],
        ),
        (
            "connections that wait for a seat",
            vec![
                figure(constant("chat/room.rs", "MAX_SEAT_WAITERS")),
                format!("{ROOMS_PER_CONNECTION} rooms"),
            ],
        ),
        ("joins, renames, waits", vec![rate(joins, 1.0)]),
        ("pages of history of one connection", vec![rate(reads, 1.0), kib(MAX_PAGE_BYTES as f64)]),
        ("rooms of a server", vec![figure(constant("store/sqlite/rooms.rs", "MAX_ROOMS"))]),
        ("people without a message", vec![figure(constant("store/sqlite/people.rs", "MAX_UNUSED_PEOPLE"))]),
        (
            "commands of one connection that wait",
            vec![
                figure(constant("transport/socketio/command_queue.rs", "MAX_COMMANDS")),
                kib(constant("transport/socketio/command_queue.rs", "MAX_BYTES")),
            ],
        ),
        (
            "commands of connections that have ended",
            vec![
                mib(constant("transport/socketio/command_queue.rs", "MAX_LEFTOVER_BYTES_PER_ADDRESS")),
                mib(constant("transport/socketio/command_queue.rs", "MAX_LEFTOVER_BYTES")),
            ],
        ),
        (
            "sessions over long-polling",
            ["MAX_PER_CONNECTION", "MAX_PER_ADDRESS", "MAX_TOTAL"]
                .map(|name| figure(constant("transport/socketio/handshakes.rs", name)))
                .into(),
        ),
        (
            "data that waits for a connection",
            vec![
                kib(constant("transport/raw_socket.rs", "MAX_QUEUED_BYTES")),
                format!("{} packets", constant("transport/socketio/mod.rs", "MAX_QUEUED_PACKETS")),
            ],
        ),
        (
            "time without a sign of life",
            vec![format!(
                "{} seconds; the server pings it every {}",
                constant("transport/socketio/mod.rs", "PING_INTERVAL")
                    + constant("transport/socketio/mod.rs", "PING_TIMEOUT"),
                constant("transport/socketio/mod.rs", "PING_INTERVAL")
            )],
        ),
        (
            "messages, pages and renames of one person over HTTP",
            vec![if household == 20.0 { "twenty" } else { "not twenty" }.to_owned()],
        ),
        ("all connections of one person", vec![format!("{} times", factor("DEVICES_FACTOR"))]),
        ("new rooms", vec![room_pace(1.0)]),
        (
            "all clients at one address",
            vec![
                rate(messages, household).replace(" a second", " messages a second"),
                format!(
                    "{} connections, room lists and requests about a room a second, {} at once",
                    joins.per_second * household,
                    joins.burst * household
                ),
                format!("{max_connections_per_address} connections"),
            ],
        ),
        ("connections in all", vec![figure(max_connections as f64)]),
        (
            "all clients on loopback",
            vec![
                rate(joins, factor("PROXY_FACTOR"))
                    .replace(" a second", " connections and requests a second"),
                rate(joins, factor("PROXY_CONNECTION_FACTOR")),
                rate(rooms, household).replace(" a second", " new rooms a second"),
                room_pace(1.0),
            ],
        ),
        ("addresses and people whose rates", vec![figure(factor("MAX_TRACKED_KEYS"))]),
        ("people of whom the server remembers", vec![figure(constant("chat/origin.rs", "MAX_REMEMBERED"))]),
        (
            "datagrams that are remembered",
            vec![
                figure(constant("transport/udp/auth.rs", "MAX_CACHED")),
                format!("{} seconds", constant("transport/udp/auth.rs", "MAX_CLOCK_SKEW")),
            ],
        ),
    ];
    let document = read("docs/protocol.md");
    let table = document.split("\n## Limits\n\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let documented: Vec<&str> = table.lines().skip(2).collect();
    for row in &documented {
        let is_checked = rows.iter().any(|(start, _)| row.starts_with(&format!("| {start}")));
        let has_no_figure = !row.contains(|letter: char| letter.is_ascii_digit());
        assert!(is_checked || has_no_figure, "nothing checks this row: {row}");
    }
    for (start, figures) in rows {
        let row = documented.iter().find(|row| row.starts_with(&format!("| {start}")));
        let row = row.unwrap_or_else(|| panic!("no row begins with {start}"));
        for figure in figures {
            assert!(row.contains(&figure), "{row}\nlacks {figure}");
        }
    }
}
