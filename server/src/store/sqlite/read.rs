//! Reading the log: pages of events, where each message reads as it does now.
//!
//! Called by readers, never in a transaction that writes. What was taken back is not in the database
//! any more, so nothing here has to leave it out.

use std::collections::HashMap;

use common::{
    event::{Event, Page, Present, Reaction, Span, Via, What},
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{Person, PersonId},
    room::{Limit, Seats, Topic},
};
use rusqlite::{Connection, Row, params, types::Type};

use super::{kind, maybe, one, read_person};
use crate::store::{MAX_PAGE_BYTES, RoomId};

/// How much a named person of a reaction weighs on a page, beside the name.
const PERSON_BYTES: usize = 40;

/// Events with what has become of their messages; an event that changed a text has it for as long as
/// it is the last that did.
macro_rules! select_events {
    ($which:literal) => {
        concat!(
            "SELECT event.seq, event.at, event.person, event.name, event.cid, event.kind, event.body,
                    event.udp_from, event.about, event.emoji, event.is_on, event.topic, event.seats,
                    rev, edited_at, withdrawn, nullif(edited.body, '')
             FROM events AS event
             LEFT JOIN revisions ON revisions.room = event.room
                 AND message = CASE event.kind WHEN 'posted' THEN event.seq ELSE event.about END
             LEFT JOIN events AS edited ON edited.room = event.room
                 AND edited.seq = event.about AND edit = event.seq
             WHERE event.room = ?1 AND ",
            $which
        )
    };
}

/// The event of this `cid`, without what is under it.
pub(super) fn get_event(db: &Connection, room: RoomId, cid: &Cid) -> anyhow::Result<Option<Event>> {
    maybe(db, select_events!("event.cid = ?2"), params![room.0, cid.as_str()], read_event)
}

/// Who said what has this number, also if it was taken back.
pub(super) fn get_author(db: &Connection, room: RoomId, message: Seq) -> anyhow::Result<Option<PersonId>> {
    let sql = "SELECT person FROM events WHERE room = ?1 AND seq = ?2 AND kind = 'posted'";
    maybe(db, sql, params![room.0, bound(message)], |row| Ok(PersonId(row.get::<_, i64>(0)?.cast_unsigned())))
}

/// A part of the log as `reader` sees it.
pub(super) fn list_events(
    db: &Connection,
    room: RoomId,
    span: Span,
    limit: u32,
    reader: PersonId,
) -> anyhow::Result<Page> {
    // All statements see the log as it was at one moment: a reaction that came between the events and
    // what is under them would be counted again by whoever is told of it later.
    let moment = db.unchecked_transaction()?;
    let page = Reading { db: &moment, room, reader }.read(span, limit)?;
    moment.commit()?;
    Ok(page)
}

/// Somebody's reading of one room.
struct Reading<'a> {
    db: &'a Connection,
    room: RoomId,
    reader: PersonId,
}

impl Reading<'_> {
    fn read(&self, span: Span, limit: u32) -> anyhow::Result<Page> {
        match span {
            Span::Before(seq) => {
                let (events, more_before) = self.before(seq, limit)?;
                let last = events.last().map_or(seq, |event| event.seq.next());
                Ok(Page { more_before, more_after: self.exists_from(last)?, events })
            }
            Span::After(seq) => {
                let (events, more_after) = self.after(seq, limit)?;
                Ok(Page { more_before: seq > Seq(0), more_after, events })
            }
            Span::Around(seq) => {
                let (mut events, more_before) = self.before(seq, limit / 2)?;
                let rest = limit - u32::try_from(events.len()).unwrap_or(limit / 2);
                let (after, more_after) = self.after(Seq(seq.0.saturating_sub(1)), rest.max(1))?;
                events.extend(after);
                Ok(Page { events, more_before, more_after })
            }
        }
    }

    /// The events just before `seq`, oldest first, and whether there are more before them.
    fn before(&self, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
        let sql = select_events!("event.seq < ?2 ORDER BY event.seq DESC LIMIT ?3");
        let (mut events, more) = self.page(sql, seq, limit)?;
        events.reverse();
        Ok((events, more))
    }

    /// The events just after `seq`, oldest first, and whether there are more after them.
    fn after(&self, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
        self.page(select_events!("event.seq > ?2 ORDER BY event.seq LIMIT ?3"), seq, limit)
    }

    /// Reads one event more than asked for, to know whether there is more, and leaves out what would
    /// make the page heavy.
    fn page(&self, sql: &str, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.room.0, bound(seq), i64::from(limit) + 1])?;
        let (mut events, mut bytes, mut more) = (Vec::new(), 0, false);
        while let Some(row) = rows.next()? {
            let event = read_event(row)?;
            bytes += weight(&event);
            more = events.len() >= limit as usize || (bytes > MAX_PAGE_BYTES && !events.is_empty());
            if more {
                break;
            }
            events.push(event);
        }
        self.add_reactions(&mut events)?;
        let light = lightest(&events);
        more |= light < events.len();
        events.truncate(light);
        Ok((events, more))
    }

    /// Puts under each message what is under it: one query for the whole page.
    fn add_reactions(&self, events: &mut [Event]) -> anyhow::Result<()> {
        let mut touched: HashMap<Seq, &mut Vec<Reaction>> = HashMap::new();
        for event in events {
            if let What::Posted { now: Some(now), .. } = &mut event.what {
                touched.insert(event.seq, &mut now.reactions);
            }
        }
        let (Some(first), Some(last)) = (touched.keys().min(), touched.keys().max()) else { return Ok(()) };
        let sql = "SELECT message, emoji, person, name FROM reactions
                   WHERE room = ?1 AND message BETWEEN ?2 AND ?3 ORDER BY message, seq";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.room.0, first.0, last.0])?;
        while let Some(row) = rows.next()? {
            let (emoji, person) = (Emoji::from_store(row.get(1)?), read_person(row, 2)?);
            if let Some(reactions) = touched.get_mut(&Seq(row.get(0)?)) {
                add_reaction(reactions, emoji, person, self.reader);
            }
        }
        Ok(())
    }

    fn exists_from(&self, seq: Seq) -> anyhow::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE room = ?1 AND seq >= ?2)";
        one(self.db, sql, params![self.room.0, bound(seq)], |row| row.get(0))
    }
}

