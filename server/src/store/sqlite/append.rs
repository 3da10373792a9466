//! Adding to the log: the next number, the event, and what follows from it, in one transaction.
//!
//! Called on the writing thread, in a savepoint that is rolled back when this fails. It does not
//! decide who may do something; it does decide what can not be done to a message that is gone.

use common::{
    event::{Event, Reaction, Sent, Via},
    message::{Cid, Emoji, Seq, Timestamp},
    person::{Person, PersonId},
    refusal::Refusal,
    room::{Limit, RoomName, Seats, Topic},
};
use rusqlite::{Connection, params};

use super::{execute, kind, maybe, one};
use crate::{
    failure::Failure,
    fault::{self, Point, Sabotage},
    store::{Deed, NewEvent, RoomId},
};

/// What was added, or what was there already.
pub(super) struct Appended {
    pub(super) sent: Sent,
    /// The event and its room, when the log has grown.
    pub(super) new: Option<(RoomName, Event)>,
}

/// Adds an event, unless the log says the same already.
pub(super) fn append_event(db: &Connection, room: RoomId, mut new: NewEvent) -> Result<Appended, Failure> {
    if fault::is(Sabotage::ForgetCids) && get_by_cid(db, room, &new.cid)?.is_some() {
        new.cid = Cid::from_random(rand::random());
    }
    if let Some((seq, at, person)) = get_by_cid(db, room, &new.cid)? {
        if person != new.person.id {
            return Err(Refusal::CidTaken.into());
        }
        return Ok(Appended { sent: Sent { cid: new.cid, seq, at }, new: None });
    }
    if let Some(seq) = find_done(db, room, new.person.id, &new.deed)? {
        let at = get_time(db, room, seq)?;
        return Ok(Appended { sent: Sent { cid: new.cid, seq, at }, new: None });
    }
    let (seq, name) = take_number(db, room, &new)?;
    fault::pass(Point::BeforeInsert);
    if !fault::strikes(Sabotage::AckUnstored) {
        insert(db, room, seq, &new)?;
        follow_up(db, room, seq, &new)?;
    }
    fault::pass(Point::AfterInsert);
    let NewEvent { person, at, cid, deed } = new;
    let sent = Sent { cid: cid.clone(), seq, at };
    Ok(Appended { sent, new: Some((name, Event { seq, at, person, what: deed.into_what(cid) })) })
}

fn get_by_cid(
    db: &Connection,
    room: RoomId,
    cid: &Cid,
) -> anyhow::Result<Option<(Seq, Timestamp, PersonId)>> {
    let sql = "SELECT seq, at, person FROM events WHERE room = ?1 AND cid = ?2";
    maybe(db, sql, params![room.0, cid.as_str()], |row| {
        Ok((Seq(row.get(0)?), Timestamp(row.get(1)?), PersonId(row.get::<_, i64>(2)?.cast_unsigned())))
    })
}

/// When this event was; a room that was never described was made so.
fn get_time(db: &Connection, room: RoomId, seq: Seq) -> anyhow::Result<Timestamp> {
    let sql = "SELECT coalesce((SELECT at FROM events WHERE room = ?1 AND seq = ?2),
                               (SELECT since FROM rooms WHERE id = ?1))";
    one(db, sql, params![room.0, seq.0], |row| row.get(0).map(Timestamp))
}

/// The event that says the same already. The refusals are `no_such_message`, for one that was taken
/// back, and `too_many_reactions`.
fn find_done(db: &Connection, room: RoomId, who: PersonId, deed: &Deed) -> Result<Option<Seq>, Failure> {
    match deed {
        Deed::Post { .. } => Ok(None),
        Deed::Edit { of, body } => {
            let state = state_of(db, room, *of)?.standing()?;
            Ok((state.text == body.as_str()).then(|| state.edit.unwrap_or(*of)))
        }
        Deed::Delete { of } => {
            let state = state_of(db, room, *of)?;
            Ok(state.rev.filter(|_| state.withdrawn))
        }
        Deed::React { to, emoji, on } => {
            let state = state_of(db, room, *to)?.standing()?;
            let Under { own, is_full } = count_reactions(db, room, *to, who, emoji)?;
            match (on, own) {
                (true, None) if is_full => Err(Refusal::TooManyReactions.into()),
                (true, own) => Ok(own),
                (false, Some(_)) => Ok(None),
                (false, None) => Ok(Some(state.rev.unwrap_or(*to))),
            }
        }
        Deed::Describe { topic, seats } => find_description(db, room, topic.as_ref(), *seats),
    }
}

