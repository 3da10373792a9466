//! Over HTTP: every message is posted until it is answered, and the room's log is followed from the
//! last number that was seen. So nothing is lost and nothing is doubled, whatever breaks.

use std::time::Duration;

use anyhow::{Context, anyhow};
use common::{
    event::{Event, IntroduceYourself, Me, Page, Post, RoomList, Sent, What},
    line::Line,
    message::Seq,
    person::{DisplayName, Person, PersonId},
    refusal::Refusal,
    room::RoomName,
};
use http_body_util::BodyExt;
use hyper::{
    HeaderMap, Method, StatusCode,
    body::Incoming,
    header::{self, HeaderName},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    time::{sleep, timeout},
};
use url::form_urlencoded;

use super::{
    Ask, Fault, LATEST, Message, News, Way, Window,
    events::{Events, Told},
    pause::Pause,
    request::{COOKIES, Requester, refused},
};
use crate::cli::{Secret, keepsake::Keepsake};

/// The server gives a sign of life every 15 seconds.
const SILENT_FOR: Duration = Duration::from_secs(40);
/// When to repeat what was refused for the moment.
const AGAIN: Duration = Duration::from_secs(1);
/// How often to ask again for a room that nobody has opened yet.
const UNBORN: Duration = Duration::from_secs(2);
/// The longest time a server may send us away for.
const AWAY: Duration = Duration::from_secs(10);
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// A link over HTTP, to its end.
pub(super) async fn run(way: Way, asked: mpsc::Receiver<Ask>, tell: mpsc::Sender<News>) {
    let ended = if way.stays { stay(way, asked, &tell).await } else { visit(way, asked, &tell).await };
    if let Err(Fault::Refused(refusal)) = ended {
        let _ = tell.send(News::Ended(sentence(refusal).to_owned())).await;
    }
}

/// Why there is no use in going on.
fn sentence(refusal: Refusal) -> &'static str {
    match refusal {
        // Nobody can join a room here.
        Refusal::NotInRoom => {
            "The seats of this room are limited, and over HTTP nobody takes one; come in with --to tcp://HOST:PORT."
        }
        refusal => refusal.sentence(),
    }
}

/// Only says something, as the person of a token or as a guest.
async fn visit(way: Way, asked: mpsc::Receiver<Ask>, tell: &mpsc::Sender<News>) -> Result<(), Fault> {
    let requester = Requester::new(way.address, way.token);
    let guest = way.name.unwrap_or_else(|| DisplayName::of_guest(PersonId(rand::random())));
    let me = watch::Sender::new(guest.clone());
    let speaker = Speaker { requester, paths: Paths::to(&way.room), me, guest: Some(guest), room: way.room };
    speaker.speak(asked, tell, &Notify::new()).await
}

/// Is somebody, hears what is said, and says something.
async fn stay(way: Way, asked: mpsc::Receiver<Ask>, tell: &mpsc::Sender<News>) -> Result<(), Fault> {
    let mut requester = Requester::new(way.address.clone(), None);
    let paths = Paths::to(&way.room);
    let mut pause = Pause::new();
    let (me, page) = loop {
        match come_in(&mut requester, &way, &paths).await {
            Ok(inside) => break inside,
            Err(Fault::Refused(refusal)) if !refusal.is_passing() => return Err(refusal.into()),
            Err(fault) => tell_offline(tell, &fault).await,
        }
        if asked.is_closed() && asked.is_empty() {
            return Ok(());
        }
        sleep(pause.next()).await;
    };
    let last = page.events.last().map_or(Seq(0), |event| event.seq);
    let _ = tell.send(News::Earlier(old(&page))).await;
    let said = Notify::new();
    let (listening, window) = (requester.another(), way.window);
    let (named, me) = watch::channel(me.name);
    let listener = Listener { requester: listening, paths: paths.clone(), me, window, last, tell };
    // Only now: what is said from here on is heard, also by whoever has said it.
    let speaker = Speaker { requester, paths, me: named, guest: None, room: way.room };
    tokio::select! {
        ended = speaker.speak(asked, tell, &said) => ended,
        fault = listener.listen(&said) => Err(fault),
    }
}

/// Becomes somebody, and looks at what was said last.
async fn come_in(requester: &mut Requester, way: &Way, paths: &Paths) -> Result<(Person, Page), Fault> {
    let me = introduce(requester, way).await?;
    let page = match requester.get(&format!("{}?limit={LATEST}", paths.messages)).await {
        // Whoever says something first opens the room.
        Err(Fault::Refused(Refusal::NoSuchRoom)) => {
            Page { events: Vec::new(), more_before: false, more_after: false }
        }
        page => page?,
    };
    Ok((me, page))
}

