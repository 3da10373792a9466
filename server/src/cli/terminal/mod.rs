//! `madang talk` at a terminal. One task owns the screen, so output is never mixed with other output.
//!
//! The user's own message stays at the bottom of the screen until it is on the server's disk; then it
//! is printed among the other messages.

mod editor;
mod keys;
mod raw;
mod screen;

use std::{
    collections::VecDeque,
    io::{self, Read},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use common::{line::Line, person::DisplayName, refusal::Refusal, room::RoomName};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::Instant,
};

use self::{
    editor::{Editor, EditorAction},
    keys::KeyParser,
    raw::RawMode,
    screen::{Prompt, Screen},
};
use super::{
    client::{Client, ClientCommand, ClientEvent, ClientId, Message},
    sleep_until_some,
    style::LineFormatter,
    talk_input::{HELP, Input, parse},
};

/// The most messages that may be pending.
const MAX_PENDING: usize = 200;
/// How long to try to send pending messages after the user quits.
const QUIT_TIMEOUT: Duration = Duration::from_secs(3);

/// Runs the conversation until the user quits.
pub(super) async fn talk(
    client: Client,
    client_id: ClientId,
    room: &RoomName,
    formatter: LineFormatter,
    single_line: bool,
) -> anyhow::Result<()> {
    let raw = RawMode::enter().context("preparing the terminal")?;
    let (columns, rows) = raw::size();
    let mut chat = TerminalChat {
        client,
        client_id,
        room: room.clone(),
        formatter,
        single_line,
        screen: Screen::new(columns, rows),
        editor: Editor::default(),
        pending: VecDeque::new(),
        me: None,
        state: ConnectionState::Connecting,
    };
    let result = chat.run(&raw).await;
    raw::write(&chat.screen.clear())?;
    drop(raw);
    result
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ConnectionState {
    Connecting,
    Online,
    Offline,
}

struct TerminalChat {
    client: Client,
    client_id: ClientId,
    room: RoomName,
    formatter: LineFormatter,
    single_line: bool,
    screen: Screen,
    editor: Editor,
    /// The messages that are not confirmed yet; the first of them is being sent.
    pending: VecDeque<Message>,
    me: Option<DisplayName>,
    state: ConnectionState,
}

impl TerminalChat {
    async fn run(&mut self, raw: &RawMode) -> anyhow::Result<()> {
        let mut input = read_stdin();
        let mut parser = KeyParser::default();
        let mut resized = signal(SignalKind::window_change())?;
        let mut termination = TerminationSignals::new()?;
        let mut quit_at = None;
        self.draw(&[])?;
        loop {
            if quit_at.is_some() && self.pending.is_empty() {
                return Ok(());
            }
            tokio::select! {
                // Input is handled before messages, so that typing is never delayed.
                biased;
                bytes = input.recv() => {
                    let Some(bytes) = bytes else { return self.check_delivered() };
                    for key in parser.push(&bytes) {
                        match self.editor.press(key) {
                            Some(EditorAction::Quit) if quit_at.is_some() => return self.check_delivered(),
                            Some(EditorAction::Quit) => quit_at = Some(Instant::now() + QUIT_TIMEOUT),
                            Some(EditorAction::Submit(line)) if self.submit(&line)? => {
                                quit_at = Some(Instant::now() + QUIT_TIMEOUT);
                            }
                            Some(EditorAction::Suspend) => {
                                raw::write(&self.screen.clear())?;
                                raw.suspend()?;
                            }
                            Some(EditorAction::Redraw) => raw::write("\x1b[H\x1b[2J")?,
                            Some(EditorAction::Submit(_)) | None => {}
                        }
                    }
                    self.draw(&[])?;
                }
                event = self.client.events.recv() => match event {
                    Some(event) => self.handle(event)?,
                    None => return self.check_delivered(),
                },
                _ = resized.recv() => {
                    let (columns, rows) = raw::size();
                    self.screen.resize(columns, rows);
                    self.draw(&[])?;
                }
                () = sleep_until_some(quit_at) => return self.check_delivered(),
                () = termination.recv() => return self.check_delivered(),
            }
        }
    }

    /// Executes a line; returns whether it is `/quit`.
    fn submit(&mut self, line: &str) -> anyhow::Result<bool> {
        match parse(line, self.single_line) {
            Ok(Input::Quit) => return Ok(true),
            Ok(Input::Empty) => {}
            Ok(Input::Help) => self.note(HELP)?,
            Ok(Input::Command(command)) => self.send_command(command)?,
            Ok(Input::Messages(bodies)) => {
                for body in bodies {
                    if self.pending.len() >= MAX_PENDING {
                        return self.refuse(Refusal::TooFast).map(|()| false);
                    }
                    self.pending.push_back(self.client_id.new_message(body));
                    if self.pending.len() == 1 {
                        self.send_first()?;
                    }
                }
            }
            Err(refusal) => self.refuse(refusal)?,
        }
        Ok(false)
    }

    /// Sends the oldest pending message. The next one waits for its reply, which keeps the order.
    fn send_first(&mut self) -> anyhow::Result<()> {
        match self.pending.front().cloned() {
            Some(message) => self.send_command(ClientCommand::Send(message)),
            None => Ok(()),
        }
    }

    fn send_command(&mut self, command: ClientCommand) -> anyhow::Result<()> {
        match self.client.commands.try_send(command) {
            Ok(()) => Ok(()),
            Err(_) => self.refuse(Refusal::TooFast),
        }
    }

    fn handle(&mut self, event: ClientEvent) -> anyhow::Result<()> {
        // A failed HTTP request sets the state to offline, although the event stream may still be open.
        // Then no `Online` follows, so these events show that the connection works.
        let proves_connection = match &event {
            ClientEvent::Message { .. } | ClientEvent::Delivered(_) => true,
            // Without a connection, the client itself answers a command with a refusal.
            ClientEvent::Notes(lines) => !matches!(lines[..], [Line::Refused(_)]),
            _ => false,
        };
        if proves_connection && self.state == ConnectionState::Offline {
            self.state = ConnectionState::Online;
            self.note("Connected again.")?;
        }
        match event {
            ClientEvent::Online { me } => {
                let previous = std::mem::replace(&mut self.state, ConnectionState::Online);
                self.me = Some(me);
                match previous {
                    ConnectionState::Connecting => {
                        self.note(&format!("You are in {}; /help tells more.", self.room))
                    }
                    ConnectionState::Offline => self.note("Connected again."),
                    ConnectionState::Online => self.draw(&[]),
                }
            }
            ClientEvent::Offline(reason) => {
                let previous = std::mem::replace(&mut self.state, ConnectionState::Offline);
                match previous {
                    ConnectionState::Offline => Ok(()),
                    ConnectionState::Connecting | ConnectionState::Online => {
                        self.note(&format!("No connection: {reason}; trying again."))
                    }
                }
            }
            ClientEvent::History(lines) | ClientEvent::Notes(lines) => self.print(&lines, false),
            ClientEvent::Message { lines, is_mine } => self.print(&lines, is_mine),
            ClientEvent::Delivered(_) => {
                self.pending.pop_front();
                self.send_first()?;
                self.draw(&[])
            }
            ClientEvent::Refused(_, refusal) => {
                let text = self.pending.pop_front().map(|message| message.body.to_string());
                let text = text.unwrap_or_default().replace('\n', " ");
                self.send_first()?;
                self.draw(&[self.formatter.dim(&format!("✗ {text}"))])?;
                self.refuse(refusal)
            }
            // The message stays above the prompt until it is confirmed.
            ClientEvent::Retrying(_) => Ok(()),
            ClientEvent::Closed(reason) => bail!("{reason}"),
        }
    }

    fn print(&mut self, lines: &[Line], is_mine: bool) -> anyhow::Result<()> {
        let lines: Vec<String> = lines.iter().map(|line| self.formatter.format(line, is_mine)).collect();
        self.draw(&lines)
    }

    fn note(&mut self, text: &str) -> anyhow::Result<()> {
        self.print(&[Line::Note(text.to_owned())], false)
    }

    fn refuse(&mut self, refusal: Refusal) -> anyhow::Result<()> {
        self.print(&[Line::Refused(refusal)], false)
    }

    /// Prints lines above the prompt and redraws the prompt.
    fn draw(&mut self, lines: &[String]) -> anyhow::Result<()> {
        let name = self.me.as_ref().map_or("", DisplayName::as_str);
        let label = match self.state {
            ConnectionState::Connecting => "(connecting) > ".to_owned(),
            ConnectionState::Online => format!("{name}> "),
            ConnectionState::Offline => format!("{name} (offline)> "),
        };
        let pending = self.pending.iter().map(|message| format!("… {}", message.body)).collect();
        let (text, cursor) = (self.editor.text(), self.editor.cursor());
        let output = self.screen.print(lines, &Prompt { pending, label, text, cursor });
        raw::write(&output).context("writing to the terminal")
    }

    /// Fails if messages are still pending.
    fn check_delivered(&self) -> anyhow::Result<()> {
        match self.pending.len() {
            0 => Ok(()),
            1 => bail!("1 message was not delivered"),
            count => bail!("{count} messages were not delivered"),
        }
    }
}

/// The signals that end the program. They are handled so that the terminal is restored. In raw mode
/// Ctrl-C is a key, but other processes can send SIGINT.
struct TerminationSignals([Signal; 4]);

impl TerminationSignals {
    fn new() -> io::Result<TerminationSignals> {
        let signals = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::quit())?,
        ];
        Ok(TerminationSignals(signals))
    }

    async fn recv(&mut self) {
        let TerminationSignals([terminated, hung_up, interrupted, quit]) = self;
        tokio::select! {
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
            _ = interrupted.recv() => {}
            _ = quit.recv() => {}
        }
    }
}

/// Reads standard input in a thread, because the read blocks.
fn read_stdin() -> mpsc::Receiver<Vec<u8>> {
    let (sender, bytes) = mpsc::channel(16);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = io::stdin().lock().read(&mut chunk) {
            if sender.blocking_send(chunk[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    bytes
}
