//! A conversation at a terminal: one task owns the screen, so nothing is ever printed into the
//! middle of something else.
//!
//! What one has written waits at the foot of the screen until it is on the server's disk; then it
//! takes its place among what the others said.

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
    time::{Instant, sleep_until},
};

use self::{
    editor::{Act, Editor},
    keys::Keys,
    raw::Raw,
    screen::{Foot, Screen},
};
use super::{
    link::{Ask, Link, Message, News, Window},
    talk::{HELP, Wanted, read},
    voice::Voice,
};

/// How many messages may wait to be sent.
const MAX_WAITING: usize = 200;
/// How long what still waits is tried to be sent when somebody leaves.
const LEAVE_WITHIN: Duration = Duration::from_secs(3);

/// Talks until somebody leaves.
pub(super) async fn talk(
    link: Link,
    window: Window,
    room: &RoomName,
    voice: Voice,
    takes_lines: bool,
) -> anyhow::Result<()> {
    let raw = Raw::enter().context("preparing the terminal")?;
    let (columns, rows) = raw::size();
    let mut conversation = Conversation {
        link,
        window,
        room: room.clone(),
        voice,
        takes_lines,
        screen: Screen::new(columns, rows),
        editor: Editor::default(),
        waiting: VecDeque::new(),
        me: None,
        state: State::Connecting,
    };
    let ended = conversation.hold(&raw).await;
    raw::write(&conversation.screen.clear())?;
    drop(raw);
    ended
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Connecting,
    Online,
    Offline,
}

struct Conversation {
    link: Link,
    window: Window,
    room: RoomName,
    voice: Voice,
    takes_lines: bool,
    screen: Screen,
    editor: Editor,
    /// What was written and is not known to be stored; the first of them is being sent.
    waiting: VecDeque<Message>,
    me: Option<DisplayName>,
    state: State,
}

impl Conversation {
    async fn hold(&mut self, raw: &Raw) -> anyhow::Result<()> {
        let mut typed = bytes();
        let mut keys = Keys::default();
        let mut resized = signal(SignalKind::window_change())?;
        let mut ended = Ends::hear()?;
        let mut leaves_at = None;
        self.draw(&[])?;
        loop {
            if leaves_at.is_some() && self.waiting.is_empty() {
                return Ok(());
            }
            tokio::select! {
                // What one types is shown before what others say.
                biased;
                bytes = typed.recv() => {
                    let Some(bytes) = bytes else { return self.leave() };
                    for key in keys.push(&bytes) {
                        match self.editor.press(key) {
                            Some(Act::Leave) if leaves_at.is_some() => return self.leave(),
                            Some(Act::Leave) => leaves_at = Some(Instant::now() + LEAVE_WITHIN),
                            Some(Act::Submit(line)) if self.submit(&line)? => {
                                leaves_at = Some(Instant::now() + LEAVE_WITHIN);
                            }
                            Some(Act::Suspend) => {
                                raw::write(&self.screen.clear())?;
                                raw.suspend()?;
                            }
                            Some(Act::Redraw) => raw::write("\x1b[H\x1b[2J")?,
                            Some(Act::Submit(_)) | None => {}
                        }
                    }
                    self.draw(&[])?;
                }
                news = self.link.news.recv() => match news {
                    Some(news) => self.hear(news)?,
                    None => return self.leave(),
                },
                _ = resized.recv() => {
                    let (columns, rows) = raw::size();
                    self.screen.resize(columns, rows);
                    self.draw(&[])?;
                }
                () = until(leaves_at) => return self.leave(),
                () = ended.next() => return self.leave(),
            }
        }
    }

    /// Carries out a line; whether it says goodbye.
    fn submit(&mut self, line: &str) -> anyhow::Result<bool> {
        match read(line, self.takes_lines) {
            Ok(Wanted::Quit) => return Ok(true),
            Ok(Wanted::Nothing) => {}
            Ok(Wanted::Help) => self.note(HELP)?,
            Ok(Wanted::Ask(ask)) => self.ask(ask)?,
            Ok(Wanted::Say(bodies)) => {
                for body in bodies {
                    if self.waiting.len() >= MAX_WAITING {
                        return self.refuse(Refusal::TooFast).map(|()| false);
                    }
                    self.waiting.push_back(self.window.message(body));
                    if self.waiting.len() == 1 {
                        self.say_first()?;
                    }
                }
            }
            Err(refusal) => self.refuse(refusal)?,
        }
        Ok(false)
    }

