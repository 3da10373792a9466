//! Hostile sizes: a line without an end, a crowd that connects and is silent, a flood of datagrams,
//! and a browser page that posts at the line door. While each lasts, a witness talks and waits for
//! nobody, the server's memory stays within a bound, and nothing of it is in the log.
//!
//! The tests of the server have the same in sizes for every day; here they are full, and measured.

use std::{fmt::Write as _, net::SocketAddr, time::Instant};

use anyhow::{Context, ensure};
use clap::Args;
use common::{
    event::{Join, Send as Say},
    message::{Body, Cid},
    room::RoomName,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UdpSocket},
    time::{Duration, sleep},
};

use crate::{
    connection::Connection,
    line::{Transport, dial},
    log,
    madang::Running,
    report::{Progress, Report},
    workshop::Workshop,
};

/// Where the witness talks; the attacks are where the door leads that they come by.
const ROOM: &str = "witness";
/// How long the witness pauses between two messages.
const PAUSE: Duration = Duration::from_millis(5);
/// How long an acknowledgement may take while all this goes on.
const UNDISTURBED: Duration = Duration::from_secs(2);

/// How much each attack is.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How long the line is that never ends, in mebibytes
    #[arg(long, default_value_t = 1024)]
    pub mebibytes: u32,
    /// How many connect to the line door and say nothing
    #[arg(long, default_value_t = 10_000)]
    pub silent: u32,
    /// How many datagrams come that nobody who knows the key has sent
    #[arg(long, default_value_t = 1_000_000)]
    pub datagrams: u32,
    /// How many requests a page sends to the line door
    #[arg(long, default_value_t = 10_000)]
    pub posts: u32,
}

/// Runs the campaign.
pub async fn run(workshop: &Workshop, plan: &Plan) -> anyhow::Result<Report> {
    let progress = Progress::default();
    let round = workshop.round("hostile")?;
    let running = round.madang.start(None, None).await?;
    let open = running.open()?;
    let mut report = Report::new("hostile: sizes nobody means well with");
    let mut witness = Witness::enter(open.http, &running).await?;
    let Plan { mebibytes, silent, datagrams, posts } = *plan;

    let line = endless_line(open.tcp, mebibytes);
    witness.endure(&mut report, &format!("a line of {mebibytes} MiB without an end"), 4 * 1024, line).await?;
    let post = posts_of_a_page(open.tcp, posts);
    witness
        .endure(&mut report, &format!("{posts} posts of a browser at the line door"), 16 * 1024, post)
        .await?;
    let flood = flood(open.udp, datagrams, StdRng::seed_from_u64(workshop.seed));
    witness.endure(&mut report, &format!("{datagrams} datagrams"), 16 * 1024, flood).await?;
    let crowd = silent_crowd(open.tcp, silent);
    // What a connection may cost at this door, greeting and all.
    let bound = u64::from(silent) * 64;
    let crowd = witness.endure(&mut report, &format!("{silent} silent connections"), bound, crowd).await?;
    drop(crowd);

    let mut failures = std::mem::take(&mut witness.failures);
    let said = witness.said;
    running.stop().await?;
    let stored = log::read(&round.madang.database())?;
    let strange = stored.values().flatten().filter(|entry| !entry.body.as_str().starts_with(WITNESS));
    failures.extend(strange.map(|entry| format!("{:?} is in the log", entry.body)));
    let kept = stored.values().map(Vec::len).sum::<usize>();
    if kept != said as usize {
        failures.push(format!("the witness said {said} and {kept} are in the log"));
    }
    report.row("messages of the witness, all stored, nothing else", said);
    report.row("seconds", progress.elapsed().as_secs());
    report.conclude(format!("{} broken promises", failures.len()), failures.clone());
    round.end(&failures, &[])?;
    Ok(report)
}

/// How everything begins that the witness says.
const WITNESS: &str = "witness: ";

/// Somebody who goes on talking.
struct Witness<'a> {
    connection: Connection,
    room: RoomName,
    running: &'a Running,
    said: u32,
    failures: Vec<String>,
}

