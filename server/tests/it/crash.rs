//! `kill -9` at any moment: what was acknowledged is there, once, at its place, and what was taken
//! back stays away.

use std::collections::{HashMap, HashSet};

use common::{
    event::{Delete, Edit, Event, Hello, History, React, Sent, What},
    message::{Cid, Emoji, Seq},
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::support::{Client, Program, body, room};

/// How many times the program is killed.
const KILLS: usize = 5;
const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_nothing_is_done_twice() {
    let folder = tempfile::tempdir().unwrap();
    let mut writers: Vec<Writer> =
        (0..WRITERS).map(|number| Writer { name: format!("w{number}"), ..Writer::default() }).collect();
    for kill in 0..KILLS {
        let mut program = Program::start(folder.path());
        let (told, mut answers) = mpsc::unbounded_channel();
        let mut clients = Vec::new();
        for writer in &mut writers {
            clients.push(writer.come(&program).await);
        }
        let mut writing = Vec::new();
        for (writer, client) in writers.drain(..).zip(clients) {
            writing.push(tokio::spawn(writer.write_until_killed(client, told.clone())));
        }
        // In the middle of what all of them write, another moment each time.
        let mut answered = HashSet::new();
        for number in 1.. {
            answered.insert(answers.recv().await.unwrap());
            if number >= 50 + 17 * kill && answered.len() == WRITERS {
                break;
            }
        }
        program.kill();
        for writer in writing {
            writers.push(writer.await.unwrap());
        }
    }
    let program = Program::start(folder.path());
    let mut reader = Client::connect(program.address, json!({})).await.unwrap();
    reader.join("r").await.unwrap();
    let log = log(&mut reader).await;
    for (at, event) in log.iter().enumerate() {
        assert_eq!(event.seq, Seq(at as u64 + 1), "the log has no gap");
    }
    for writer in &writers {
        writer.check(&log);
    }
}

/// Somebody who says one message after the other and changes each: edits it, takes it back or reacts
/// to it. What was not answered is asked again after the kill, with the same `cid`.
#[derive(Default)]
struct Writer {
    name: String,
    token: Option<String>,
    done: Vec<Done>,
}

/// What was acknowledged: a message, and what was done to it.
struct Done {
    message: Seq,
    change: Option<Seq>,
}

impl Writer {
    /// Comes into the room, always as the same person.
    async fn come(&mut self, program: &Program) -> Client {
        let who = self.token.as_ref().map_or(json!({}), |token| json!({ "token": token }));
        let mut client = Client::connect(program.address, who).await.unwrap();
        if let Some(token) = client.ask(Hello {}).await.unwrap().token {
            self.token = Some(token);
        }
        client.join("r").await.unwrap();
        client
    }

    async fn write_until_killed(mut self, mut client: Client, told: mpsc::UnboundedSender<String>) -> Writer {
        loop {
            let waits = self.done.last().filter(|done| done.change.is_none()).map(|done| done.message);
            let answer = match waits {
                Some(message) => self.change(&mut client, message).await,
                None => client.try_ask(&self.send(self.done.len())).await,
            };
            let Some(answer) = answer else { return self };
            let Sent { seq, .. } = serde_json::from_value(answer).unwrap();
            match self.done.last_mut().filter(|_| waits.is_some()) {
                Some(done) => done.change = Some(seq),
                None => self.done.push(Done { message: seq, change: None }),
            }
            // Nobody counts any more once it is killed.
            let _ = told.send(self.name.clone());
        }
    }

    fn send(&self, number: usize) -> common::event::Send {
        common::event::Send::new(room("r"), self.cid(number, "said"), body(&self.text(number, "said")))
    }

    /// Does to this message, the last that was said, what is its turn.
    async fn change(&self, client: &mut Client, message: Seq) -> Option<Value> {
        let number = self.done.len() - 1;
        let (room, seq, cid) = (room("r"), message, self.cid(number, "changed"));
        match number % 3 {
            0 => client.try_ask(&Edit { room, seq, cid, body: body(&self.text(number, "edited")) }).await,
            1 => client.try_ask(&Delete { room, seq, cid }).await,
            _ => client.try_ask(&React { room, seq, cid, emoji: thumb(), on: true }).await,
        }
    }

    fn cid(&self, number: usize, what: &str) -> Cid {
        Cid::parse(&format!("{}-{number}-{what}", self.name)).unwrap()
    }

    fn text(&self, number: usize, what: &str) -> String {
        format!("{} {what} {number}", self.name)
    }

    /// Everything that was acknowledged to this writer is in the log, once.
    fn check(&self, log: &[Event]) {
        let mut places: HashMap<&Cid, Seq> = HashMap::new();
        let mut changes: HashMap<Seq, Seq> = HashMap::new();
        for event in log {
            if let Some(cid) = event.what.cid() {
                assert_eq!(places.insert(cid, event.seq), None, "{cid:?} is there twice");
            }
            if let What::Edited { of, .. } | What::Deleted { of } | What::Reacted { to: of, .. } = event.what
            {
                assert_eq!(changes.insert(of, event.seq), None, "{of:?} was changed twice");
            }
        }
        let said: Vec<&str> = log.iter().filter_map(|event| Some(event.what.body()?.as_str())).collect();
        for (number, Done { message, change }) in self.done.iter().enumerate() {
            assert_eq!(places.get(&self.cid(number, "said")), Some(message));
            let Some(change) = change else { continue };
            assert_eq!(changes.get(message), Some(change));
            let now = &log[message.0 as usize - 1].what;
            match (number % 3, now) {
                (0, What::Posted { body, now: Some(now), .. }) => {
                    assert_eq!((body.as_str(), now.rev), (&*self.text(number, "edited"), *change));
                }
                (1, What::Withdrawn { rev, .. }) => {
                    assert_eq!(rev, change);
                    assert!(!said.contains(&&*self.text(number, "said")), "what was taken back is back");
                }
                (2, What::Posted { now: Some(now), .. }) => {
                    assert_eq!((now.reactions[0].count, now.rev), (1, *change));
                }
                _ => panic!("{now:?} is not what {} made of it", self.name),
            }
        }
    }
}

fn thumb() -> Emoji {
    Emoji::parse("👍").unwrap()
}

/// The whole log of the room, each message as it reads now.
async fn log(reader: &mut Client) -> Vec<Event> {
    let (mut log, mut more) = (Vec::<Event>::new(), true);
    while more {
        let after = Some(log.last().map_or(Seq(0), |event| event.seq));
        let history = History { room: room("r"), before: None, after, around: None, limit: Some(200) };
        let page = reader.ask(history).await.unwrap();
        more = page.more_after;
        log.extend(page.events);
    }
    log
}
