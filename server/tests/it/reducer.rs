//! A client's view of a room, built from pages and pushes in any order; it must end as the server's own
//! pages.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, Receiver},
};

use common::{
    message::{Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
    protocol::{
        command::HistoryRange,
        event::{Event, EventKind},
    },
};
use madang::{
    health::Health,
    store::{self, Action, DatabaseUrl, NewEvent, NewRoom, Store},
};
use proptest::prelude::*;

use crate::harness::{body, room};

/// The messages of a room, as a client shows them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Reducer {
    pub(crate) messages: BTreeMap<Seq, Message>,
    last_applied: Seq,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    /// `None` when it was deleted.
    pub(crate) text: Option<String>,
    pub(crate) edited: Option<Timestamp>,
    /// For each emoji, who reacted with it.
    pub(crate) reactions: BTreeMap<Emoji, Vec<PersonId>>,
    rev: Seq,
}

impl Reducer {
    /// Applies events in the order of the log; known ones change nothing.
    pub(crate) fn apply(&mut self, events: &[Event]) {
        for event in events {
            if event.seq > self.last_applied.next() {
                return;
            }
            self.last_applied = self.last_applied.max(event.seq);
            self.apply_one(event);
        }
    }

    fn apply_one(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Posted { body, state: now, .. } => {
                let rev = now.as_ref().map_or(event.seq, |now| now.rev);
                let known = self.messages.get(&event.seq).is_some_and(|message| message.rev >= rev);
                let reactions = now.iter().flat_map(|now| now.reactions.iter()).map(|reaction| {
                    let mut people: Vec<PersonId> = reaction.people.iter().map(|person| person.id).collect();
                    people.sort_unstable();
                    (reaction.emoji.clone(), people)
                });
                let message = Message {
                    text: Some(body.to_string()),
                    edited: now.as_ref().and_then(|now| now.edited),
                    reactions: reactions.collect(),
                    rev,
                };
                if !known {
                    self.messages.insert(event.seq, message);
                }
            }
            EventKind::Tombstone { rev, .. } => {
                self.messages.insert(event.seq, Message::deleted(*rev));
            }
            EventKind::Edited { target: of, body } => {
                if let (Some(message), Some(body)) = (self.message_before(*of, event.seq), body) {
                    (message.text, message.edited) = (Some(body.to_string()), Some(event.at));
                }
            }
            EventKind::Deleted { target: of } => {
                if let Some(message) = self.message_before(*of, event.seq) {
                    *message = Message::deleted(event.seq);
                }
            }
            EventKind::Reacted { target: to, emoji, on } => {
                let Some(message) = self.message_before(*to, event.seq) else { return };
                let people = message.reactions.entry(emoji.clone()).or_default();
                people.retain(|person| *person != event.person.id);
                if *on {
                    people.push(event.person.id);
                    people.sort_unstable();
                }
                message.reactions.retain(|_, people| !people.is_empty());
            }
            EventKind::RoomChanged { .. } | EventKind::Unknown => {}
        }
    }

    /// Returns the message, if this event is newer than its state.
    fn message_before(&mut self, message: Seq, seq: Seq) -> Option<&mut Message> {
        let message = self.messages.get_mut(&message)?;
        let is_newer = message.text.is_some() && message.rev < seq;
        is_newer.then(|| {
            message.rev = seq;
            message
        })
    }
}

impl Message {
    fn deleted(rev: Seq) -> Message {
        Message { text: None, edited: None, reactions: BTreeMap::new(), rev }
    }
}

/// What one of three people does, with a new message or one of the first.
#[derive(Clone, Debug)]
enum Step {
    Post,
    Edit(u64),
    Delete(u64),
    React(u64, usize, bool),
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let step = prop_oneof![
        3 => Just(Step::Post),
        3 => (1..9u64).prop_map(Step::Edit),
        1 => (1..9u64).prop_map(Step::Delete),
        4 => ((1..9u64), 0..3usize, any::<bool>()).prop_map(|(of, emoji, on)| Step::React(of, emoji, on)),
    ];
    prop::collection::vec((1..4u64, step), 1..60)
}

/// Executes the steps, numbered from `first` on; returns the committed events.
async fn append_all(
    store: &dyn Store,
    committed: &Receiver<Event>,
    first: usize,
    steps: &[(u64, Step)],
) -> Vec<Event> {
    let id = store
        .get_or_create_room(room("r"), NewRoom::with_defaults(PersonId(1), Timestamp(0)))
        .await
        .unwrap()
        .id;
    for (number, (person, step)) in (first..).zip(steps) {
        let action = match step {
            Step::Post => Action::Post { body: body(&format!("{number}")), via: None, reply_to: None },
            Step::Edit(of) => Action::Edit { target: Seq(*of), body: body(&format!("{}", number / 3)) },
            Step::Delete(of) => Action::Delete { target: Seq(*of) },
            Step::React(to, emoji, on) => {
                let emoji = Emoji::parse(["👍", "❤️", "🎉"][*emoji]).unwrap();
                Action::React { target: Seq(*to), emoji, on: *on }
            }
        };
        let person = Person::new(PersonId(*person), DisplayName::for_guest(PersonId(*person)));
        let (cid, at) = (Cid::from_random(number as u128), Timestamp(number as i64));
        // A change to an event that is no message is refused, which is fine.
        let _ = store
            .append_event(id, NewEvent { person, at, cid, claim: None, is_program: false, action })
            .await;
    }
    committed.try_iter().collect()
}

async fn page(store: &dyn Store, span: HistoryRange) -> Vec<Event> {
    let id = store.get_room(room("r")).await.unwrap().unwrap().id;
    store.list_events(id, span, 200, PersonId(1)).await.unwrap().events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn pages_and_pushes_in_any_mixture_give_the_same_room(steps in steps(), cuts in any::<(u8, u8)>()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let url = DatabaseUrl::Sqlite(folder.path().join("madang.sqlite"));
            let (sender, committed) = mpsc::channel();
            let on_commit = Box::new(move |pushed: common::protocol::push::RoomEvent| sender.send(pushed.event).unwrap());
            let store = store::open(&url, None, &Health::default(), on_commit).await.unwrap();

            let half = steps.len() * usize::from(cuts.0) / 256;
            let mut pushes = append_all(store.as_ref(), &committed, 0, &steps[..half]).await;
            let early = page(store.as_ref(), HistoryRange::After(Seq(0))).await;
            pushes.extend(append_all(store.as_ref(), &committed, half, &steps[half..]).await);
            let all = page(store.as_ref(), HistoryRange::After(Seq(0))).await;

            let reduced = |pages: &[&[Event]]| {
                let mut reducer = Reducer::default();
                pages.iter().for_each(|events| reducer.apply(events));
                reducer
            };
            let expected = reduced(&[&pushes]);
            prop_assert_eq!(&reduced(&[&all]), &expected, "the log as it is now");
            prop_assert_eq!(&reduced(&[&all, &pushes]), &expected, "and everything again");
            prop_assert_eq!(&reduced(&[&early, &pushes]), &expected, "a page from before, then pushes");
            let missed = pushes.len() * usize::from(cuts.1) / 256;
            let since = page(store.as_ref(), HistoryRange::After(Seq(missed as u64))).await;
            prop_assert_eq!(&reduced(&[&pushes[..missed], &since]), &expected, "pushes, then what was missed");
            prop_assert_eq!(&reduced(&[&early, &since, &pushes]), &expected, "pages that do not match");
            Ok(())
        })?;
    }
}
