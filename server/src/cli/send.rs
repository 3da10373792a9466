//! `madang send`: sends one message, or every line of standard input, and confirms the delivery.

use std::time::Duration;

use anyhow::bail;
use clap::Args;
use common::{message::Body, person::DisplayName, refusal::Refusal, room::RoomName};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    Secret,
    address::{Address, Transport},
    client::{self, Client, ClientCommand, ClientEvent, ClientId, ConnectOptions, Message},
    input, print_error, udp,
};

/// The options of `madang send`.
#[derive(Debug, Args)]
pub struct Options {
    /// Where to: http://HOST:PORT, tcp://HOST:PORT or udp://HOST:PORT
    #[arg(long, value_name = "URL", env = "MADANG_TO", default_value = "http://127.0.0.1:3000")]
    to: Address,
    /// The room
    #[arg(long, value_name = "ROOM", default_value = "lobby", value_parser = RoomName::parse)]
    room: RoomName,
    /// The name to go by [default: guest- and four digits]
    #[arg(long, value_name = "NAME", value_parser = DisplayName::parse)]
    name: Option<DisplayName>,
    /// Who to be, over HTTP; better given in the environment
    #[arg(long, value_name = "TOKEN", env = "MADANG_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// What to sign datagrams with; better given in the environment
    #[arg(long, value_name = "KEY", env = "MADANG_UDP_KEY", hide_env_values = true)]
    udp_key: Option<Secret>,
    /// How many seconds to try for each message
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u32,
    /// What to say; without it, every line of standard input is a message
    #[arg(value_name = "TEXT")]
    text: Vec<String>,
}

impl Options {
    /// Returns the options if they are consistent.
    pub fn check(self, gives_token: bool) -> anyhow::Result<Options> {
        self.to.check_token(gives_token)?;
        if self.to.transport == Transport::Udp && self.udp_key.is_none() && self.to.is_remote_ip() {
            bail!(udp::key_required(&self.to));
        }
        Ok(self)
    }
}

/// Sends all messages in order; fails if one was not delivered.
pub async fn send(options: Options) -> anyhow::Result<()> {
    let mut messages = Messages::new(&options.text);
    match options.to.transport {
        Transport::Udp => send_udp(options, &mut messages).await,
        Transport::Http | Transport::Tcp => send_confirmed(options, &mut messages).await,
    }
}

/// Sends messages as datagrams, without confirmation.
async fn send_udp(options: Options, messages: &mut Messages) -> anyhow::Result<()> {
    let Options { to, room, name, udp_key, .. } = options;
    let sender = udp::Sender::new(to, &room, name.as_ref(), udp_key).await?;
    let mut failures = Failures::default();
    while let Some((line, body)) = messages.next().await {
        match body {
            Ok(body) => sender.send(&body).await?,
            Err(refusal) => failures.report(line, refusal.sentence()),
        }
    }
    sender.finish().await?;
    print_error("madang: sent; nobody confirms that a datagram arrived");
    failures.check()
}

/// Sends each message until the server confirms or refuses it.
async fn send_confirmed(options: Options, messages: &mut Messages) -> anyhow::Result<()> {
    let Options { to, room, name, token, timeout, .. } = options;
    let single_line = to.transport == Transport::Tcp;
    let client_id = ClientId::random();
    let mut client =
        client::start(ConnectOptions { address: to, room, name, token, client_id, subscribe: false });
    let mut failures = Failures::default();
    while let Some((line, body)) = messages.next().await {
        let bodies = match body {
            Ok(body) if single_line => split_lines(&body),
            Ok(body) => vec![body],
            Err(refusal) => {
                failures.report(line, refusal.sentence());
                continue;
            }
        };
        for body in bodies {
            match send_message(&mut client, client_id.new_message(body), Duration::from_secs(timeout.into()))
                .await?
            {
                Ok(()) => {}
                Err(refusal) => failures.report(line, refusal.sentence()),
            }
        }
    }
    drop(client.commands);
    while client.events.recv().await.is_some() {}
    failures.check()
}

/// Splits a body into one message per line, for the line protocol, which has no line breaks in messages.
pub(super) fn split_lines(body: &Body) -> Vec<Body> {
    body.as_str().split('\n').filter_map(|line| Body::parse(line).ok()).collect()
}

/// Sends one message and waits for the result; fails if there is none within `timeout`.
async fn send_message(
    client: &mut Client,
    message: Message,
    timeout: Duration,
) -> anyhow::Result<Result<(), Refusal>> {
    let sent_cid = message.cid.clone();
    let _ = client.commands.send(ClientCommand::Send(message)).await;
    let (deadline, mut reason) = (Instant::now() + timeout, "nobody answered".to_owned());
    loop {
        match timeout_at(deadline, client.events.recv()).await {
            Err(_) | Ok(None) => bail!("not delivered: {reason}"),
            Ok(Some(ClientEvent::Delivered(cid))) if cid == sent_cid => return Ok(Ok(())),
            Ok(Some(ClientEvent::Refused(cid, refusal))) if cid == sent_cid => return Ok(Err(refusal)),
            Ok(Some(ClientEvent::Offline(error))) => reason = error,
            Ok(Some(ClientEvent::Retrying(refusal))) => refusal.sentence().clone_into(&mut reason),
            Ok(Some(ClientEvent::Closed(error))) => bail!("not delivered: {error}"),
            Ok(Some(_)) => {}
        }
    }
}

/// The messages to send: one text, or the lines of standard input and the number of the last one read.
enum Messages {
    Text(Option<String>),
    Lines(mpsc::Receiver<Result<String, Refusal>>, usize),
}

impl Messages {
    fn new(text: &[String]) -> Messages {
        match text {
            [] => Messages::Lines(input::lines(), 0),
            words => Messages::Text(Some(words.join(" "))),
        }
    }

    /// Returns the next message and its line number; skips empty lines.
    async fn next(&mut self) -> Option<(Option<usize>, Result<Body, Refusal>)> {
        match self {
            Messages::Text(text) => Some((None, Body::parse(&text.take()?))),
            Messages::Lines(lines, number) => loop {
                let line = lines.recv().await?;
                *number += 1;
                let body = line.and_then(|line| Body::parse(&line));
                if body != Err(Refusal::MessageEmpty) {
                    return Some((Some(*number), body));
                }
            },
        }
    }
}

/// Counts the messages that were not delivered. A failed message does not stop the others.
#[derive(Default)]
pub(super) struct Failures(usize);

impl Failures {
    /// Prints why a message was not delivered, and counts it.
    pub(super) fn report(&mut self, line: Option<usize>, reason: &str) {
        self.0 += 1;
        match line {
            Some(line) => print_error(format_args!("madang: line {line} was not delivered: {reason}")),
            None => print_error(format_args!("madang: not delivered: {reason}")),
        }
    }

    /// Fails if a message was not delivered.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match self.0 {
            0 => Ok(()),
            1 => bail!("1 message was not delivered"),
            count => bail!("{count} messages were not delivered"),
        }
    }
}
