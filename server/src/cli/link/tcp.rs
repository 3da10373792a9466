//! Over TCP: the line protocol, with `/send` so that each message is answered.
//!
//! The door shows the last messages to whoever comes back, without their numbers; those that were
//! shown already are told from the others by what they say.

use std::{collections::VecDeque, time::Duration};

use anyhow::{Context, anyhow};
use common::{
    line::{Line, shown},
    message::Body,
    person::{DisplayName, PersonId},
    refusal::Refusal,
};
use futures_util::StreamExt;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::AsyncWriteExt,
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::codec::{FramedRead, LinesCodec};

use super::{Ask, Fault, LATEST, Message, News, Way, pause::Pause};

/// How long a server may take to let us in.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often an empty line says that somebody is still here; the door waits ten minutes.
const SIGN_OF_LIFE: Duration = Duration::from_secs(4 * 60);
/// When to repeat what was refused for the moment.
const AGAIN: Duration = Duration::from_secs(1);
/// How long the answer to a message may take, and how long a server that is gone goes unnoticed.
const SILENT_FOR: Duration = Duration::from_secs(20);
/// The longest line: a name, a message and what stands around them.
const MAX_LINE: usize = 32 * 1024;
/// What the door answers to `/quit`.
const GOODBYE: &str = "Goodbye.";

/// A link over TCP, to its end.
pub(super) async fn run(way: Way, asked: mpsc::Receiver<Ask>, tell: mpsc::Sender<News>) {
    let name = way.name.clone().unwrap_or_else(|| DisplayName::of_guest(PersonId(rand::random())));
    let mut link = Lines {
        way,
        name,
        asked,
        tell,
        waiting: None,
        stage: Stage::Unsent,
        shown: VecDeque::new(),
        is_back: false,
    };
    let mut pause = Pause::new();
    loop {
        match link.talk(&mut pause).await {
            Ok(()) => return,
            Err(Fault::Refused(refusal)) if !refusal.is_passing() => {
                link.tell(News::Ended(refusal.sentence().to_owned())).await;
                return;
            }
            Err(Fault::Refused(refusal)) => link.tell(News::Offline(refusal.sentence().to_owned())).await,
            Err(Fault::Lost(error)) => link.tell(News::Offline(format!("{error:#}"))).await,
        }
        if !link.rest(pause.next()).await {
            return;
        }
    }
}

struct Lines {
    way: Way,
    name: DisplayName,
    asked: mpsc::Receiver<Ask>,
    tell: mpsc::Sender<News>,
    /// What was asked to be said and is not answered.
    waiting: Option<Message>,
    stage: Stage,
    /// The last messages that were told, oneself's included.
    shown: VecDeque<Vec<Line>>,
    is_back: bool,
}

/// How far the message that waits has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Unsent,
    /// It may be in the log.
    Sent,
    /// It is in the log, and its answer was lost.
    Shown,
}

/// One connection.
struct Wire {
    lines: FramedRead<OwnedReadHalf, LinesCodec>,
    writer: OwnedWriteHalf,
}

impl Wire {
    async fn dial(way: &Way) -> anyhow::Result<Wire> {
        let reaching = timeout(PATIENCE, TcpStream::connect(way.address.authority())).await;
        let reached = reaching.map_err(|_| anyhow!("it does not answer")).and_then(|stream| Ok(stream?));
        let stream = reached.with_context(|| format!("connecting to {}", way.address))?;
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(SILENT_FOR).with_interval(SILENT_FOR / 4);
        SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        let (reader, writer) = stream.into_split();
        Ok(Wire { lines: FramedRead::new(reader, LinesCodec::new_with_max_length(MAX_LINE)), writer })
    }

    async fn write(&mut self, line: &str) -> anyhow::Result<()> {
        self.writer.write_all(format!("{line}\n").as_bytes()).await.map_err(|_| broke())
    }

    /// The next line; safe to be given up.
    async fn read(&mut self) -> anyhow::Result<Line> {
        let line = self.lines.next().await.context("the server closed the connection")?;
        Ok(Line::parse(&line.map_err(|_| broke())?))
    }
}

