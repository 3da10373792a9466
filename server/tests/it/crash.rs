//! SIGKILL at any moment: what was acknowledged is in the log, once, at its number, and deleted text stays
//! deleted.

use std::collections::{HashMap, HashSet};

use common::{
    message::{Cid, Emoji, Seq},
    protocol::{
        command::{Delete, Edit, Hello, History, React},
        event::{Event, EventKind},
        reply::Sent,
    },
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::harness::{Client, ServerProcess, body, room};

/// How many times the program is killed.
const KILLS: usize = 5;
const WRITERS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_changes_survive_a_kill_and_happen_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut writers: Vec<Writer> =
        (0..WRITERS).map(|number| Writer { name: format!("w{number}"), ..Writer::default() }).collect();
    for kill in 0..KILLS {
        let mut program = ServerProcess::start(folder.path());
        let (answered, mut answers) = mpsc::unbounded_channel();
        let mut clients = Vec::new();
        for writer in &mut writers {
            clients.push(writer.connect(&program).await);
        }
        let mut writing = Vec::new();
        for (writer, client) in writers.drain(..).zip(clients) {
            writing.push(tokio::spawn(writer.write_until_killed(client, answered.clone())));
        }
        // Kill while all of them write, at another moment each time.
        let mut answered_writers = HashSet::new();
        for number in 1.. {
            answered_writers.insert(answers.recv().await.unwrap());
            if number >= 50 + 17 * kill && answered_writers.len() == WRITERS {
                break;
            }
        }
        program.kill();
        for writer in writing {
            writers.push(writer.await.unwrap());
        }
    }
    let program = ServerProcess::start(folder.path());
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

/// Sends one message after the other and changes each: edits it, deletes it or reacts to it. After a kill
/// it repeats what was not answered, with the same `cid`.
#[derive(Default)]
struct Writer {
    name: String,
    token: Option<String>,
    acked: Vec<Acked>,
}

/// An acknowledged message, and the acknowledged change to it.
struct Acked {
    message: Seq,
    change: Option<Seq>,
}

impl Writer {
    /// Connects and joins, always as the same person.
    async fn connect(&mut self, program: &ServerProcess) -> Client {
        let auth = self.token.as_ref().map_or(json!({}), |token| json!({ "token": token }));
        let mut client = Client::connect(program.address, auth).await.unwrap();
        if let Some(token) = client.request(Hello {}).await.unwrap().token {
            self.token = Some(token);
        }
        client.join("r").await.unwrap();
        client
    }

    async fn write_until_killed(
        mut self,
        mut client: Client,
        answered: mpsc::UnboundedSender<String>,
    ) -> Writer {
        loop {
            let waits = self.acked.last().filter(|acked| acked.change.is_none()).map(|acked| acked.message);
            let answer = match waits {
                Some(message) => self.change(&mut client, message).await,
                None => client.try_request(&self.send(self.acked.len())).await,
            };
            let Some(answer) = answer else { return self };
            let Sent { seq, .. } = serde_json::from_value(answer).unwrap();
            match self.acked.last_mut().filter(|_| waits.is_some()) {
                Some(acked) => acked.change = Some(seq),
                None => self.acked.push(Acked { message: seq, change: None }),
            }
            // Fails after the kill, when nothing counts the answers any more.
            let _ = answered.send(self.name.clone());
        }
    }

    fn send(&self, number: usize) -> common::protocol::command::Send {
        common::protocol::command::Send::new(
            room("r"),
            self.cid(number, "said"),
            body(&self.text(number, "said")),
        )
    }

    /// Changes this message, the last one sent, in the way that its number says.
    async fn change(&self, client: &mut Client, message: Seq) -> Option<Value> {
        let number = self.acked.len() - 1;
        let (room, seq, cid) = (room("r"), message, self.cid(number, "changed"));
        match number % 3 {
            0 => client.try_request(&Edit { room, seq, cid, body: body(&self.text(number, "edited")) }).await,
            1 => client.try_request(&Delete { room, seq, cid }).await,
            _ => client.try_request(&React { room, seq, cid, emoji: thumb(), on: true }).await,
        }
    }

    fn cid(&self, number: usize, what: &str) -> Cid {
        Cid::parse(&format!("{}-{number}-{what}", self.name)).unwrap()
    }

    fn text(&self, number: usize, what: &str) -> String {
        format!("{} {what} {number}", self.name)
    }

    /// Fails unless everything acknowledged to this writer is in the log, once.
    fn check(&self, log: &[Event]) {
        let mut places: HashMap<&Cid, Seq> = HashMap::new();
        let mut changes: HashMap<Seq, Seq> = HashMap::new();
        for event in log {
            if let Some(cid) = event.kind.cid() {
                assert_eq!(places.insert(cid, event.seq), None, "{cid:?} is there twice");
            }
            if let EventKind::Edited { target: of, .. }
            | EventKind::Deleted { target: of }
            | EventKind::Reacted { target: of, .. } = event.kind
            {
                assert_eq!(changes.insert(of, event.seq), None, "{of:?} was changed twice");
            }
        }
        let texts: Vec<&str> = log.iter().filter_map(|event| Some(event.kind.body()?.as_str())).collect();
        for (number, Acked { message, change }) in self.acked.iter().enumerate() {
            assert_eq!(places.get(&self.cid(number, "said")), Some(message));
            let Some(change) = change else { continue };
            assert_eq!(changes.get(message), Some(change));
            let now = &log[message.0 as usize - 1].kind;
            match (number % 3, now) {
                (0, EventKind::Posted { body, state: Some(now), .. }) => {
                    assert_eq!((body.as_str(), now.rev), (&*self.text(number, "edited"), *change));
                }
                (1, EventKind::Tombstone { rev, .. }) => {
                    assert_eq!(rev, change);
                    assert!(!texts.contains(&&*self.text(number, "said")), "deleted text is back");
                }
                (2, EventKind::Posted { state: Some(now), .. }) => {
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

/// Reads the whole log of the room, each message in its current state.
async fn log(reader: &mut Client) -> Vec<Event> {
    let (mut log, mut more) = (Vec::<Event>::new(), true);
    while more {
        let after = Some(log.last().map_or(Seq(0), |event| event.seq));
        let history = History { room: room("r"), before: None, after, around: None, limit: Some(200) };
        let page = reader.request(history).await.unwrap();
        more = page.more_after;
        log.extend(page.events);
    }
    log
}
