//! Reads the log: pages of events, each message in its current state.
//!
//! Runs on reading connections, never in a write transaction. Deleted text is not in the database any
//! more, so nothing here has to filter it.

use common::{
    message::{Body, Cid, Emoji, Seq, Timestamp},
    person::{Person, PersonId, Roles},
    protocol::{
        command::HistoryRange,
        event::{Event, EventKind, MessageState, Via},
        reply::Page,
    },
    reactions::{Reaction, Reactions},
    room::{SeatLimit, Seats, Topic},
};
use rusqlite::{Connection, Row, params, types::Type};

use super::{kind, people::person_from_row, query_all, query_one, query_optional};
use crate::store::{MAX_PAGE_BYTES, RoomId};

/// The bytes that a person listed in a reaction adds to a page, besides those of the name.
const PERSON_BYTES: usize = 40;

/// Selects events with the current state of their messages. Only the last edit of a message carries its
/// text.
macro_rules! select_events {
    ($which:literal) => {
        concat!(
            "SELECT event.seq, event.at, event.person, event.name, event.cid, event.kind, event.body,
                    event.udp_from, event.about, event.emoji, event.is_on, event.topic, event.seats,
                    rev, edited_at, withdrawn, nullif(edited.body, ''), event.shared_network,
                    event.is_program, NOT EXISTS (SELECT 1 FROM people WHERE people.id = event.person)
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

/// Returns the author of a message, also of a deleted one.
pub(super) fn get_author(db: &Connection, room: RoomId, message: Seq) -> anyhow::Result<Option<PersonId>> {
    let sql = "SELECT person FROM events WHERE room = ?1 AND seq = ?2 AND kind = 'posted'";
    query_optional(db, sql, params![room.0, sql_integer(message)], |row| {
        Ok(PersonId(row.get::<_, i64>(0)?.cast_unsigned()))
    })
}

/// Returns a page of the log as `reader` sees it.
pub(super) fn list_events(
    db: &Connection,
    room: RoomId,
    range: HistoryRange,
    limit: u32,
    reader: PersonId,
) -> anyhow::Result<Page> {
    // One transaction, so that all statements see the same snapshot: a reaction that came between reading
    // the events and their reactions would be counted again when its event is delivered.
    let snapshot = db.unchecked_transaction()?;
    let page = LogReader { db: &snapshot, room, reader }.read_range(range, limit)?;
    snapshot.commit()?;
    Ok(page)
}

/// Reads the log of one room for one person.
struct LogReader<'a> {
    db: &'a Connection,
    room: RoomId,
    reader: PersonId,
}

impl LogReader<'_> {
    fn read_range(&self, range: HistoryRange, limit: u32) -> anyhow::Result<Page> {
        match range {
            HistoryRange::Before(seq) => {
                let (events, more_before) = self.events_before(seq, limit)?;
                let last = events.last().map_or(seq, |event| event.seq.next());
                Ok(Page { more_before, more_after: self.exists_from(last)?, events })
            }
            HistoryRange::After(seq) => {
                let (events, more_after) = self.events_after(seq, limit)?;
                Ok(Page { more_before: seq > Seq(0), more_after, events })
            }
            HistoryRange::Around(seq) => {
                let (mut events, more_before) = self.events_before(seq, limit / 2)?;
                let rest = limit - u32::try_from(events.len()).unwrap_or(limit / 2);
                let (after, more_after) = self.events_after(Seq(seq.0.saturating_sub(1)), rest.max(1))?;
                events.extend(after);
                Ok(Page { events, more_before, more_after })
            }
        }
    }

    /// Returns the events before `seq`, oldest first, and whether there are more before them.
    fn events_before(&self, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
        let sql = select_events!("event.seq < ?2 ORDER BY event.seq DESC LIMIT ?3");
        let (mut events, more) = self.read_page(sql, seq, limit)?;
        events.reverse();
        Ok((events, more))
    }

    /// Returns the events after `seq`, oldest first, and whether there are more after them.
    fn events_after(&self, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
        self.read_page(select_events!("event.seq > ?2 ORDER BY event.seq LIMIT ?3"), seq, limit)
    }

    /// Reads at most `limit` events and one more, to know whether there are more, and ends the page at
    /// [`MAX_PAGE_BYTES`]. So the bytes of a page also bound the rows that are read for it.
    fn read_page(&self, sql: &str, seq: Seq, limit: u32) -> anyhow::Result<(Vec<Event>, bool)> {
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.room.0, sql_integer(seq), i64::from(limit) + 1])?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            if events.len() >= limit as usize {
                return Ok((events, true));
            }
            let mut event = event_from_row(row)?;
            if let EventKind::Posted { state: Some(state), .. } = &mut event.kind {
                state.reactions = self.read_reactions(event.seq)?;
            }
            bytes += event_size(&event);
            if bytes > MAX_PAGE_BYTES && !events.is_empty() {
                return Ok((events, true));
            }
            events.push(event);
        }
        Ok((events, false))
    }

    /// Reads the reactions of a message, in the order of the first of each emoji. Costs the same however
    /// many there are beyond the people that are named.
    fn read_reactions(&self, message: Seq) -> anyhow::Result<Reactions> {
        let sql = "SELECT emoji, count FROM reaction_counts WHERE room = ?1 AND message = ?2";
        let counts = query_all(self.db, sql, params![self.room.0, message.0], |row| {
            Ok((Emoji::from_store(row.get(0)?), row.get(1)?))
        })?;
        let mut reactions = Vec::with_capacity(counts.len());
        for (emoji, count) in counts {
            let (first, people) = self.read_people(message, &emoji)?;
            reactions.push((first, Reaction { emoji, count, people }));
        }
        reactions.sort_by_key(|(first, _)| *first);
        let mut reactions = Reactions(reactions.into_iter().map(|(_, reaction)| reaction).collect());
        reactions.limit_people(self.reader);
        Ok(reactions)
    }

    /// Returns the first people who reacted with an emoji, with the reader if they did, and the number of
    /// the first reaction.
    fn read_people(&self, message: Seq, emoji: &Emoji) -> anyhow::Result<(Option<Seq>, Vec<Person>)> {
        // By itself SQLite would take the primary key, and read the reactions with every emoji.
        let sql = "SELECT person, name, seq FROM reactions INDEXED BY reactions_of_emoji
                   WHERE room = ?1 AND message = ?2 AND emoji = ?3 ORDER BY seq LIMIT ?4";
        let mut statement = self.db.prepare_cached(sql)?;
        let mut rows =
            statement.query(params![self.room.0, message.0, emoji.as_str(), Reaction::MAX_PEOPLE])?;
        let (mut first, mut people) = (None, Vec::new());
        while let Some(row) = rows.next()? {
            if first.is_none() {
                first = Some(Seq(row.get(2)?));
            }
            people.push(person_from_row(row, 0)?);
        }
        let is_reader_missing = || people.iter().all(|person| person.id != self.reader);
        if people.len() == Reaction::MAX_PEOPLE && is_reader_missing() {
            let sql = "SELECT person, name FROM reactions INDEXED BY reactions_of_person
                       WHERE room = ?1 AND message = ?2 AND emoji = ?3 AND person = ?4";
            let reader = self.reader.0.cast_signed();
            let values = params![self.room.0, message.0, emoji.as_str(), reader];
            people.extend(query_optional(self.db, sql, values, |row| person_from_row(row, 0))?);
        }
        Ok((first, people))
    }

    fn exists_from(&self, seq: Seq) -> anyhow::Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM events WHERE room = ?1 AND seq >= ?2)";
        query_one(self.db, sql, params![self.room.0, sql_integer(seq)], |row| row.get(0))
    }
}