impl Lines {
    /// One connection, to its end: `Ok` when there is nothing to do any more.
    async fn talk(&mut self, pause: &mut Pause) -> Result<(), Fault> {
        let mut wire = Wire::dial(&self.way).await?;
        let earlier = timeout(PATIENCE, self.come_in(&mut wire)).await;
        let earlier = earlier.map_err(|_| anyhow!("{} does not let us in", self.way.address))??;
        self.catch_up(earlier).await;
        self.tell(News::Online { me: self.name.clone() }).await;
        *pause = Pause::new();
        // What was on its way when the connection broke is sent again.
        let mut send_at = self.waiting.is_some().then(Instant::now);
        let mut answered_by = None;
        let mut alive_at = Instant::now() + SIGN_OF_LIFE;
        loop {
            tokio::select! {
                line = wire.read() => {
                    if self.hear(line?).await {
                        send_at = Some(Instant::now() + AGAIN);
                    }
                }
                () = until(answered_by), if self.waiting.is_some() && send_at.is_none() => {
                    return Err(anyhow!("the server does not answer").into());
                }
                () = until(send_at) => {
                    send_at = None;
                    answered_by = Some(Instant::now() + SILENT_FOR);
                    if let Some(Message { cid, body }) = &self.waiting {
                        self.stage = self.stage.max(Stage::Sent);
                        wire.write(&format!("/send {} {body}", cid.as_str())).await?;
                    }
                }
                ask = self.asked.recv(), if self.waiting.is_none() => match ask {
                    None => return self.leave(wire).await,
                    Some(Ask::Say(message)) => {
                        self.take_on(message);
                        send_at = Some(Instant::now());
                    }
                    Some(Ask::Name(name)) => {
                        wire.write(&format!("/name {name}")).await?;
                        self.name = name;
                        self.tell(News::Online { me: self.name.clone() }).await;
                    }
                    Some(Ask::Who) => wire.write("/who").await?,
                    Some(Ask::History(limit)) => wire.write(&format!("/history {limit}")).await?,
                },
                () = sleep_until(alive_at) => {
                    alive_at = Instant::now() + SIGN_OF_LIFE;
                    wire.write("").await?;
                }
            }
        }
    }

