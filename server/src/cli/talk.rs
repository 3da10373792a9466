//! `madang talk`: a conversation in one room, at a terminal or through a pipe.
//!
//! What people say goes to standard output; when that is no terminal, everything else goes to
//! standard error, so that what is piped on is the conversation and nothing else.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use common::{line::Wish, message::Body, person::DisplayName, refusal::Refusal, room::RoomName};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Secret,
    address::{Address, Door},
    input,
    link::{self, Ask, Link, News, Way, Window},
    send::{Failed, split},
    terminal,
    voice::{Color, Voice},
};

/// What `madang talk` can be told.
#[derive(Debug, Args)]
pub struct Options {
    /// The room
    #[arg(value_name = "ROOM", default_value = "lobby", value_parser = RoomName::parse)]
    room: RoomName,
    /// Where to: http://HOST:PORT or tcp://HOST:PORT
    #[arg(long, value_name = "URL", env = "MADANG_TO", default_value = "http://127.0.0.1:3000", value_parser = with_answers)]
    to: Address,
    /// The name to go by [default: the one you had, or guest- and four digits]
    #[arg(long, value_name = "NAME", value_parser = DisplayName::parse)]
    name: Option<DisplayName>,
    /// Who to be, over HTTP; better given in the environment [default: who you were last time]
    #[arg(long, value_name = "TOKEN", env = "MADANG_TOKEN", hide_env_values = true)]
    token: Option<Secret>,
    /// How many seconds to try for each line that comes through a pipe
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u32,
    /// Whether names have colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

impl Options {
    /// The same options, if they go together.
    pub fn check(self, gives_token: bool) -> anyhow::Result<Options> {
        self.to.check_token(gives_token)?;
        Ok(self)
    }
}

/// An address at which one can hear something.
fn with_answers(text: &str) -> anyhow::Result<Address> {
    let address: Address = text.parse()?;
    match address.door {
        Door::Udp => bail!("nobody answers a datagram; madang send speaks udp"),
        Door::Http | Door::Tcp => Ok(address),
    }
}

/// Talks until the input ends or somebody has enough.
pub async fn talk(options: Options) -> anyhow::Result<()> {
    let Options { room, to, name, token, timeout, color } = options;
    let voice = Voice { colors: color.is_on() };
    let takes_lines = to.door == Door::Tcp;
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb;
    let window = Window::open();
    let link = link::open(Way { address: to, room: room.clone(), name, token, window, stays: true });
    match is_terminal {
        true => terminal::talk(link, window, &room, voice, takes_lines).await,
        false => Pipe::new(link, window, voice, takes_lines, timeout).talk().await,
    }
}

/// What somebody wants who has written a line.
pub(super) enum Wanted {
    Nothing,
    Say(Vec<Body>),
    Ask(Ask),
    Help,
    Quit,
}

/// Reads a line as the line door does; `takes_lines` when a message may be one line only.
pub(super) fn read(line: &str, takes_lines: bool) -> Result<Wanted, Refusal> {
    Ok(match Wish::parse(line)? {
        None => Wanted::Nothing,
        Some(Wish::Say(body) | Wish::Send(_, body)) if takes_lines => Wanted::Say(split(&body)),
        Some(Wish::Say(body) | Wish::Send(_, body)) => Wanted::Say(vec![body]),
        Some(Wish::Name(name)) => Wanted::Ask(Ask::Name(name)),
        Some(Wish::Who) => Wanted::Ask(Ask::Who),
        Some(Wish::History(limit)) => Wanted::Ask(Ask::History(limit)),
        Some(Wish::Help) => Wanted::Help,
        Some(Wish::Quit) => Wanted::Quit,
        // A conversation is in the room it was opened for.
        Some(Wish::Join(_) | Wish::Leave) => return Err(Refusal::UnknownCommand),
    })
}

/// What `/help` says here.
pub(super) const HELP: &str = "Commands: /name NAME, /who, /history N, /me TEXT, /help, /quit. A message that begins with a slash has two.";

/// A conversation through a pipe: a line is read when the one before it was delivered.
struct Pipe {
    asks: Option<mpsc::Sender<Ask>>,
    news: mpsc::Receiver<News>,
    window: Window,
    voice: Voice,
    takes_lines: bool,
    /// How long a line is tried to be delivered.
    patience: Duration,
    /// What the line that was read last has still to say, the first of them on its way.
    waiting: Vec<Body>,
    line: usize,
    give_up_at: Instant,
    /// Why there is no connection.
    why: String,
    failed: Failed,
}

impl Pipe {
    fn new(link: Link, window: Window, voice: Voice, takes_lines: bool, timeout: u32) -> Pipe {
        Pipe {
            asks: Some(link.asks),
            news: link.news,
            window,
            voice,
            takes_lines,
            patience: Duration::from_secs(timeout.into()),
            waiting: Vec::new(),
            line: 0,
            give_up_at: Instant::now(),
            why: "nobody answered".to_owned(),
            failed: Failed::default(),
        }
    }