/// Estimates the bytes of user content in an event.
fn event_size(event: &Event) -> usize {
    match &event.kind {
        EventKind::Posted { body, state, .. } => {
            let people =
                state.iter().flat_map(|state| state.reactions.iter()).flat_map(|reaction| &reaction.people);
            body.as_str().len()
                + people.map(|person| PERSON_BYTES + person.name.as_str().len()).sum::<usize>()
        }
        EventKind::Edited { body: Some(body), .. } => body.as_str().len(),
        EventKind::RoomChanged { topic: Some(topic), .. } => topic.as_str().len(),
        _ => 0,
    }
}

/// Converts to SQLite's signed integer, saturating.
fn sql_integer(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}

fn event_from_row(row: &Row) -> rusqlite::Result<Event> {
    let mut person = person_from_row(row, 2)?;
    person.roles = Roles { program: row.get(18)?, guest: row.get(19)?, ..Roles::default() };
    Ok(Event { seq: Seq(row.get(0)?), at: Timestamp(row.get(1)?), person, kind: event_kind_from_row(row)? })
}

fn event_kind_from_row(row: &Row) -> rusqlite::Result<EventKind> {
    let seq = |column| row.get::<_, Option<u64>>(column).map(|seq| seq.map(Seq));
    let about = || row.get(8).map(Seq);
    Ok(match row.get_ref(5)?.as_str()? {
        kind::POSTED => {
            let (cid, rev) = (Cid::from_store(row.get(4)?), seq(13)?);
            if let (Some(rev), Some(true)) = (rev, row.get(15)?) {
                return Ok(EventKind::Tombstone { cid, rev });
            }
            let edited = row.get::<_, Option<i64>>(14)?.map(Timestamp);
            EventKind::Posted {
                cid,
                body: Body::from_store(row.get(6)?),
                via: row.get::<_, Option<String>>(7)?.map(Via::Udp),
                reply_to: seq(8)?,
                state: rev.map(|rev| Box::new(MessageState { rev, edited, reactions: Reactions::default() })),
            }
        }
        kind::EDITED => EventKind::Edited {
            target: about()?,
            body: row.get::<_, Option<String>>(16)?.map(Body::from_store),
        },
        kind::DELETED => EventKind::Deleted { target: about()? },
        kind::REACTED => {
            EventKind::Reacted { target: about()?, emoji: Emoji::from_store(row.get(9)?), on: row.get(10)? }
        }
        kind::ROOM_CHANGED => {
            let seats = row.get::<_, Option<u16>>(12)?.map(|seats| SeatLimit(Seats::parse(seats).ok()));
            let topic = row.get::<_, Option<String>>(11)?.map(Topic::from_store);
            EventKind::RoomChanged { topic, seats, shared_network: row.get(17)? }
        }
        other => {
            let unknown = format!("an event of the kind {other}");
            return Err(rusqlite::Error::FromSqlConversionFailure(5, Type::Text, unknown.into()));
        }
    })
}
