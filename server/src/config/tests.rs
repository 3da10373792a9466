use std::fs;

use super::*;
use crate::chat::limits::Rate;

fn parse_serve(arguments: &[&str]) -> anyhow::Result<Config> {
    let all = std::iter::once("madang").chain(arguments.iter().copied());
    match load_from(all, None)? {
        Invocation::Serve(config) => Ok(*config),
        other => bail!("asked for {other:?}"),
    }
}

#[test]
fn an_unusable_option_gives_one_sentence_that_names_it() {
    let cases: &[(&[&str], &str)] = &[
        (&["--frobnicate"], "unexpected argument '--frobnicate' found; see madang --help"),
        (&["--listen", "gopher://127.0.0.1:70"], "--listen opens http, tcp and udp doors, not gopher://"),
        (&["--listen", "tcp://127.0.0.1"], "--listen takes tcp://ADDRESS:PORT, not tcp://127.0.0.1"),
        (
            &["--listen", "udp://0.0.0.0:3000"],
            "--listen udp://0.0.0.0:3000 needs --udp-key: anybody can put any sender on a datagram",
        ),
        (&["--udp-key", "guess"], "--udp-key takes at least 16 characters without spaces"),
        (&["--listen", "3000"], "--listen takes http://ADDRESS:PORT, not 3000"),
        (
            &["--public-url", "chat.example.com"],
            "--public-url takes http(s)://NAME[:PORT] without a path, not chat.example.com",
        ),
        (&["--database", "mysql://x"], "--database takes sqlite:PATH, not mysql://x"),
        (
            &["--message-rate", "0"],
            "--message-rate takes a number above 0, --message-burst one of at least 1",
        ),
        (
            &["--message-rate", "-1"],
            "--message-rate takes a number above 0, --message-burst one of at least 1",
        ),
        (
            &["--public-url", "https://me:secret@chat.example.com"],
            "--public-url takes http(s)://NAME[:PORT] without a path, not https://…@chat.example.com",
        ),
        (
            &["--public-url", "https://*.example.com"],
            "--public-url takes http(s)://NAME[:PORT] without a path, not https://*.example.com",
        ),
        (
            &["--public-url", "https://chat.example.com:0"],
            "--public-url takes http(s)://NAME[:PORT] without a path, not https://chat.example.com:0",
        ),
        (&["--public-url", ""], "--public-url takes http(s)://NAME[:PORT] without a path, not an empty text"),
        (
            &["--listen", "http://me:secret@127.0.0.1:3000/x"],
            "--listen takes http://ADDRESS:PORT without a path, not http://…@127.0.0.1:3000/x",
        ),
        (
            &["--database", "sqlite::memory:"],
            "--database takes sqlite:PATH with the path of a file, not sqlite::memory:",
        ),
        (
            &["--database", "sqlite:file:x?mode=memory"],
            "--database takes sqlite:PATH with the path of a file, not sqlite:file:x?mode=memory",
        ),
        (
            &["--database", "sqlite://host/x"],
            "--database takes sqlite:PATH with the path of a file, not sqlite://host/x",
        ),
        (
            &["--log-format", "xml"],
            "invalid value 'xml' for '--log-format <FORMAT>' [possible values: text, json]; see madang --help",
        ),
        (
            &["--data", "x", "serve"],
            "the subcommand 'serve' cannot be used with '--data <DIR>'; options stand behind the subcommand; \
             see madang --help",
        ),
        (
            &["--data", "x", "--log", "warn", "serve"],
            "the subcommand 'serve' cannot be used with: --data <DIR>, --log <FILTER>; options stand behind \
             the subcommand; see madang --help",
        ),
        (
            &["send", "--token", "not a token"],
            "invalid value '…' for '--token <TOKEN>': it holds something else than letters, digits and signs \
             of ASCII; see madang --help",
        ),
        (
            &["--listen", "tcp://127.0.0.1:4001,tcp://127.0.0.1:4001"],
            "--listen tcp://127.0.0.1:4001 is given twice",
        ),
        (
            &["--trusted-proxy", "nginx"],
            "--trusted-proxy takes an address or a network such as 10.0.0.0/8, not nginx",
        ),
        (
            &["--trusted-proxy", "0.0.0.0/0"],
            "--trusted-proxy takes an address or a network such as 10.0.0.0/8, not 0.0.0.0/0",
        ),
        (&["--max-connections", "0"], "--max-connections takes a number of at least 1"),
        (
            &["--log", "madang=verbose"],
            "--log takes a level or a filter such as warn,madang=info, not madang=verbose",
        ),
    ];
    for (arguments, sentence) in cases {
        let error = parse_serve(arguments).unwrap_err().to_string();
        assert_eq!(&error, sentence);
        assert_eq!(error.lines().count(), 1);
    }
}

