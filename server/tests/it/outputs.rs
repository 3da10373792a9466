//! Whatever becomes of standard output and standard error, and whatever signal comes: the server serves, and
//! stops when it is told to.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

use rustix::io::ioctl_fionread;
use tokio::net::TcpStream;

use crate::{
    harness::{ServerProcess, TIMEOUT, http_request, signal},
    line_client::LineClient,
    pty::Pty,
};

fn program(log: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
    command.args(["--log", log]);
    command
}

/// Starts a server with every transport; returns the addresses of HTTP, lines and datagrams.
fn start(command: Command, folder: &Path) -> (ServerProcess, Vec<SocketAddr>) {
    let listeners = ["http://127.0.0.1:0", "tcp://127.0.0.1:0", "udp://127.0.0.1:0"];
    ServerProcess::start_with_all_listeners(command, folder, &listeners)
}

/// Says something over each transport, and sees it arrive.
async fn check_transports(addresses: &[SocketAddr]) {
    let mut reader = LineClient::connect_at(addresses[1]).await;
    let post = format!("POST /api/rooms/lobby/messages?name=h HTTP/1.1\r\nHost: {}", addresses[0]);
    assert!(http_request(addresses[0], &post, "over HTTP").await.starts_with("HTTP/1.1 201"));
    assert_eq!(reader.next_message().await.1, "over HTTP");
    let datagram = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    datagram.send_to(b"over UDP", addresses[2]).await.unwrap();
    assert_eq!(reader.next_message().await.1, "over UDP");
    let mut writer = LineClient::connect_at(addresses[1]).await;
    writer.write("over TCP\n").await;
    assert_eq!(reader.next_message().await.1, "over TCP");
}

/// Stops the server, and sees that it ends without a complaint.
async fn check_stop(mut program: ServerProcess) {
    signal(&program.child, "TERM");
    let status = tokio::task::spawn_blocking(move || program.child.wait().unwrap());
    let status = tokio::time::timeout(TIMEOUT, status).await.expect("it stops").unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_on_when_the_reader_of_its_log_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("trace");
    command.stderr(Stdio::piped());
    let (mut program, addresses) = start(command, folder.path());
    drop(program.child.stderr.take());
    for _ in 0..3 {
        check_transports(&addresses).await;
    }
    check_stop(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_on_when_its_log_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("trace");
    command.stderr(Stdio::piped());
    let (mut program, addresses) = start(command, folder.path());
    let in_pipe = |program: &ServerProcess| ioctl_fionread(program.child.stderr.as_ref().unwrap()).unwrap();
    // Until nothing more fits into the pipe, which holds 64 KiB: then the thread that writes the log waits.
    let mut before = None;
    while before != Some(in_pipe(&program)) || in_pipe(&program) < 60_000 {
        before = Some(in_pipe(&program));
        for _ in 0..50 {
            LineClient::dial(addresses[1]).await.finish().await;
        }
    }
    check_transports(&addresses).await;
    let log = program.child.stderr.take();
    check_stop(program).await;
    drop(log);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_serves_on_when_the_disk_behind_its_log_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("trace");
    command.stderr(File::options().write(true).open("/dev/full").unwrap());
    let (program, addresses) = start(command, folder.path());
    check_transports(&addresses).await;
    check_stop(program).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stops_cleanly_when_nobody_reads_its_output() {
    let folder = tempfile::tempdir().unwrap();
    let (mut program, addresses) = start(program("info"), folder.path());
    drop(program.child.stdout.take());
    check_transports(&addresses).await;
    check_stop(program).await;
}

#[test]
fn help_that_is_read_only_in_part_is_no_failure() {
    for arguments in [&["--help"][..], &["--frobnicate"], &["send", "--to", "tcp://127.0.0.1:1", "hello"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_madang"));
        command.args(arguments).args(["--timeout", "0"].iter().filter(|_| arguments[0] == "send"));
        let status = command.stdout(writer.try_clone().unwrap()).stderr(writer).status().unwrap();
        // A panic would be 101.
        let expected = match arguments[0] {
            "--help" => 0,
            "send" => 1,
            _ => 2,
        };
        assert_eq!(status.code(), Some(expected), "{arguments:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_terminal_ignores_hangups_and_the_signals_of_users() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("info");
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let (mut program, addresses) = start(command, folder.path());
    let mut log = BufReader::new(program.child.stderr.take().unwrap()).lines();
    for name in ["HUP", "USR1", "USR2"] {
        signal(&program.child, name);
        assert!(log.any(|line| line.unwrap().contains(&format!("SIG{name} has no meaning here"))));
    }
    check_transports(&addresses).await;
    check_stop(program).await;
}

#[test]
fn a_server_whose_terminal_is_closed_says_goodbye() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program("info");
    command.args(["--listen", "tcp://127.0.0.1:0", "--data"]).arg(folder.path());
    let mut terminal = Pty::start(command, 80, 24);
    terminal.wait_until(|rows| rows.iter().any(|row| row.contains("Madang is open at tcp://")));
    terminal.signal("HUP");
    terminal.wait_until(|rows| rows.iter().any(|row| row.contains("Madang is closing")));
    assert!(terminal.wait_for_exit().success());
}

/// One warning for each failed attempt would fill the disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_free_files_logs_little_about_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n 40; exec "$@""#, "sh", env!("CARGO_BIN_EXE_madang")]);
    shell.stderr(Stdio::piped());
    let (mut program, addresses) = start(shell, folder.path());
    let mut connections = Vec::new();
    for _ in 0..60 {
        connections.push(TcpStream::connect(addresses[1]).await.unwrap());
    }
    let log = program.child.stderr.take().unwrap();
    let lines = tokio::task::spawn_blocking(move || {
        let lines = BufReader::new(log).lines().map(Result::unwrap);
        lines
            .take_while(|line| !line.contains("left out of the log: accepting a connection"))
            .collect::<Vec<_>>()
    });
    let lines = tokio::time::timeout(TIMEOUT, lines).await.expect("the rest is counted").unwrap();
    let repeated = lines.iter().filter(|line| line.contains("WARN accepting a connection")).count();
    // Those of two intervals: the count of the first one comes within the second.
    assert!((10..=20).contains(&repeated), "{lines:#?}");
    drop(connections);
    check_transports(&addresses).await;
    check_stop(program).await;
}
