//! A reader of the log that takes in pages and pushes, as a client does: whatever the order in which
//! it gets them, it ends where the server's own pages begin.

use std::{
    collections::BTreeMap,
    sync::mpsc::{self, Receiver},
};

use common::{
    event::{Event, Span, What},
    message::{Cid, Emoji, Seq, Timestamp},
    person::{DisplayName, Person, PersonId},
};
use madang::store::{self, Deed, NewEvent, NewRoom, Store};
use proptest::prelude::*;

use crate::support::{body, room};

/// The messages of a room as somebody sees them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fold {
    pub(crate) messages: BTreeMap<Seq, Message>,
    have: Seq,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    /// `None` when it was taken back.
    pub(crate) text: Option<String>,
    pub(crate) edited: Option<Timestamp>,
    /// Who put which emoji there.
    pub(crate) reactions: BTreeMap<Emoji, Vec<PersonId>>,
    rev: Seq,
}

impl Fold {
    /// Takes in events in the order of the log; what is known already does no harm.
    pub(crate) fn apply(&mut self, events: &[Event]) {
        for event in events {
            if event.seq > self.have.next() {
                return;
            }
            self.have = self.have.max(event.seq);
            self.take_in(event);
        }
    }

    fn take_in(&mut self, event: &Event) {
        match &event.what {
            What::Posted { body, now, .. } => {
                let rev = now.as_ref().map_or(event.seq, |now| now.rev);
                let known = self.messages.get(&event.seq).is_some_and(|message| message.rev >= rev);
                let reactions = now.iter().flat_map(|now| &now.reactions).map(|reaction| {
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
            What::Withdrawn { rev, .. } => {
                self.messages.insert(event.seq, Message::withdrawn(*rev));
            }
            What::Edited { of, body } => {
                if let (Some(message), Some(body)) = (self.behind(*of, event.seq), body) {
                    (message.text, message.edited) = (Some(body.to_string()), Some(event.at));
                }
            }
            What::Deleted { of } => {
                if let Some(message) = self.behind(*of, event.seq) {
                    *message = Message::withdrawn(event.seq);
                }
            }
            What::Reacted { to, emoji, on } => {
                let Some(message) = self.behind(*to, event.seq) else { return };
                let people = message.reactions.entry(emoji.clone()).or_default();
                people.retain(|person| *person != event.person.id);
                if *on {
                    people.push(event.person.id);
                    people.sort_unstable();
                }
                message.reactions.retain(|_, people| !people.is_empty());
            }
            What::RoomChanged { .. } | What::Unknown => {}
        }
    }

    /// The message, if this event is news for it.
    fn behind(&mut self, message: Seq, seq: Seq) -> Option<&mut Message> {
        let message = self.messages.get_mut(&message)?;
        let is_news = message.text.is_some() && message.rev < seq;
        is_news.then(|| {
            message.rev = seq;
            message
        })
    }
}

impl Message {
    fn withdrawn(rev: Seq) -> Message {
        Message { text: None, edited: None, reactions: BTreeMap::new(), rev }
    }
}

/// Something one of three people does, to one of the first messages or anew.
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

/// Does it all, and gives each step a number from `first` on; tells what was pushed meanwhile.
async fn live(store: &dyn Store, told: &Receiver<Event>, first: usize, steps: &[(u64, Step)]) -> Vec<Event> {
    let id = store.open_room(room("r"), NewRoom::of(PersonId(1), Timestamp(0))).await.unwrap().id;
    for (number, (who, step)) in (first..).zip(steps) {
        let deed = match step {
            Step::Post => Deed::Post { body: body(&format!("{number}")), via: None, reply_to: None },
            Step::Edit(of) => Deed::Edit { of: Seq(*of), body: body(&format!("{}", number / 3)) },
            Step::Delete(of) => Deed::Delete { of: Seq(*of) },
            Step::React(to, emoji, on) => {
                let emoji = Emoji::parse(["👍", "❤️", "🎉"][*emoji]).unwrap();
                Deed::React { to: Seq(*to), emoji, on: *on }
            }
        };
        let person = Person { id: PersonId(*who), name: DisplayName::of_guest(PersonId(*who)) };
        let (cid, at) = (Cid::from_random(number as u128), Timestamp(number as i64));
        // What is done to what is no message is refused, and that is as well.
        let _ = store.append_event(id, NewEvent { person, at, cid, deed }).await;
    }
    told.try_iter().collect()
}

async fn page(store: &dyn Store, span: Span) -> Vec<Event> {
    let id = store.get_room(room("r")).await.unwrap().unwrap().id;
    store.list_events(id, span, 200, PersonId(1)).await.unwrap().events
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn pages_and_pushes_in_any_mixture_make_the_same_room(steps in steps(), cuts in any::<(u8, u8)>()) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite:{}", folder.path().join("madang.sqlite").display());
            let (tell, told) = mpsc::channel();
            let on_commit = Box::new(move |told: common::event::RoomEvent| tell.send(told.event).unwrap());
            let store = store::open(&url, on_commit).await.unwrap();

            let half = steps.len() * usize::from(cuts.0) / 256;
            let mut pushes = live(store.as_ref(), &told, 0, &steps[..half]).await;
            let early = page(store.as_ref(), Span::After(Seq(0))).await;
            pushes.extend(live(store.as_ref(), &told, half, &steps[half..]).await);
            let all = page(store.as_ref(), Span::After(Seq(0))).await;

            let folded = |pages: &[&[Event]]| {
                let mut fold = Fold::default();
                pages.iter().for_each(|events| fold.apply(events));
                fold
            };
            let expected = folded(&[&pushes]);
            prop_assert_eq!(&folded(&[&all]), &expected, "the log as it is now");
            prop_assert_eq!(&folded(&[&all, &pushes]), &expected, "and everything again");
            prop_assert_eq!(&folded(&[&early, &pushes]), &expected, "a page from before, then pushes");
            let missed = pushes.len() * usize::from(cuts.1) / 256;
            let since = page(store.as_ref(), Span::After(Seq(missed as u64))).await;
            prop_assert_eq!(&folded(&[&pushes[..missed], &since]), &expected, "pushes, then what was missed");
            prop_assert_eq!(&folded(&[&early, &since, &pushes]), &expected, "pages that do not match");
            Ok(())
        })?;
    }
}