impl Witness<'_> {
    async fn enter(server: SocketAddr, running: &Running) -> anyhow::Result<Witness<'_>> {
        let mut connection = Connection::open(server, Transport::WebSocket, &json!({})).await?;
        let room = RoomName::parse(ROOM)?;
        connection.ask(&Join::new(room.clone())).await?;
        Ok(Witness { connection, room, running, said: 0, failures: Vec::new() })
    }

    /// Talks while this attack lasts; the server may grow by so many KiB.
    async fn endure<T: Send + 'static>(
        &mut self,
        report: &mut Report,
        what: &str,
        bound: u64,
        attack: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let (before, began) = (self.running.memory()?, Instant::now());
        let (mut most, mut times) = (before, Vec::new());
        let attack = tokio::spawn(attack);
        while !attack.is_finished() {
            times.push(self.speak().await?);
            most = most.max(self.running.memory()?);
            sleep(PAUSE).await;
        }
        let outcome = attack.await?.with_context(|| what.to_owned())?;
        let grown = most.max(self.running.memory()?) - before;
        let seconds = began.elapsed().as_secs_f64();
        report.row(what, format!("{seconds:.1} s, memory grown by {grown} KiB at most"));
        report.times("— the witness' acknowledgements, p50 / p99 / longest", &times);
        if grown > bound {
            self.failures.push(format!("{what}: {grown} KiB, and {bound} at most was promised"));
        }
        let slow = times.iter().filter(|time| **time > UNDISTURBED).count();
        if slow > 0 {
            self.failures.push(format!("{what}: {slow} acknowledgements took more than {UNDISTURBED:?}"));
        }
        Ok(outcome)
    }

    async fn speak(&mut self) -> anyhow::Result<Duration> {
        self.said += 1;
        let said = self.said;
        let (cid, body) = (Cid::parse(&format!("w{said}"))?, Body::parse(&format!("{WITNESS}{said}"))?);
        let asked = Instant::now();
        let say = Say { room: self.room.clone(), cid, body, reply_to: None };
        self.connection.ask_patiently(&say).await?;
        Ok(asked.elapsed())
    }
}

/// T20: a line that goes on and on. In the end the line door still answers.
async fn endless_line(door: SocketAddr, mebibytes: u32) -> anyhow::Result<()> {
    let mut stream = dial(door).await?;
    let chunk = vec![b'x'; 1024 * 1024];
    for _ in 0..mebibytes {
        stream.write_all(&chunk).await?;
    }
    stream.write_all(b"\n/who\n").await?;
    let heard = read_until(&mut stream, "* In lobby ").await?;
    ensure!(heard.contains("\n! message_too_long"), "it was not refused: {heard}");
    Ok(())
}

async fn read_until(stream: &mut TcpStream, text: &str) -> anyhow::Result<String> {
    let (mut heard, mut chunk) = (String::new(), [0; 4096]);
    while !heard.contains(text) {
        let read = stream.read(&mut chunk).await?;
        ensure!(read > 0, "it was hung up on before {text:?}: {heard}");
        heard.push_str(&String::from_utf8_lossy(&chunk[..read]));
    }
    Ok(heard)
}

/// T20: connections that say nothing; they stay until they are dropped.
async fn silent_crowd(door: SocketAddr, count: u32) -> anyhow::Result<Vec<TcpStream>> {
    let mut crowd = Vec::new();
    for _ in 0..count {
        crowd.push(dial(door).await.context("are there enough open files? see ulimit -n")?);
    }
    // Each is greeted, if only when its turn has come.
    for stream in &mut crowd {
        read_until(stream, "* Welcome").await?;
    }
    Ok(crowd)
}

/// T21: what a page of another site makes a browser send. Each is hung up on.
async fn posts_of_a_page(door: SocketAddr, count: u32) -> anyhow::Result<()> {
    for number in 0..count {
        let mut stream = dial(door).await?;
        let body = format!("/name admin\r\nhacked {number}\r\n");
        let mut request = String::from("POST / HTTP/1.1\r\n");
        write!(request, "Host: {door}\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        // It may be hung up on before all is written.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
    }
    Ok(())
}

/// T22: noise, forged codes, and what nobody signed.
async fn flood(door: SocketAddr, count: u32, mut random: StdRng) -> anyhow::Result<()> {
    let socket = UdpSocket::bind("127.0.0.1:0").await?;
    socket.connect(door).await?;
    let mut noise = [0; 900];
    for number in 0..count {
        let datagram = match number % 3 {
            0 => {
                let length = random.random_range(0..noise.len());
                random.fill(&mut noise[..length]);
                noise[..length].to_vec()
            }
            1 => {
                let (time, code) = (random.random::<u32>(), random.random::<u128>());
                format!("/mac {time} nonce-{number:08} {code:064x}\n/to lobby\nforged").into_bytes()
            }
            _ => format!("/to lobby\nunsigned {number}").into_bytes(),
        };
        // The kernel may drop it, and may say so.
        let _ = socket.send(&datagram).await;
    }
    Ok(())
}