#[test]
fn the_command_line_overrides_the_file_and_the_file_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("madang.toml");
    fs::write(&file, "data = \"/srv/madang\"\nmessage-rate = 7\nlisten = [\"http://[::1]:4000\"]\n").unwrap();
    let config = parse_serve(&["--config", file.to_str().unwrap(), "--message-rate", "9"]).unwrap();
    assert_eq!(config.limits.messages, Rate { per_second: 9.0, burst: 20.0 });
    assert_eq!(config.database.to_string(), "sqlite:/srv/madang/madang.sqlite");
    assert_eq!(config.listen, [Transport::Http.at("[::1]:4000".parse().unwrap())]);
}

#[test]
fn the_file_may_be_written_on_windows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("madang.toml");
    let arguments = ["--config", file.to_str().unwrap()];
    let text = "# 마당\r\nmessage-rate = 7\r\n";
    fs::write(&file, format!("\u{FEFF}{text}")).unwrap();
    assert_eq!(parse_serve(&arguments).unwrap().limits.messages.per_second, 7.0);
    let units = "\u{FEFF}".encode_utf16().chain(text.encode_utf16());
    fs::write(&file, units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()).unwrap();
    assert_eq!(parse_serve(&arguments).unwrap().limits.messages.per_second, 7.0);
    fs::write(&file, b"data = \"\xB0\xA1\"").unwrap();
    assert_eq!(parse_serve(&arguments).unwrap_err().to_string(), format!("{} is not UTF-8", file.display()));
}