/// Counts one more, and names the person if few are named yet or if it is the reader.
fn add_reaction(reactions: &mut Vec<Reaction>, emoji: Emoji, person: Person, reader: PersonId) {
    let index = reactions.iter().position(|reaction| reaction.emoji == emoji).unwrap_or_else(|| {
        reactions.push(Reaction { emoji, count: 0, people: Vec::new() });
        reactions.len() - 1
    });
    let reaction = &mut reactions[index];
    reaction.count += 1;
    if reaction.people.len() < Reaction::NAMED {
        reaction.people.push(person);
    } else if person.id == reader {
        reaction.people[Reaction::NAMED - 1] = person;
    }
}

/// How many of these make a page that is not heavy: at least one.
fn lightest(events: &[Event]) -> usize {
    let mut bytes = 0;
    let light = events.iter().take_while(|event| {
        bytes += weight(event);
        bytes <= MAX_PAGE_BYTES
    });
    light.count().max(1)
}

/// About how many bytes of other people's making an event brings along.
fn weight(event: &Event) -> usize {
    match &event.what {
        What::Posted { body, now, .. } => {
            let named = now.iter().flat_map(|now| &now.reactions).flat_map(|reaction| &reaction.people);
            body.as_str().len() + named.map(|person| PERSON_BYTES + person.name.as_str().len()).sum::<usize>()
        }
        What::Edited { body: Some(body), .. } => body.as_str().len(),
        What::RoomChanged { topic: Some(topic), .. } => topic.as_str().len(),
        _ => 0,
    }
}

/// A number as SQLite knows numbers.
fn bound(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

fn read_event(row: &Row) -> rusqlite::Result<Event> {
    Ok(Event {
        seq: Seq(row.get(0)?),
        at: Timestamp(row.get(1)?),
        person: read_person(row, 2)?,
        what: read_what(row)?,
    })
}

fn read_what(row: &Row) -> rusqlite::Result<What> {
    let seq = |column| row.get::<_, Option<u64>>(column).map(|seq| seq.map(Seq));
    let about = || row.get(8).map(Seq);
    Ok(match row.get_ref(5)?.as_str()? {
        kind::POSTED => {
            let (cid, rev) = (Cid::from_store(row.get(4)?), seq(13)?);
            if let (Some(rev), Some(true)) = (rev, row.get(15)?) {
                return Ok(What::Withdrawn { cid, rev });
            }
            let edited = row.get::<_, Option<i64>>(14)?.map(Timestamp);
            What::Posted {
                cid,
                body: Body::from_store(row.get(6)?),
                via: row.get::<_, Option<String>>(7)?.map(Via::Udp),
                reply_to: seq(8)?,
                now: rev.map(|rev| Box::new(Present { rev, edited, reactions: Vec::new() })),
            }
        }
        kind::EDITED => {
            What::Edited { of: about()?, body: row.get::<_, Option<String>>(16)?.map(Body::from_store) }
        }
        kind::DELETED => What::Deleted { of: about()? },
        kind::REACTED => {
            What::Reacted { to: about()?, emoji: Emoji::from_store(row.get(9)?), on: row.get(10)? }
        }
        kind::ROOM_CHANGED => {
            let seats = row.get::<_, Option<u16>>(12)?.map(|seats| Limit(Seats::parse(seats).ok()));
            What::RoomChanged { topic: row.get::<_, Option<String>>(11)?.map(Topic::from_store), seats }
        }
        other => {
            let unknown = format!("an event of the kind {other}");
            return Err(rusqlite::Error::FromSqlConversionFailure(5, Type::Text, unknown.into()));
        }
    })
}