    /// Sends what has waited longest. The next one waits for the answer, so their order stays.
    fn say_first(&mut self) -> anyhow::Result<()> {
        match self.waiting.front().cloned() {
            Some(message) => self.ask(Ask::Say(message)),
            None => Ok(()),
        }
    }

    fn ask(&mut self, ask: Ask) -> anyhow::Result<()> {
        match self.link.asks.try_send(ask) {
            Ok(()) => Ok(()),
            Err(_) => self.refuse(Refusal::TooFast),
        }
    }

    fn hear(&mut self, news: News) -> anyhow::Result<()> {
        // A single request that failed is no news to the stream that goes on.
        let is_sign_of_life = match &news {
            News::Said { .. } | News::Delivered(_) => true,
            // What is asked while there is no connection is refused here.
            News::Told(lines) => !matches!(lines[..], [Line::Refused(_)]),
            _ => false,
        };
        if is_sign_of_life && self.state == State::Offline {
            self.state = State::Online;
            self.note("Connected again.")?;
        }
        match news {
            News::Online { me } => {
                let was = std::mem::replace(&mut self.state, State::Online);
                self.me = Some(me);
                match was {
                    State::Connecting => self.note(&format!("You are in {}; /help tells more.", self.room)),
                    State::Offline => self.note("Connected again."),
                    State::Online => self.draw(&[]),
                }
            }
            News::Offline(reason) => {
                let was = std::mem::replace(&mut self.state, State::Offline);
                match was {
                    State::Offline => Ok(()),
                    State::Connecting | State::Online => {
                        self.note(&format!("No connection: {reason}; trying again."))
                    }
                }
            }
            News::Earlier(lines) | News::Told(lines) => self.print(&lines, false),
            News::Said { lines, is_mine } => self.print(&lines, is_mine),
            News::Delivered(_) => {
                self.waiting.pop_front();
                self.say_first()?;
                self.draw(&[])
            }
            News::Refused(_, refusal) => {
                let text = self.waiting.pop_front().map(|message| message.body.to_string());
                let text = text.unwrap_or_default().replace('\n', " ");
                self.say_first()?;
                self.draw(&[self.voice.dim(&format!("✗ {text}"))])?;
                self.refuse(refusal)
            }
            // It stands above the prompt until then.
            News::Postponed(_) => Ok(()),
            News::Ended(reason) => bail!("{reason}"),
        }
    }

    fn print(&mut self, lines: &[Line], is_mine: bool) -> anyhow::Result<()> {
        let lines: Vec<String> = lines.iter().map(|line| self.voice.write(line, is_mine)).collect();
        self.draw(&lines)
    }

    fn note(&mut self, text: &str) -> anyhow::Result<()> {
        self.print(&[Line::Note(text.to_owned())], false)
    }

    fn refuse(&mut self, refusal: Refusal) -> anyhow::Result<()> {
        self.print(&[Line::Refused(refusal)], false)
    }

    /// Prints lines above the foot.
    fn draw(&mut self, lines: &[String]) -> anyhow::Result<()> {
        let name = self.me.as_ref().map_or("", DisplayName::as_str);
        let prompt = match self.state {
            State::Connecting => "(connecting) > ".to_owned(),
            State::Online => format!("{name}> "),
            State::Offline => format!("{name} (offline)> "),
        };
        let waiting = self.waiting.iter().map(|message| format!("… {}", message.body)).collect();
        let (text, cursor) = (self.editor.text(), self.editor.cursor());
        let drawn = self.screen.print(lines, &Foot { waiting, prompt, text, cursor });
        raw::write(&drawn).context("writing to the terminal")
    }

    /// Somebody leaves: whether anything stays behind.
    fn leave(&self) -> anyhow::Result<()> {
        match self.waiting.len() {
            0 => Ok(()),
            1 => bail!("1 message was not delivered"),
            count => bail!("{count} messages were not delivered"),
        }
    }
}

/// The signals that end a program, which must not leave the terminal raw. Ctrl-C is a key here, but
/// others can send its signal.
struct Ends([Signal; 4]);

impl Ends {
    fn hear() -> io::Result<Ends> {
        let ends = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::quit())?,
        ];
        Ok(Ends(ends))
    }

    async fn next(&mut self) {
        let Ends([terminated, hung_up, interrupted, quit]) = self;
        tokio::select! {
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
            _ = interrupted.recv() => {}
            _ = quit.recv() => {}
        }
    }
}

/// What is typed, read by a thread of its own.
fn bytes() -> mpsc::Receiver<Vec<u8>> {
    let (read, bytes) = mpsc::channel(16);
    thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = io::stdin().lock().read(&mut chunk) {
            if read.blocking_send(chunk[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    bytes
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
