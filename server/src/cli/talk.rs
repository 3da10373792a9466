//! `madang talk`: a conversation in one room, at a terminal or through a pipe.
//!
//! Messages go to standard output. If that is not a terminal, everything else goes to standard
//! error, so that a pipe gets only the messages.

use std::{
    io::{self, ErrorKind, IsTerminal, Write},
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;
use common::{message::Body, person::DisplayName, refusal::Refusal, room::RoomName};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until},
};

use super::{
    Secret,
    address::{Address, Transport},
    client::{self, Client, ClientCommand, ClientEvent, ClientId, ConnectOptions},
    input, print_error,
    send::Failures,
    style::{Color, LineFormatter},
    talk_input::{HELP, Input, parse},
    terminal,
};

/// The options of `madang talk`.
#[derive(Debug, Args)]
pub struct Options {
    /// The room
    #[arg(value_name = "ROOM", default_value = "lobby", value_parser = RoomName::parse)]
    room: RoomName,
    /// Where to: http://HOST:PORT or tcp://HOST:PORT
    #[arg(long, value_name = "URL", env = "MADANG_TO", default_value = "http://127.0.0.1:3000", value_parser = parse_duplex_address)]
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
    /// Returns the options if they are consistent.
    pub fn check(self, gives_token: bool) -> anyhow::Result<Options> {
        self.to.check_token(gives_token)?;
        Ok(self)
    }
}

/// Parses an address whose transport can receive messages.
fn parse_duplex_address(text: &str) -> anyhow::Result<Address> {
    let address: Address = text.parse()?;
    match address.transport {
        Transport::Udp => bail!("nobody answers a datagram; madang send speaks udp"),
        Transport::Http | Transport::Tcp => Ok(address),
    }
}

/// Runs the conversation until the input ends or the user quits.
pub async fn talk(options: Options) -> anyhow::Result<()> {
    let Options { room, to, name, token, timeout, color } = options;
    let formatter = LineFormatter { colors: color.is_on() };
    let single_line = to.transport == Transport::Tcp;
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    let is_terminal = io::stdin().is_terminal() && io::stdout().is_terminal() && !is_dumb;
    let client_id = ClientId::random();
    let client = client::start(ConnectOptions {
        address: to,
        room: room.clone(),
        name,
        token,
        client_id,
        subscribe: true,
    });
    match is_terminal {
        true => terminal::talk(client, client_id, &room, formatter, single_line).await,
        false => PipedChat::new(client, client_id, formatter, single_line, timeout).run().await,
    }
}

/// A conversation through a pipe. It reads a line only after the line before was delivered.
struct PipedChat {
    /// `None` once the input has ended.
    commands: Option<mpsc::Sender<ClientCommand>>,
    events: mpsc::Receiver<ClientEvent>,
    client_id: ClientId,
    formatter: LineFormatter,
    single_line: bool,
    /// How long to try to deliver a message.
    timeout: Duration,
    /// The undelivered messages of the current line; the first of them is being sent.
    pending: Vec<Body>,
    line_number: usize,
    deadline: Instant,
    /// The latest reason why a message could not be delivered.
    reason: String,
    failures: Failures,
}

impl PipedChat {
    fn new(
        client: Client,
        client_id: ClientId,
        formatter: LineFormatter,
        single_line: bool,
        timeout: u32,
    ) -> PipedChat {
        PipedChat {
            commands: Some(client.commands),
            events: client.events,
            client_id,
            formatter,
            single_line,
            timeout: Duration::from_secs(timeout.into()),
            pending: Vec::new(),
            line_number: 0,
            deadline: Instant::now(),
            reason: "nobody answered".to_owned(),
            failures: Failures::default(),
        }
    }

    async fn run(mut self) -> anyhow::Result<()> {
        let mut lines = input::lines();
        let mut interrupted = signal(SignalKind::interrupt())?;
        let mut terminated = signal(SignalKind::terminate())?;
        loop {
            let is_idle = self.pending.is_empty();
            tokio::select! {
                line = lines.recv(), if is_idle && self.commands.is_some() => match line {
                    Some(line) => self.execute(line).await,
                    None => self.commands = None,
                },
                event = self.events.recv() => match event {
                    Some(event) => if self.handle(event).await? { return Ok(()) },
                    None => return self.failures.check(),
                },
                () = sleep_until(self.deadline), if !is_idle => {
                    bail!("line {} was not delivered: {}", self.line_number, self.reason);
                }
                _ = interrupted.recv() => return self.quit(),
                _ = terminated.recv() => return self.quit(),
            }
        }
    }

    /// Executes a line of the input.
    async fn execute(&mut self, line: Result<String, Refusal>) {
        self.line_number += 1;
        match line.and_then(|line| parse(&line, self.single_line)) {
            Ok(Input::Empty) => {}
            Ok(Input::Messages(bodies)) => {
                self.pending = bodies;
                self.send_next().await;
            }
            Ok(Input::Command(command)) => self.send_command(command).await,
            Ok(Input::Help) => print_error(HELP),
            Ok(Input::Quit) => self.commands = None,
            Err(refusal) => self.failures.report(Some(self.line_number), refusal.sentence()),
        }
    }

    async fn send_next(&mut self) {
        if let Some(body) = self.pending.first() {
            self.deadline = Instant::now() + self.timeout;
            self.send_command(ClientCommand::Send(self.client_id.new_message(body.clone()))).await;
        }
    }

    async fn send_command(&self, command: ClientCommand) {
        if let Some(commands) = &self.commands {
            // Fails only if the client has ended, which it reports by an event.
            let _ = commands.send(command).await;
        }
    }

    /// Handles an event; returns whether standard output was closed by its reader.
    async fn handle(&mut self, event: ClientEvent) -> anyhow::Result<bool> {
        match event {
            ClientEvent::Message { lines, is_mine: false } => return self.print(&lines),
            // A pipe gets only new messages of other people.
            ClientEvent::Message { is_mine: true, .. }
            | ClientEvent::History(_)
            | ClientEvent::Online { .. } => {}
            ClientEvent::Notes(lines) => lines.iter().for_each(print_error),
            ClientEvent::Offline(reason) => self.reason = reason,
            ClientEvent::Retrying(refusal) => refusal.sentence().clone_into(&mut self.reason),
            ClientEvent::Delivered(_) => self.finish_message().await,
            ClientEvent::Refused(_, refusal) => {
                self.failures.report(Some(self.line_number), refusal.sentence());
                self.finish_message().await;
            }
            ClientEvent::Closed(reason) => bail!("{reason}"),
        }
        Ok(false)
    }

    /// Removes the first pending message and sends the next one.
    async fn finish_message(&mut self) {
        self.pending.remove(0);
        self.send_next().await;
    }

    fn print(&self, lines: &[common::line::Line]) -> anyhow::Result<bool> {
        let text: String = lines.iter().map(|line| self.formatter.format(line, false) + "\n").collect();
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(true),
            written => written.map(|()| false).context("writing to standard output"),
        }
    }

    fn quit(&self) -> anyhow::Result<()> {
        if !self.pending.is_empty() {
            bail!("line {} may not have been delivered: {}", self.line_number, self.reason);
        }
        self.failures.check()
    }
}
