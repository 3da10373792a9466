//! The `madang` program as a shell sees it.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::harness::{Client, ServerProcess, signal};

fn madang(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_madang")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn an_unknown_option_prints_one_sentence_and_exits_with_2() {
    let output = madang(&["--frobnicate"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "madang: unexpected argument '--frobnicate' found; see madang --help\n");
}

#[test]
fn the_command_line_overrides_the_environment_and_the_environment_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("madang.toml"), "database = \"sqlite:file.sqlite\"\n").unwrap();
    let used = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_madang"));
        program.current_dir(folder.path()).env("MADANG_DATABASE", "environment:x").args(arguments);
        stderr(&program.env("MADANG_CONFIG", "madang.toml").output().unwrap())
    };
    assert_eq!(used(&[]), "madang: --database takes sqlite:PATH, not environment:x\n");
    assert_eq!(used(&["serve"]), "madang: --database takes sqlite:PATH, not environment:x\n");
    let argument = ["--database", "argument:x"];
    assert_eq!(used(&argument), "madang: --database takes sqlite:PATH, not argument:x\n");
}

#[test]
fn an_empty_environment_variable_is_as_good_as_unset() {
    // Every variable that the help of a command names.
    let variables = |command: &[&str]| {
        let help = madang(&[command, &["--help"]].concat());
        let help = String::from_utf8(help.stdout).unwrap();
        let named =
            help.split("[env: ").skip(1).map(|rest| rest.split(['=', ']']).next().unwrap().to_owned());
        named.collect::<Vec<_>>()
    };
    let of_server = variables(&["serve"]);
    assert!(of_server.len() > 10, "{of_server:?}");
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.env("PORT", "").envs(of_server.iter().map(|name| (name, "")));
    let program = ServerProcess::start_with(command, folder.path());

    // Without a message `send` ends at once, unless the options can not be used.
    for arguments in [&["send"][..], &["talk", "--timeout", "1"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.env("HOME", folder.path()).env("XDG_STATE_HOME", "").args(arguments);
        command.envs(variables(&arguments[..1]).iter().map(|name| (name, "")));
        let output = command.args(["--to", &format!("http://{}", program.address)]).stdin(Stdio::null());
        let output = output.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_taken_port_is_reported_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let output =
        madang(&["--listen", &format!("http://{address}"), "--data", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let sentence =
        format!("madang: {address} is taken by another program; end it or give --listen another port\n");
    assert_eq!(stderr(&output), sentence);
}

#[test]
fn the_http_listener_is_printed_first_and_only_given_listeners_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_madang"))
        .args(["--listen", "udp://127.0.0.1:0", "--listen", "http://127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<String> =
        BufReader::new(child.stdout.take().unwrap()).lines().take(2).map(Result::unwrap).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(lines[0].starts_with("Madang is open at http://127.0.0.1:"), "{lines:?}");
    assert!(lines[1].starts_with("Madang is open at udp://127.0.0.1:"), "{lines:?}");
}

#[test]
fn a_public_udp_listener_needs_a_key_which_help_does_not_show() {
    let output = madang(&["--listen", "udp://0.0.0.0:0"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("needs --udp-key"), "{}", stderr(&output));
    let help = Command::new(env!("CARGO_BIN_EXE_madang"))
        .arg("--help")
        .env("MADANG_UDP_KEY", "a-key-that-nobody-guesses")
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--udp-key") && !help.contains("nobody-guesses"), "{help}");
}

#[test]
fn two_servers_can_not_share_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let _first = ServerProcess::start(folder.path());
    let output = madang(&["--listen", "http://127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("another madang is using it"), "{}", stderr(&output));
}

#[test]
fn only_a_build_with_the_feature_faults_accepts_failpoints() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_madang"));
    let output = program.arg("--help").env("MADANG_FAULT", "explode").output().unwrap();
    if cfg!(feature = "faults") {
        assert_eq!(output.status.code(), Some(2));
        let sentence = "a fault is kill:POINT:N, panic:TASK:N or sabotage:NAME, not explode";
        assert_eq!(stderr(&output), format!("madang: MADANG_FAULT=explode: {sentence}\n"));
    } else {
        assert!(output.status.success(), "{}", stderr(&output));
    }
}

#[test]
fn help_and_version_exit_with_0() {
    for argument in ["--help", "--version", "help"] {
        let output = madang(&[argument]);
        assert!(output.status.success() && !output.stdout.is_empty(), "{argument}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_and_sigint_stop_cleanly_and_quickly_with_clients_connected() {
    for name in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut program = ServerProcess::start(folder.path());
        let mut clients = Vec::new();
        for _ in 0..20 {
            let mut client = Client::connect(program.address, json!({})).await.unwrap();
            client.join("r").await.unwrap();
            clients.push(client);
        }
        let asked = Instant::now();
        signal(&program.child, name);
        for client in &mut clients {
            client.wait_until_closed().await;
        }
        let status = tokio::task::spawn_blocking(move || program.child.wait().unwrap()).await.unwrap();
        assert!(status.success(), "{status}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        assert!(!folder.path().join("madang.sqlite-wal").exists(), "the log was closed properly");
    }
}

#[test]
fn a_created_data_folder_is_private_to_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _program = ServerProcess::start(&data);
    assert_eq!(data.metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_log_that_goes_into_a_file_has_no_colours() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_madang"))
        .args(["--listen", "tcp://127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(stdout.next().unwrap().unwrap().starts_with("Madang is open"));
    signal(&child, "TERM");
    let log = stderr(&child.wait_with_output().unwrap());
    assert!(log.contains("INFO") && !log.contains('\x1b'), "{log}");
}

#[test]
fn the_server_raises_its_limit_of_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -S -n 256; exec "$@""#, "sh", env!("CARGO_BIN_EXE_madang")]);
    let program = ServerProcess::start_with(shell, folder.path());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", program.child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let numbers: Vec<&str> = files.split_whitespace().skip(3).collect();
    assert_eq!(numbers[0], numbers[1], "{files}");
}