    async fn talk(mut self) -> anyhow::Result<()> {
        let mut lines = input::lines();
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        loop {
            let is_idle = self.waiting.is_empty();
            tokio::select! {
                line = lines.recv(), if is_idle && self.asks.is_some() => match line {
                    Some(line) => self.take(line).await,
                    None => self.asks = None,
                },
                news = self.news.recv() => match news {
                    Some(news) => if self.hear(news).await? { return Ok(()) },
                    None => return self.failed.check(),
                },
                () = sleep_until(self.give_up_at), if !is_idle => {
                    bail!("line {} was not delivered: {}", self.line, self.why);
                }
                _ = interrupted.recv() => return self.leave(),
                _ = terminated.recv() => return self.leave(),
            }
        }
    }

    /// Carries out a line of the input.
    async fn take(&mut self, line: Result<String, Refusal>) {
        self.line += 1;
        match line.and_then(|line| read(&line, self.takes_lines)) {
            Ok(Wanted::Nothing) => {}
            Ok(Wanted::Say(bodies)) => {
                self.waiting = bodies;
                self.say_next().await;
            }
            Ok(Wanted::Ask(ask)) => self.ask(ask).await,
            Ok(Wanted::Help) => eprintln!("{HELP}"),
            Ok(Wanted::Quit) => self.asks = None,
            Err(refusal) => self.failed.tell(Some(self.line), refusal.sentence()),
        }
    }

    async fn say_next(&mut self) {
        if let Some(body) = self.waiting.first() {
            self.give_up_at = Instant::now() + self.patience;
            self.ask(Ask::Say(self.window.message(body.clone()))).await;
        }
    }

    async fn ask(&self, ask: Ask) {
        if let Some(asks) = &self.asks {
            // One that is over tells so.
            let _ = asks.send(ask).await;
        }
    }

    /// Takes the news; whether nobody reads what we write any more.
    async fn hear(&mut self, news: News) -> anyhow::Result<bool> {
        match news {
            News::Said { lines, is_mine: false } => return self.print(&lines),
            // Who pipes a conversation on wants what is said from now on, and no echo.
            News::Said { is_mine: true, .. } | News::Earlier(_) | News::Online { .. } => {}
            News::Told(lines) => lines.iter().for_each(|line| eprintln!("{line}")),
            News::Offline(reason) => self.why = reason,
            News::Postponed(refusal) => refusal.sentence().clone_into(&mut self.why),
            News::Delivered(_) => self.next().await,
            News::Refused(_, refusal) => {
                self.failed.tell(Some(self.line), refusal.sentence());
                self.next().await;
            }
            News::Ended(reason) => bail!("{reason}"),
        }
        Ok(false)
    }

    /// The first of what waits has been answered.
    async fn next(&mut self) {
        self.waiting.remove(0);
        self.say_next().await;
    }

    fn print(&self, lines: &[common::line::Line]) -> anyhow::Result<bool> {
        let text: String = lines.iter().map(|line| self.voice.write(line, false) + "\n").collect();
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
            written => written.map(|()| false).context("writing to standard output"),
        }
    }

    fn leave(&self) -> anyhow::Result<()> {
        if !self.waiting.is_empty() {
            bail!("line {} may not have been delivered: {}", self.line, self.why);
        }
        self.failed.check()
    }
}