/// A message as it is now.
struct State {
    text: String,
    rev: Option<Seq>,
    edit: Option<Seq>,
    withdrawn: bool,
}

impl State {
    /// One that was not taken back.
    fn standing(self) -> Result<State, Refusal> {
        if self.withdrawn { Err(Refusal::NoSuchMessage) } else { Ok(self) }
    }
}

fn state_of(db: &Connection, room: RoomId, message: Seq) -> Result<State, Failure> {
    let sql = "SELECT body, rev, edit, coalesce(withdrawn, 0) FROM events
               LEFT JOIN revisions ON revisions.room = events.room AND message = seq
               WHERE events.room = ?1 AND seq = ?2 AND kind = 'posted'";
    let state = maybe(db, sql, params![room.0, message.0], |row| {
        let seq = |column| row.get::<_, Option<u64>>(column).map(|seq| seq.map(Seq));
        Ok(State { text: row.get(0)?, rev: seq(1)?, edit: seq(2)?, withdrawn: row.get(3)? })
    })?;
    Ok(state.ok_or(Refusal::NoSuchMessage)?)
}

/// What is under a message, for somebody with an emoji in hand.
struct Under {
    /// The event that put this person's there.
    own: Option<Seq>,
    /// Whether there is no room for this emoji of one more person.
    is_full: bool,
}

fn count_reactions(
    db: &Connection,
    room: RoomId,
    to: Seq,
    who: PersonId,
    emoji: &Emoji,
) -> Result<Under, Failure> {
    let sql = "SELECT max(seq) FILTER (WHERE emoji = ?3 AND person = ?4), count(*), count(DISTINCT emoji),
                      count(*) FILTER (WHERE emoji = ?3)
               FROM reactions WHERE room = ?1 AND message = ?2";
    let values = params![room.0, to.0, emoji.as_str(), who.0.cast_signed()];
    let (own, all, different, same): (Option<u64>, usize, usize, usize) =
        one(db, sql, values, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let is_full = all >= Reaction::MAX_OF_ALL || (same == 0 && different >= Reaction::MAX);
    Ok(Under { own: own.map(Seq), is_full })
}

/// The event since which the room is described so.
fn find_description(
    db: &Connection,
    room: RoomId,
    topic: Option<&Topic>,
    seats: Option<Limit>,
) -> Result<Option<Seq>, Failure> {
    let sql = "SELECT described FROM rooms
               WHERE id = ?1 AND topic = coalesce(?2, topic) AND seats IS nullif(coalesce(?3, seats), 0)";
    let values = params![room.0, topic.map(Topic::as_str), seats.map(column)];
    Ok(maybe(db, sql, values, |row| row.get(0).map(Seq))?)
}

/// The room's next number, and its name. What is said makes a room the latest; what is done to it
/// does not.
fn take_number(db: &Connection, room: RoomId, new: &NewEvent) -> Result<(Seq, RoomName), Failure> {
    let said_at = matches!(new.deed, Deed::Post { .. }).then_some(new.at.0);
    let sql = "UPDATE rooms SET last_seq = last_seq + 1, last_at = coalesce(?2, last_at)
               WHERE id = ?1 RETURNING last_seq, name";
    let taken = maybe(db, sql, params![room.0, said_at], |row| {
        Ok((Seq(row.get(0)?), RoomName::from_store(row.get(1)?)))
    });
    // It may have been forgotten while somebody was in it and silent; whoever joins again makes it.
    Ok(taken?.ok_or(Refusal::NotInRoom)?)
}

fn insert(db: &Connection, room: RoomId, seq: Seq, new: &NewEvent) -> Result<(), Failure> {
    let deed = Columns::of(&new.deed);
    execute(
        db,
        "INSERT INTO events
             (room, seq, at, person, name, cid, kind, body, udp_from, about, emoji, is_on, topic, seats)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        params![
            room.0,
            seq.0,
            new.at.0,
            new.person.id.0.cast_signed(),
            new.person.name.as_str(),
            new.cid.as_str(),
            deed.kind,
            deed.body,
            deed.udp_from,
            deed.about.map(|seq| seq.0),
            deed.emoji,
            deed.is_on,
            deed.topic,
            deed.seats,
        ],
    )
}

/// A deed as an event's columns.
#[derive(Default)]
struct Columns<'a> {
    kind: &'static str,
    body: &'a str,
    udp_from: Option<&'a str>,
    about: Option<Seq>,
    emoji: Option<&'a str>,
    is_on: Option<bool>,
    topic: Option<&'a str>,
    seats: Option<u16>,
}