/// Becomes the person of the token that was given or kept, or somebody new.
async fn introduce(requester: &mut Requester, way: &Way) -> Result<Person, Fault> {
    let keepsake = Keepsake::of(&way.address);
    let kept = || keepsake.as_ref().ok().and_then(|keepsake| keepsake.read().ok()).flatten();
    if let Some(token) = way.token.clone().or_else(kept) {
        requester.go_as(Some(token));
        let known: Me = requester.get("/api/me").await?;
        match (known.you, &way.name) {
            (Some(me), Some(name)) if *name != me.name => return rename(requester, name.clone()).await,
            (Some(me), _) => return Ok(me),
            (None, _) if way.token.is_some() => return Err(Refusal::UnknownToken.into()),
            // The server has forgotten who that was; so do we.
            (None, _) => requester.go_as(None),
        }
    }
    let guest = || DisplayName::of_guest(PersonId(rand::random()));
    let (headers, me) = call_oneself(requester, way.name.clone().unwrap_or_else(guest)).await?;
    let token = given_token(&headers).context("the server gave no token; is that a Madang?")?;
    // Without a place to keep it one is somebody else next time, and that is all.
    if let Err(error) = keepsake.and_then(|keepsake| keepsake.write(&token)) {
        eprintln!("madang: {error:#}");
    }
    requester.go_as(Some(token));
    Ok(me)
}

async fn rename(requester: &mut Requester, name: DisplayName) -> Result<Person, Fault> {
    call_oneself(requester, name).await.map(|(_, me)| me)
}

async fn call_oneself(requester: &mut Requester, name: DisplayName) -> Result<(HeaderMap, Person), Fault> {
    let introduction = serde_json::to_vec(&IntroduceYourself { name }).context("writing a name")?;
    let (headers, Me { you }) = requester.post("/api/me", introduction).await?;
    Ok((headers, you.context("the server does not know us")?))
}

/// The token in the cookie that was set.
fn given_token(headers: &HeaderMap) -> Option<Secret> {
    let cookies = headers.get_all(header::SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok());
    let pairs = cookies.filter_map(|cookie| cookie.split(';').next()?.split_once('='));
    pairs.filter(|(name, _)| COOKIES.contains(name)).find_map(|(_, token)| token.parse().ok())
}

/// The requests about a room.
#[derive(Clone)]
struct Paths {
    messages: String,
    events: String,
}

impl Paths {
    fn to(room: &RoomName) -> Paths {
        let room = encoded(room.as_str());
        Paths { messages: format!("/api/rooms/{room}/messages"), events: format!("/api/rooms/{room}/events") }
    }
}

/// Does what is asked, one after the other.
struct Speaker {
    requester: Requester,
    room: RoomName,
    paths: Paths,
    /// By which name one goes, for whoever has to know.
    me: watch::Sender<DisplayName>,
    /// By which name a guest says it.
    guest: Option<DisplayName>,
}

impl Speaker {
    async fn speak(
        mut self,
        mut asked: mpsc::Receiver<Ask>,
        tell: &mpsc::Sender<News>,
        said: &Notify,
    ) -> Result<(), Fault> {
        while let Some(ask) = asked.recv().await {
            let done = match ask {
                Ask::Say(message) => {
                    self.deliver(message, tell).await?;
                    said.notify_one();
                    continue;
                }
                Ask::Name(name) => self.rename(name, tell).await,
                Ask::Who => self.who().await,
                Ask::History(limit) => self.history(limit).await,
            };
            let lines = match done {
                Ok(lines) => lines,
                Err(Fault::Refused(refusal)) => vec![Line::Refused(refusal)],
                Err(fault) => {
                    tell_offline(tell, &fault).await;
                    continue;
                }
            };
            let _ = tell.send(News::Told(lines)).await;
        }
        Ok(())
    }

    /// Posts a message until there is an answer that stays.
    async fn deliver(&mut self, message: Message, tell: &mpsc::Sender<News>) -> Result<(), Fault> {
        let Message { cid, body } = message;
        let post = Post { body, cid: Some(cid.clone()), name: self.guest.clone(), reply_to: None };
        let json = serde_json::to_vec(&post).context("writing a message")?;
        let mut pause = Pause::new();
        let news = loop {
            match self.requester.post::<Sent>(&self.paths.messages, json.clone()).await {
                Ok(_) => break News::Delivered(cid),
                Err(Fault::Refused(refusal)) if refusal.is_passing() => {
                    let _ = tell.send(News::Postponed(refusal)).await;
                    sleep(AGAIN).await;
                }
                Err(Fault::Refused(refusal)) if self.is_hopeless(refusal) => return Err(refusal.into()),
                Err(Fault::Refused(refusal)) => break News::Refused(cid, refusal),
                Err(fault) => {
                    tell_offline(tell, &fault).await;
                    sleep(pause.next()).await;
                }
            }
        };
        let _ = tell.send(news).await;
        Ok(())
    }

    /// Whether no other message would be taken either. Whoever stays hears that as a listener.
    fn is_hopeless(&self, refusal: Refusal) -> bool {
        refusal == Refusal::UnknownToken || (refusal == Refusal::NotInRoom && self.guest.is_some())
    }

    async fn rename(&mut self, name: DisplayName, tell: &mpsc::Sender<News>) -> Result<Vec<Line>, Fault> {
        let me = rename(&mut self.requester, name).await?;
        let note = Line::Note(format!("You are now {}.", me.name));
        self.me.send_replace(me.name.clone());
        let _ = tell.send(News::Online { me: me.name }).await;
        Ok(vec![note])
    }