    /// Waits before the next try; whether there is still something to do.
    async fn rest(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(until) => return true,
                ask = self.asked.recv(), if self.waiting.is_none() => match ask {
                    None => return false,
                    Some(Ask::Say(message)) => self.take_on(message),
                    Some(Ask::Name(name)) => self.name = name,
                    // Whoever asks wants to know it now.
                    Some(Ask::Who | Ask::History(_)) => {
                        self.tell(News::Told(vec![Line::Refused(Refusal::Unavailable)])).await;
                    }
                },
            }
        }
    }

    fn take_on(&mut self, message: Message) {
        self.waiting = Some(message);
        self.stage = Stage::Unsent;
    }

    /// Says who we are and goes into the room; what was said there last.
    async fn come_in(&mut self, wire: &mut Wire) -> Result<Vec<Line>, Fault> {
        let room = &self.way.room;
        wire.write(&format!("/name {}\n/join {room}", self.name)).await?;
        let (named, arrived) = (named(&self.name), format!("You are in {room}; "));
        let (mut is_named, mut earlier) = (false, Vec::new());
        loop {
            match wire.read().await? {
                Line::Note(note) if is_named && note.starts_with(&arrived) => return Ok(earlier),
                Line::Refused(refusal) => return Err(refusal.into()),
                line @ (Line::Said { old: true, .. } | Line::More { old: true, .. }) => earlier.push(line),
                // What came before is of the lobby, where one is whose lines were long on their way.
                line => {
                    is_named = is_named || line == Line::Note(named.clone());
                    earlier.clear();
                }
            }
        }
    }

    /// Tells what was said while we were not there, as far as the door shows it.
    async fn catch_up(&mut self, earlier: Vec<Line>) {
        if !std::mem::replace(&mut self.is_back, true) {
            self.tell(News::Earlier(earlier)).await;
            return;
        }
        let messages = messages(earlier.into_iter().map(as_new));
        let known = overlap(self.shown.make_contiguous(), &messages);
        if known == 0 && messages.len() >= LATEST as usize {
            let note = "More may have been said in between; /history shows it.".to_owned();
            self.tell(News::Told(vec![Line::Note(note)])).await;
        }
        for message in messages.into_iter().skip(known) {
            let is_mine = self.stage == Stage::Sent && self.waits_to_be_answered(&message);
            if is_mine {
                self.stage = Stage::Shown;
            }
            self.show(message, is_mine).await;
        }
    }

    fn waits_to_be_answered(&self, lines: &[Line]) -> bool {
        self.waiting.as_ref().is_some_and(|message| lines == lines_of(&self.name, &message.body))
    }

    /// Takes a line; whether the message that waits has to be sent again.
    async fn hear(&mut self, line: Line) -> bool {
        match line {
            Line::Answer { cid, sent } => {
                let Some(message) = self.waiting.take_if(|message| message.cid == cid) else { return false };
                match sent {
                    Ok(_) => {
                        if self.stage != Stage::Shown {
                            self.show(lines_of(&self.name, &message.body), true).await;
                        }
                        self.tell(News::Delivered(cid)).await;
                    }
                    Err(refusal) if refusal.is_passing() => {
                        self.waiting = Some(message);
                        self.tell(News::Postponed(refusal)).await;
                        return true;
                    }
                    Err(refusal) => self.tell(News::Refused(cid, refusal)).await,
                }
            }
            line @ Line::Said { old: false, .. } => self.show(vec![line], false).await,
            line @ Line::More { old: false, .. } => {
                if let Some(last) = self.shown.back_mut() {
                    last.push(line.clone());
                }
                self.tell(News::Said { lines: vec![line], is_mine: false }).await;
            }
            // Nobody has asked for it.
            Line::Note(note) if note == GOODBYE => {}
            line => self.tell(News::Told(vec![line])).await,
        }
        false
    }

    /// Says goodbye, and hears what was asked before.
    async fn leave(&mut self, mut wire: Wire) -> Result<(), Fault> {
        wire.write("/quit").await?;
        while let Ok(Ok(line)) = timeout(PATIENCE, wire.read()).await {
            self.hear(line).await;
        }
        Ok(())
    }

    /// Tells a message, and remembers it.
    async fn show(&mut self, lines: Vec<Line>, is_mine: bool) {
        self.shown.push_back(lines.clone());
        if self.shown.len() > LATEST as usize {
            self.shown.pop_front();
        }
        self.tell(News::Said { lines, is_mine }).await;
    }

    async fn tell(&self, news: News) {
        // Who does not listen any more will drop the other end as well.
        let _ = self.tell.send(news).await;
    }
}

/// What exactly the system says of a broken connection helps nobody.
fn broke() -> anyhow::Error {
    anyhow!("the connection broke")
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// What the door answers to `/name`.
fn named(name: &DisplayName) -> String {
    format!("You are now {name}.")
}

/// A message of one line as the door shows it to others.
fn lines_of(name: &DisplayName, body: &Body) -> Vec<Line> {
    vec![Line::Said { old: false, who: shown(name.as_str()), text: shown(body.as_str()) }]
}

fn as_new(line: Line) -> Line {
    match line {
        Line::Said { who, text, .. } => Line::Said { old: false, who, text },
        Line::More { text, .. } => Line::More { old: false, text },
        other => other,
    }
}

/// Lines that belong together.
fn messages(lines: impl Iterator<Item = Line>) -> Vec<Vec<Line>> {
    let mut messages: Vec<Vec<Line>> = Vec::new();
    for line in lines {
        match (&line, messages.last_mut()) {
            (Line::More { .. }, Some(last)) => last.push(line),
            _ => messages.push(vec![line]),
        }
    }
    messages
}

/// How many of `latest` were shown at the end of `shown`.
fn overlap(shown: &[Vec<Line>], latest: &[Vec<Line>]) -> usize {
    let most = shown.len().min(latest.len());
    (0..=most).rev().find(|count| shown.ends_with(&latest[..*count])).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<Line> {
        vec![Line::Said { old: false, who: "지은".to_owned(), text: text.to_owned() }]
    }

    #[test]
    fn what_was_shown_is_known_again_and_the_rest_is_new() {
        let all: Vec<Vec<Line>> = ["a", "b", "b", "c", "d"].map(said).into();
        assert_eq!(overlap(&all[..3], &all[1..]), 2);
        assert_eq!(overlap(&all[..3], &all[3..]), 0);
        assert_eq!(overlap(&all[2..], &all[2..]), 3);
        assert_eq!(overlap(&[], &all), 0);
    }
}
