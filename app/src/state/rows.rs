//! What the conversation looks like: the log and the outbox as rows, grouped by person and day.
//!
//! Pure; the browser's time zone comes in as a function. A row is known by its `cid` from the
//! moment it is written, so a message stays the same row when it is confirmed.

use std::collections::HashSet;

use common::{
    event::{Via, What},
    message::{Body, Cid, Timestamp},
    person::Person,
    refusal::Refusal,
};

use super::{outbox::Unsent, timeline::Timeline};

/// Messages of one person within this time of each other stand under one name.
const GROUP: i64 = 5 * 60 * 1000;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) cid: Cid,
    pub(crate) person: Person,
    pub(crate) own: bool,
    pub(crate) at: Timestamp,
    pub(crate) body: Body,
    /// Where it came from when nobody stands for it.
    pub(crate) via: Option<Via>,
    pub(crate) delivery: Delivery,
    /// It outlives the browser: the server has it, or the disk under the outbox.
    pub(crate) kept: bool,
    /// The day in the reader's time zone, counted from 1970.
    pub(crate) day: i64,
    pub(crate) opens_day: bool,
    pub(crate) opens_group: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Said,
    Sending,
    Failed(Refusal),
}

/// Everything to be shown in a room, the oldest first. `day_of` is asked once for each row.
pub(crate) fn rows<'a>(
    timeline: &Timeline,
    outbox: impl Iterator<Item = &'a Unsent> + Clone,
    me: Option<&Person>,
    mut day_of: impl FnMut(&Cid, Timestamp) -> i64,
) -> Vec<Row> {
    let waiting: HashSet<&Cid> = outbox.clone().map(|message| &message.cid).collect();
    let mut settled = HashSet::new();
    let mut rows: Vec<Row> = Vec::with_capacity(timeline.events().len() + waiting.len());
    for event in timeline.events() {
        let What::Posted { cid, body, via } = &event.what;
        if waiting.contains(cid) {
            settled.insert(cid.clone());
        }
        let row = Row {
            cid: cid.clone(),
            own: me.is_some_and(|me| me.id == event.person.id),
            person: event.person.clone(),
            at: event.at,
            body: body.clone(),
            via: via.clone(),
            delivery: Delivery::Said,
            kept: true,
            day: day_of(cid, event.at),
            opens_day: false,
            opens_group: false,
        };
        add(&mut rows, row);
    }
    for message in outbox.filter(|message| !settled.contains(&message.cid)) {
        let Some(me) = me else { break };
        let row = Row {
            cid: message.cid.clone(),
            own: true,
            person: me.clone(),
            at: message.at,
            body: message.body.clone(),
            via: None,
            delivery: message.failed.map_or(Delivery::Sending, Delivery::Failed),
            kept: message.place().is_some(),
            day: day_of(&message.cid, message.at),
            opens_day: false,
            opens_group: false,
        };
        add(&mut rows, row);
    }
    rows
}

/// Adds a row and decides what it opens.
fn add(rows: &mut Vec<Row>, mut row: Row) {
    let before = rows.last();
    row.opens_day = before.is_none_or(|before| before.day != row.day);
    row.opens_group = row.opens_day
        || before.is_none_or(|before| before.person != row.person || (row.at.0 - before.at.0).abs() > GROUP);
    rows.push(row);
}

#[cfg(test)]
mod tests {
    use common::{
        event::{Event, Joined},
        message::Seq,
        person::{DisplayName, PersonId},
        room::RoomName,
    };

    use super::*;

    const MINUTE: i64 = 60 * 1000;
    const DAY: i64 = 24 * 60 * MINUTE;

    fn person(id: u64) -> Person {
        Person { id: PersonId(id), name: DisplayName::parse("지은").unwrap() }
    }

    fn timeline(said: &[(u64, i64)]) -> Timeline {
        let events: Vec<Event> = (1..)
            .zip(said)
            .map(|(seq, (who, at))| Event {
                seq: Seq(seq),
                at: Timestamp(*at),
                person: person(*who),
                what: What::Posted {
                    cid: Cid::from_random(u128::from(seq)),
                    body: Body::parse("안녕").unwrap(),
                    via: None,
                },
            })
            .collect();
        let mut timeline = Timeline::default();
        let last = Seq(events.len() as u64);
        let room = RoomName::parse("마당").unwrap();
        timeline.joined(&Joined {
            room,
            seats: None,
            last,
            events,
            more: false,
            people: vec![],
            may: vec![],
        });
        timeline
    }

    fn unsent(cid: u128, at: i64, failed: Option<Refusal>) -> Unsent {
        let (room, body) = (RoomName::parse("마당").unwrap(), Body::parse("안녕").unwrap());
        Unsent { failed, ..Unsent::new(room, Cid::from_random(cid), body, Timestamp(at)) }
    }

    /// For each row, whether it opens a day and whether it opens a group.
    fn openings(said: &[(u64, i64)]) -> Vec<(bool, bool)> {
        rows(&timeline(said), [].iter(), None, |_, at| at.0.div_euclid(DAY))
            .iter()
            .map(|row| (row.opens_day, row.opens_group))
            .collect()
    }

    #[test]
    fn one_person_within_five_minutes_is_one_group() {
        let said =
            [(1, 0), (1, 5 * MINUTE), (1, 10 * MINUTE + 1), (2, 10 * MINUTE + 2), (1, 10 * MINUTE + 3)];
        assert_eq!(
            openings(&said),
            [(true, true), (false, false), (false, true), (false, true), (false, true)]
        );
    }

    #[test]
    fn midnight_opens_a_day_and_a_group() {
        assert_eq!(openings(&[(1, DAY - 1), (1, DAY)]), [(true, true), (true, true)]);
    }

    #[test]
    fn a_message_is_on_the_screen_once_while_it_is_confirmed() {
        let outbox = [unsent(1, 0, None), unsent(2, 0, Some(Refusal::TooFast))];
        let me = person(1);
        let shown = rows(&timeline(&[(1, 0)]), outbox.iter(), Some(&me), |_, _| 0);
        let seen: Vec<_> = shown.iter().map(|row| (row.cid.clone(), row.delivery, row.own)).collect();
        assert_eq!(
            seen,
            [
                (Cid::from_random(1), Delivery::Said, true),
                (Cid::from_random(2), Delivery::Failed(Refusal::TooFast), true)
            ]
        );
    }
}