    async fn who(&mut self) -> Result<Vec<Line>, Fault> {
        let list: RoomList = self.requester.get("/api/rooms").await?;
        let summary = list.rooms.into_iter().find(|summary| summary.room == self.room);
        let (here, people) = summary.map_or((0, Vec::new()), |summary| (summary.here, summary.people));
        let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
        let text = match here as usize - names.len().min(here as usize) {
            _ if names.is_empty() => {
                format!("In {} nobody is connected; whoever comes over HTTP is not counted.", self.room)
            }
            0 => format!("In {} are {}.", self.room, names.join(", ")),
            more => format!("In {} are {} and {more} more.", self.room, names.join(", ")),
        };
        Ok(vec![Line::Note(text)])
    }

    async fn history(&mut self, limit: u32) -> Result<Vec<Line>, Fault> {
        let page: Page = self.requester.get(&format!("{}?limit={limit}", self.paths.messages)).await?;
        let mut lines = old(&page);
        lines.push(Line::Note(match page.more_before {
            true => "There is more before these.".to_owned(),
            false => "This is all.".to_owned(),
        }));
        Ok(lines)
    }
}

/// Follows the log.
struct Listener<'a> {
    requester: Requester,
    paths: Paths,
    me: watch::Receiver<DisplayName>,
    window: Window,
    /// The last event that was told.
    last: Seq,
    tell: &'a mpsc::Sender<News>,
}

impl Listener<'_> {
    /// Listens until that has no use any more, which is what it answers.
    async fn listen(mut self, said: &Notify) -> Fault {
        let mut pause = Pause::new();
        loop {
            let back_in = match self.follow(&mut pause).await {
                Ok(back_in) => back_in,
                // Nobody has said anything here, and whoever does it first opens the room.
                Err(Fault::Refused(Refusal::NoSuchRoom)) => {
                    self.online().await;
                    let _ = timeout(UNBORN, said.notified()).await;
                    continue;
                }
                Err(Fault::Refused(refusal)) if !refusal.is_passing() => return refusal.into(),
                Err(fault) => {
                    tell_offline(self.tell, &fault).await;
                    pause.next()
                }
            };
            sleep(back_in).await;
        }
    }

    /// One stream, to its end; answers when to come back.
    async fn follow(&mut self, pause: &mut Pause) -> Result<Duration, Fault> {
        let since = [(LAST_EVENT_ID, self.last.0.to_string())];
        let answer = self.requester.open(Method::GET, &self.paths.events, &since, Vec::new()).await?;
        if answer.status() != StatusCode::OK {
            return Err(refused(answer).await);
        }
        self.online().await;
        *pause = Pause::new();
        let back_in = self.hear(answer.into_body()).await?;
        tell_offline(self.tell, &anyhow!("the server closed the connection").into()).await;
        Ok(back_in.unwrap_or_else(|| pause.next()))
    }

    /// Tells what the stream tells; answers when the server wants us back.
    async fn hear(&mut self, mut stream: Incoming) -> Result<Option<Duration>, Fault> {
        let (mut events, mut back_in) = (Events::default(), None);
        loop {
            let frame = timeout(SILENT_FOR, stream.frame()).await;
            let Some(frame) = frame.map_err(|_| anyhow!("the server has fallen silent"))? else {
                return Ok(back_in);
            };
            let frame = frame.map_err(|_| anyhow!("the connection broke"))?;
            for told in frame.data_ref().map(|bytes| events.push(bytes)).transpose()?.unwrap_or_default() {
                match told {
                    Told::Retry(after) => back_in = Some(after.min(AWAY)),
                    Told::Event { id, data } => self.tell_event(Seq(id), &data).await,
                }
            }
        }
    }

    /// Tells an event that has not been told. One of a kind that we do not know is passed over.
    async fn tell_event(&mut self, seq: Seq, data: &str) {
        if seq <= self.last {
            return;
        }
        self.last = seq;
        let Ok(event) = serde_json::from_str::<Event>(data) else { return };
        let is_mine = matches!(&event.what, What::Posted { cid, .. } if self.window.made(cid));
        let lines = Line::of_event(&event, false);
        let is_said = matches!(event.what, What::Posted { .. });
        let news = if is_said { News::Said { lines, is_mine } } else { News::Told(lines) };
        let _ = self.tell.send(news).await;
    }

    async fn online(&self) {
        let me = self.me.borrow().clone();
        let _ = self.tell.send(News::Online { me }).await;
    }
}

fn old(page: &Page) -> Vec<Line> {
    page.events.iter().flat_map(|event| Line::of_event(event, true)).collect()
}

async fn tell_offline(tell: &mpsc::Sender<News>, fault: &Fault) {
    let reason = match fault {
        Fault::Refused(refusal) => refusal.sentence().to_owned(),
        Fault::Lost(error) => format!("{error:#}"),
    };
    let _ = tell.send(News::Offline(reason)).await;
}

/// A segment of a path (WHATWG URL §4.1).
fn encoded(segment: &str) -> String {
    form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>().replace('+', "%20")
}