#[test]
fn a_mistake_in_the_file_gives_one_sentence_with_its_line() {
    let cases = [
        ("colour = \"green\"", "line 1: there is no option colour"),
        ("config = \"other.toml\"", "line 1: there is no option config"),
        ("data = \"x\"\nmax-connections = -1", "line 2: invalid value '-1' for"),
        ("max-connections = 0", "line 1: --max-connections takes a number of at least 1"),
        ("data = true", "line 1: --data takes a string or a number"),
        ("data = []", "line 1: --data takes a string or a number"),
        ("listen = [\n  \"gopher://x\"\n]", "line 1: --listen opens http, tcp and udp doors"),
        ("listen = []", "line 1: --listen takes at least one value"),
        ("[limits]\nmessage-rate = 5", "line 1: there is no option limits"),
        ("data =", "line 1: "),
        ("log = \"off\"\nlog = \"info\"", "line 2: duplicate key"),
        ("udp-key = \"guess\"", "line 1: --udp-key takes at least 16 characters"),
        ("udp-key = \"unfinished", "line 1: "),
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("madang.toml");
    for (text, expected) in cases {
        fs::write(&file, text).unwrap();
        let error = parse_serve(&["--config", file.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.starts_with(&format!("{}: {expected}", file.display())), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_mistake_in_the_file_never_shows_the_key_for_datagrams() {
    let files = [
        "udp-key = \"s3cret",
        "udp-key = \"s3cret\" \"",
        "udp-key = s3cret",
        "udp-key: s3cret",
        "udp-key s3cret",
        "udp_key = \"s3cret-s3cret-s3cret\"",
        "'udp-key' = 's3cret'",
        "udp-key = \"\"\"\ns3cret = 1\n",
        "udp-key = \"\"\"\ns3cret\n\"\"\"",
        "udp-key = [\"s3cret\"]",
        "udp-key = { value = \"s3cret\" }",
        "udp-key.value = \"s3cret\"",
        "log = \"info\" udp-key = \"s3cret\"",
        "log = { udp-key = \"s3cret\" }",
        "[server]\nudp-key = \"s3cret\"",
        "udp-key = \"s3cret\"\nudp-key = \"s3cret\"",
        "udp-key = \"\\s3cret\"",
    ];
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("madang.toml");
    for text in files {
        fs::write(&file, text).unwrap();
        let error = parse_serve(&["--config", file.to_str().unwrap()]).unwrap_err();
        assert!(!format!("{error:?}").contains("s3cret"), "{text}: {error:?}");
    }
}

#[test]
fn the_file_overrides_port_and_may_leave_the_key_for_datagrams_to_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("madang.toml");
    fs::write(&file, "listen = [\"udp://0.0.0.0:4000\"]\n").unwrap();
    let file = file.to_str().unwrap();
    assert!(parse_serve(&["--config", file]).unwrap_err().to_string().contains("needs --udp-key"));
    let arguments = ["madang", "serve", "--config", file, "--udp-key", "0123456789abcdef"];
    let Invocation::Serve(config) = load_from(arguments, Some("http")).unwrap() else { panic!() };
    assert_eq!(config.listen, [Transport::Udp.at("0.0.0.0:4000".parse().unwrap())]);
}

#[test]
fn trusted_proxies_are_addresses_and_networks_from_the_command_line_or_the_file() {
    let shown = |config: Config| config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>();
    let given =
        parse_serve(&["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.1.2.3/8,fd00::/8"]).unwrap();
    assert_eq!(shown(given), ["127.0.0.1/32", "10.1.2.3/8", "fd00::/8"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("madang.toml");
    fs::write(&file, "trusted-proxy = [\"::1\", \"::ffff:10.0.0.1\"]\n").unwrap();
    let config = parse_serve(&["--config", file.to_str().unwrap()]).unwrap();
    assert_eq!(shown(config), ["::1/128", "10.0.0.1/32"]);
    assert!(Config::default().trusted_proxies.is_empty(), "nobody is trusted by default");
}

#[test]
fn help_names_the_default_limits() {
    let Invocation::Print(help) = load_from(["madang", "--help"], None).unwrap() else { panic!() };
    let Config { limits, max_connections, max_connections_per_address, .. } = Config::default();
    let defaults = [
        ("--message-rate", limits.messages.per_second),
        ("--message-burst", limits.messages.burst),
        ("--join-rate", limits.joins.per_second),
        ("--join-burst", limits.joins.burst),
        ("--max-connections", max_connections as f64),
        ("--max-connections-per-address", max_connections_per_address as f64),
    ];
    for (option, default) in defaults {
        let text = help.split(&format!("{option} <")).nth(1).and_then(|text| text.split("[default: ").nth(1));
        assert!(text.unwrap().starts_with(&format!("{default}]")), "{option}: {text:?}");
    }
}

#[test]
fn localhost_is_both_loopback_addresses_and_only_the_second_may_be_missing() {
    let listen = |urls: &str| {
        let config = parse_serve(&["--listen", urls])?;
        let listen = config.listen.iter().map(|listen| (listen.to_string(), listen.is_optional));
        anyhow::Ok(listen.collect::<Vec<_>>())
    };
    let (v4, v6) = ("tcp://127.0.0.1:4001".to_owned(), "tcp://[::1]:4001".to_owned());
    assert_eq!(listen("tcp://LOCALHOST:4001").unwrap(), [(v4.clone(), false), (v6.clone(), true)]);
    for urls in ["tcp://localhost:4001,tcp://[::1]:4001", "tcp://[::1]:4001,tcp://localhost:4001"] {
        let mut found = listen(urls).unwrap();
        found.sort();
        assert_eq!(found, [(v4.clone(), false), (v6.clone(), false)], "{urls}");
    }
    let twice = listen("tcp://localhost:4001,tcp://127.0.0.1:4001").unwrap_err();
    assert_eq!(twice.to_string(), "--listen tcp://127.0.0.1:4001 is given twice");
}

#[test]
fn only_the_given_addresses_are_listened_on() {
    let arguments = ["--listen", "udp://[::1]:0", "--listen", "tcp://0.0.0.0:4001"];
    let config = parse_serve(&arguments).unwrap();
    assert_eq!(
        config.listen.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["udp://[::1]:0", "tcp://0.0.0.0:4001"]
    );
    let everywhere = ["--listen", "udp://0.0.0.0:3000", "--udp-key", "0123456789abcdef"];
    let config = parse_serve(&everywhere).unwrap();
    assert!(!format!("{config:?}").contains("0123456789abcdef"));
}

#[test]
fn serve_is_the_default_command_and_port_changes_the_http_port() {
    assert_eq!(
        parse_serve(&["serve", "--data", "x"]).unwrap().database,
        parse_serve(&["--data", "x"]).unwrap().database
    );
    let Invocation::Serve(config) = load_from(["madang"], Some("8081")).unwrap() else { panic!() };
    let addresses: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let expected = [
        "http://127.0.0.1:8081",
        "http://[::1]:8081",
        "tcp://127.0.0.1:3001",
        "tcp://[::1]:3001",
        "udp://127.0.0.1:3000",
        "udp://[::1]:3000",
    ];
    assert_eq!(addresses, expected);
    assert_eq!(
        load_from(["madang"], Some("http")).unwrap_err().to_string(),
        "PORT takes a port number, not http"
    );
}
