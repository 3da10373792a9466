//! `madang send`: one message, or every line of standard input, and the certainty that it arrived.

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
    address::{Address, Door},
    input,
    link::{self, Ask, Link, Message, News, Way, Window},
    udp,
};

/// What `madang send` can be told.
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
    /// The same options, if they go together.
    pub fn check(self, gives_token: bool) -> anyhow::Result<Options> {
        self.to.check_token(gives_token)?;
        if self.to.door == Door::Udp && self.udp_key.is_none() && self.to.is_elsewhere() {
            bail!(udp::unsigned(&self.to));
        }
        Ok(self)
    }
}

/// Says it all, one after the other, or tells what was not delivered.
pub async fn send(options: Options) -> anyhow::Result<()> {
    let mut messages = Messages::of(&options.text);
    match options.to.door {
        Door::Udp => throw(options, &mut messages).await,
        Door::Http | Door::Tcp => deliver(options, &mut messages).await,
    }
}

/// Sends datagrams, which nobody confirms.
async fn throw(options: Options, messages: &mut Messages) -> anyhow::Result<()> {
    let Options { to, room, name, udp_key, .. } = options;
    let sender = udp::Sender::new(to, &room, name.as_ref(), udp_key).await?;
    let mut failed = Failed::default();
    while let Some((line, body)) = messages.next().await {
        match body {
            Ok(body) => sender.send(&body).await?,
            Err(refusal) => failed.tell(line, refusal.sentence()),
        }
    }
    sender.finish().await?;
    eprintln!("madang: sent; nobody confirms that a datagram arrived");
    failed.check()
}

/// Sends each message until it is acknowledged.
async fn deliver(options: Options, messages: &mut Messages) -> anyhow::Result<()> {
    let Options { to, room, name, token, timeout, .. } = options;
    let is_line_door = to.door == Door::Tcp;
    let window = Window::open();
    let mut link = link::open(Way { address: to, room, name, token, window, stays: false });
    let mut failed = Failed::default();
    while let Some((line, body)) = messages.next().await {
        let bodies = match body {
            Ok(body) if is_line_door => split(&body),
            Ok(body) => vec![body],
            Err(refusal) => {
                failed.tell(line, refusal.sentence());
                continue;
            }
        };
        for body in bodies {
            match say(&mut link, window.message(body), Duration::from_secs(timeout.into())).await? {
                Ok(()) => {}
                Err(refusal) => failed.tell(line, refusal.sentence()),
            }
        }
    }
    drop(link.asks);
    while link.news.recv().await.is_some() {}
    failed.check()
}

/// A line is a message there.
pub(super) fn split(body: &Body) -> Vec<Body> {
    body.as_str().split('\n').filter_map(|line| Body::parse(line).ok()).collect()
}

/// Says one thing and waits for what becomes of it.
async fn say(link: &mut Link, message: Message, patience: Duration) -> anyhow::Result<Result<(), Refusal>> {
    let mine = message.cid.clone();
    let _ = link.asks.send(Ask::Say(message)).await;
    let (until, mut why) = (Instant::now() + patience, "nobody answered".to_owned());
    loop {
        match timeout_at(until, link.news.recv()).await {
            Err(_) | Ok(None) => bail!("not delivered: {why}"),
            Ok(Some(News::Delivered(cid))) if cid == mine => return Ok(Ok(())),
            Ok(Some(News::Refused(cid, refusal))) if cid == mine => return Ok(Err(refusal)),
            Ok(Some(News::Offline(reason))) => why = reason,
            Ok(Some(News::Postponed(refusal))) => refusal.sentence().clone_into(&mut why),
            Ok(Some(News::Ended(reason))) => bail!("not delivered: {reason}"),
            Ok(Some(_)) => {}
        }
    }
}

/// What is to be said: one text, or lines with their numbers.
enum Messages {
    Text(Option<String>),
    Lines(mpsc::Receiver<Result<String, Refusal>>, usize),
}

impl Messages {
    fn of(text: &[String]) -> Messages {
        match text {
            [] => Messages::Lines(input::lines(), 0),
            words => Messages::Text(Some(words.join(" "))),
        }
    }

    /// The next message, and the line it stood in; lines without anything are none.
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

/// How many messages were not taken. The others are sent all the same.
#[derive(Default)]
pub(super) struct Failed(usize);

impl Failed {
    /// Tells why a message was not taken.
    pub(super) fn tell(&mut self, line: Option<usize>, reason: &str) {
        self.0 += 1;
        match line {
            Some(line) => eprintln!("madang: line {line} was not delivered: {reason}"),
            None => eprintln!("madang: not delivered: {reason}"),
        }
    }

    /// Fails when anything did.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match self.0 {
            0 => Ok(()),
            1 => bail!("1 message was not delivered"),
            count => bail!("{count} messages were not delivered"),
        }
    }
}