impl Columns<'_> {
    fn of(deed: &Deed) -> Columns<'_> {
        let none = Columns::default();
        match deed {
            Deed::Post { body, via, reply_to } => {
                let udp_from = via.as_ref().map(|Via::Udp(from)| from.as_str());
                Columns { kind: kind::POSTED, body: body.as_str(), udp_from, about: *reply_to, ..none }
            }
            // The text goes where the message is.
            Deed::Edit { of, .. } => Columns { kind: kind::EDITED, about: Some(*of), ..none },
            Deed::Delete { of } => Columns { kind: kind::DELETED, about: Some(*of), ..none },
            Deed::React { to, emoji, on } => Columns {
                kind: kind::REACTED,
                about: Some(*to),
                emoji: Some(emoji.as_str()),
                is_on: Some(*on),
                ..none
            },
            Deed::Describe { topic, seats } => Columns {
                kind: kind::ROOM_CHANGED,
                topic: topic.as_ref().map(Topic::as_str),
                seats: seats.map(column),
                ..none
            },
        }
    }
}

/// What the event makes of its message or its room.
fn follow_up(db: &Connection, room: RoomId, seq: Seq, new: &NewEvent) -> Result<(), Failure> {
    match &new.deed {
        Deed::Post { .. } => Ok(()),
        Deed::Edit { of, body } => {
            rewrite(db, room, *of, body.as_str())?;
            let sql =
                "INSERT INTO revisions (room, message, rev, edit, edited_at) VALUES (?1, ?2, ?3, ?3, ?4)
                       ON CONFLICT DO UPDATE SET rev = ?3, edit = ?3, edited_at = ?4";
            execute(db, sql, params![room.0, of.0, seq.0, new.at.0])
        }
        Deed::Delete { of } => {
            rewrite(db, room, *of, "")?;
            execute(db, "DELETE FROM reactions WHERE room = ?1 AND message = ?2", params![room.0, of.0])?;
            let sql = "INSERT INTO revisions (room, message, rev, withdrawn) VALUES (?1, ?2, ?3, 1)
                       ON CONFLICT DO UPDATE SET rev = ?3, withdrawn = 1";
            execute(db, sql, params![room.0, of.0, seq.0])
        }
        Deed::React { to, emoji, on } => {
            if *on {
                add_reaction(db, room, *to, seq, emoji, &new.person)?;
            } else {
                let sql =
                    "DELETE FROM reactions WHERE room = ?1 AND message = ?2 AND emoji = ?3 AND person = ?4";
                execute(db, sql, params![room.0, to.0, emoji.as_str(), new.person.id.0.cast_signed()])?;
            }
            let sql = "INSERT INTO revisions (room, message, rev) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET rev = ?3";
            execute(db, sql, params![room.0, to.0, seq.0])
        }
        Deed::Describe { topic, seats } => {
            let sql = "UPDATE rooms
                       SET topic = coalesce(?2, topic), seats = nullif(coalesce(?3, seats), 0), described = ?4
                       WHERE id = ?1";
            let (topic, seats) = (topic.as_ref().map(Topic::as_str), seats.map(column));
            execute(db, sql, params![room.0, topic, seats, seq.0])
        }
    }
}

/// As the column `seats` of an event has it, where NULL is for "as they were".
fn column(Limit(seats): Limit) -> u16 {
    seats.map_or(0, Seats::get)
}

fn rewrite(db: &Connection, room: RoomId, message: Seq, text: &str) -> Result<(), Failure> {
    let sql = "UPDATE events SET body = ?3 WHERE room = ?1 AND seq = ?2";
    execute(db, sql, params![room.0, message.0, text])
}

fn add_reaction(
    db: &Connection,
    room: RoomId,
    to: Seq,
    seq: Seq,
    emoji: &Emoji,
    person: &Person,
) -> Result<(), Failure> {
    let sql =
        "INSERT INTO reactions (room, message, seq, emoji, person, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (id, name) = (person.id.0.cast_signed(), person.name.as_str());
    execute(db, sql, params![room.0, to.0, seq.0, emoji.as_str(), id, name])
}
