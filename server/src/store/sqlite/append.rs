//! Appends to the log: allocates the next number, inserts the event and applies its effects, in one
//! transaction.
//!
//! Runs on the writer thread in a savepoint that is rolled back on failure. Permissions are checked by
//! the caller; actions on deleted messages are refused here.

use common::{
    message::{Cid, Emoji, Seq, Timestamp},
    person::{Person, PersonId, Roles},
    protocol::{
        event::{Event, Via},
        reply::Sent,
    },
    reactions::Reaction,
    refusal::Refusal,
    room::{RoomName, SeatLimit, Seats, Topic},
};
use rusqlite::{Connection, params};

use super::{execute, kind, query_one, query_optional};
use crate::{
    error::Error,
    failpoint::{self, Failpoint, Sabotage},
    store::{Action, Claim, NewEvent, RoomId},
};

/// The appended event, or the existing one that made the action a no-op.
pub(super) struct Appended {
    pub(super) sent: Sent,
    /// The event and its room, if the log has grown.
    pub(super) new: Option<(RoomName, Event)>,
}

/// Appends an event, unless its `cid` is known or the log already has its effect.
pub(super) fn append_event(db: &Connection, room: RoomId, mut new: NewEvent) -> Result<Appended, Error> {
    if failpoint::is_active(Sabotage::ForgetCids) && get_by_cid(db, room, &new.cid)?.is_some() {
        new.cid = Cid::from_random(rand::random());
    }
    if let Some(known) = get_by_cid(db, room, &new.cid)? {
        if !known.is_repeated_by(&new) {
            return Err(Refusal::CidTaken.into());
        }
        return Ok(Appended { sent: Sent { cid: new.cid, seq: known.seq, at: known.at }, new: None });
    }
    if let Some(seq) = find_existing(db, room, new.person.id, &new.action)? {
        let at = get_time(db, room, seq)?;
        return Ok(Appended { sent: Sent { cid: new.cid, seq, at }, new: None });
    }
    let (seq, name) = allocate_seq(db, room, &new)?;
    failpoint::hit(Failpoint::BeforeInsert);
    if !failpoint::should_fail(Sabotage::AckUnstored) {
        insert_event(db, room, seq, &new)?;
        apply_action(db, room, seq, &new)?;
    }
    failpoint::hit(Failpoint::AfterInsert);
    let NewEvent { mut person, at, cid, claim, is_program, action } = new;
    person.roles = Roles { guest: claim.is_some(), program: is_program, ..Roles::default() };
    let sent = Sent { cid: cid.clone(), seq, at };
    Ok(Appended { sent, new: Some((name, Event { seq, at, person, kind: action.into_event_kind(cid) })) })
}

/// The event that has a `cid` already.
struct KnownEvent {
    seq: Seq,
    at: Timestamp,
    person: PersonId,
    claim: Option<Claim>,
    text: String,
    is_by_guest: bool,
}

impl KnownEvent {
    /// Whether the new event is the same write again.
    fn is_repeated_by(&self, new: &NewEvent) -> bool {
        // Guests' events that are older than claims are recognised by their text.
        let is_same_text = || match &new.action {
            Action::Post { body, .. } => body.as_str() == self.text,
            _ => false,
        };
        self.person == new.person.id
            || match (self.claim, new.claim) {
                (Some(known), Some(claim)) => known == claim,
                (None, Some(_)) => self.is_by_guest && is_same_text(),
                (_, None) => false,
            }
    }
}

fn get_by_cid(db: &Connection, room: RoomId, cid: &Cid) -> anyhow::Result<Option<KnownEvent>> {
    let sql = "SELECT seq, at, person, claim, body,
                      NOT EXISTS (SELECT 1 FROM people WHERE people.id = events.person)
               FROM events WHERE room = ?1 AND cid = ?2";
    query_optional(db, sql, params![room.0, cid.as_str()], |row| {
        Ok(KnownEvent {
            seq: Seq(row.get(0)?),
            at: Timestamp(row.get(1)?),
            person: PersonId(row.get::<_, i64>(2)?.cast_unsigned()),
            claim: row.get::<_, Option<i64>>(3)?.map(Claim),
            text: row.get(4)?,
            is_by_guest: row.get(5)?,
        })
    })
}

/// Returns the time of an event. Seq 0 is the creation of the room.
fn get_time(db: &Connection, room: RoomId, seq: Seq) -> anyhow::Result<Timestamp> {
    let sql = "SELECT coalesce((SELECT at FROM events WHERE room = ?1 AND seq = ?2),
                               (SELECT since FROM rooms WHERE id = ?1))";
    query_one(db, sql, params![room.0, seq.0], |row| row.get(0).map(Timestamp))
}

/// Returns the event that already has the effect of this action.
/// The refusals are `no_such_message`, also for a deleted message, and `too_many_reactions`.
fn find_existing(
    db: &Connection,
    room: RoomId,
    person: PersonId,
    action: &Action,
) -> Result<Option<Seq>, Error> {
    match action {
        Action::Post { .. } => Ok(None),
        Action::Edit { target, body } => {
            let message = get_message(db, room, *target)?.require_not_deleted()?;
            Ok((message.text == body.as_str()).then(|| message.edit.unwrap_or(*target)))
        }
        Action::Delete { target } => {
            let message = get_message(db, room, *target)?;
            Ok(message.rev.filter(|_| message.is_deleted))
        }
        Action::React { target, emoji, on } => {
            let message = get_message(db, room, *target)?.require_not_deleted()?;
            let ReactionState { own, is_full } = count_reactions(db, room, *target, person, emoji)?;
            match (on, own) {
                (true, None) if is_full => Err(Refusal::TooManyReactions.into()),
                (true, own) => Ok(own),
                (false, Some(_)) => Ok(None),
                (false, None) => Ok(Some(message.rev.unwrap_or(*target))),
            }
        }
        Action::UpdateRoom { topic, seats, shared_network } => {
            find_same_description(db, room, topic.as_ref(), *seats, *shared_network)
        }
    }
}

/// The current state of a message.
struct StoredMessage {
    text: String,
    /// The event that last changed it.
    rev: Option<Seq>,
    /// The event that last edited its text.
    edit: Option<Seq>,
    is_deleted: bool,
}

impl StoredMessage {
    /// Refuses a deleted message with `no_such_message`.
    fn require_not_deleted(self) -> Result<StoredMessage, Refusal> {
        if self.is_deleted { Err(Refusal::NoSuchMessage) } else { Ok(self) }
    }
}

fn get_message(db: &Connection, room: RoomId, message: Seq) -> Result<StoredMessage, Error> {
    let sql = "SELECT body, rev, edit, coalesce(withdrawn, 0) FROM events
               LEFT JOIN revisions ON revisions.room = events.room AND message = seq
               WHERE events.room = ?1 AND seq = ?2 AND kind = 'posted'";
    let stored = query_optional(db, sql, params![room.0, message.0], |row| {
        let seq = |column| row.get::<_, Option<u64>>(column).map(|seq| seq.map(Seq));
        Ok(StoredMessage { text: row.get(0)?, rev: seq(1)?, edit: seq(2)?, is_deleted: row.get(3)? })
    })?;
    Ok(stored.ok_or(Refusal::NoSuchMessage)?)
}

/// The reactions of a message, as far as they matter for one person and one emoji.
struct ReactionState {
    /// The event that added this person's reaction.
    own: Option<Seq>,
    /// Whether the limits leave no room for one more reaction with this emoji.
    is_full: bool,
}

fn count_reactions(
    db: &Connection,
    room: RoomId,
    target: Seq,
    person: PersonId,
    emoji: &Emoji,
) -> Result<ReactionState, Error> {
    let own = get_reaction(db, room, target, person, emoji)?;
    let sql = "SELECT coalesce(sum(count), 0), count(*), coalesce(max(count) FILTER (WHERE emoji = ?3), 0)
               FROM reaction_counts WHERE room = ?1 AND message = ?2";
    let (all, different, same): (usize, usize, usize) =
        query_one(db, sql, params![room.0, target.0, emoji.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    let is_full = all >= Reaction::MAX_TOTAL || (same == 0 && different >= Reaction::MAX_EMOJI);
    Ok(ReactionState { own, is_full })
}

/// Returns the event that added a person's reaction, if it is there.
fn get_reaction(
    db: &Connection,
    room: RoomId,
    target: Seq,
    person: PersonId,
    emoji: &Emoji,
) -> anyhow::Result<Option<Seq>> {
    let sql = "SELECT max(seq) FROM reactions INDEXED BY reactions_of_person
               WHERE room = ?1 AND message = ?2 AND emoji = ?3 AND person = ?4";
    let values = params![room.0, target.0, emoji.as_str(), person.0.cast_signed()];
    query_one(db, sql, values, |row| row.get::<_, Option<u64>>(0).map(|seq| seq.map(Seq)))
}

/// Returns the event since which the room has these settings, if it has them.
fn find_same_description(
    db: &Connection,
    room: RoomId,
    topic: Option<&Topic>,
    seats: Option<SeatLimit>,
    shared_network: Option<bool>,
) -> Result<Option<Seq>, Error> {
    let sql = "SELECT described FROM rooms
               WHERE id = ?1 AND topic = coalesce(?2, topic) AND seats IS nullif(coalesce(?3, seats), 0)
                   AND shared_network = coalesce(?4, shared_network)";
    let values = params![room.0, topic.map(Topic::as_str), seats.map(seats_column), shared_network];
    Ok(query_optional(db, sql, values, |row| row.get(0).map(Seq))?)
}

/// Allocates the room's next number and returns it with the room's name. Only messages move a room up in
/// the list of rooms, by a number of their own: a clock that was wrong would keep its room first for years.
fn allocate_seq(db: &Connection, room: RoomId, new: &NewEvent) -> Result<(Seq, RoomName), Error> {
    let message_at = matches!(new.action, Action::Post { .. }).then_some(new.at.0);
    // Only with `IS NOT NULL` SQLite takes the index, which lists no other rooms; else it reads all rooms.
    let sql = "UPDATE rooms SET last_seq = last_seq + 1, last_at = coalesce(?2, last_at),
                   activity = CASE WHEN ?2 IS NULL THEN activity
                                   ELSE (SELECT coalesce(max(activity), 0) + 1 FROM rooms
                                         WHERE activity IS NOT NULL) END
               WHERE id = ?1 AND is_deleted = 0 RETURNING last_seq, name";
    let taken = query_optional(db, sql, params![room.0, message_at], |row| {
        Ok((Seq(row.get(0)?), RoomName::from_store(row.get(1)?)))
    });
    // The room was deleted, or evicted while its members were silent; joining again recreates it.
    Ok(taken?.ok_or(Refusal::NotInRoom)?)
}

fn insert_event(db: &Connection, room: RoomId, seq: Seq, new: &NewEvent) -> Result<(), Error> {
    let columns = EventColumns::of(&new.action);
    execute(
        db,
        "INSERT INTO events
             (room, seq, at, person, name, cid, kind, body, udp_from, about, emoji, is_on, topic, seats,
              claim, shared_network, is_program)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            room.0,
            seq.0,
            new.at.0,
            new.person.id.0.cast_signed(),
            new.person.name.as_str(),
            new.cid.as_str(),
            columns.kind,
            columns.body,
            columns.udp_from,
            columns.about.map(|seq| seq.0),
            columns.emoji,
            columns.is_on,
            columns.topic,
            columns.seats,
            new.claim.map(|Claim(claim)| claim),
            columns.shared_network,
            new.is_program,
        ],
    )
}

/// The column values of an action.
#[derive(Default)]
struct EventColumns<'a> {
    kind: &'static str,
    body: &'a str,
    udp_from: Option<&'a str>,
    about: Option<Seq>,
    emoji: Option<&'a str>,
    is_on: Option<bool>,
    topic: Option<&'a str>,
    seats: Option<u16>,
    shared_network: Option<bool>,
}

impl EventColumns<'_> {
    fn of(action: &Action) -> EventColumns<'_> {
        let none = EventColumns::default();
        match action {
            Action::Post { body, via, reply_to } => {
                let udp_from = via.as_ref().map(|Via::Udp(from)| from.as_str());
                EventColumns { kind: kind::POSTED, body: body.as_str(), udp_from, about: *reply_to, ..none }
            }
            // The new text is stored in the message's own row.
            Action::Edit { target, .. } => EventColumns { kind: kind::EDITED, about: Some(*target), ..none },
            Action::Delete { target } => EventColumns { kind: kind::DELETED, about: Some(*target), ..none },
            Action::React { target, emoji, on } => EventColumns {
                kind: kind::REACTED,
                about: Some(*target),
                emoji: Some(emoji.as_str()),
                is_on: Some(*on),
                ..none
            },
            Action::UpdateRoom { topic, seats, shared_network } => EventColumns {
                kind: kind::ROOM_CHANGED,
                topic: topic.as_ref().map(Topic::as_str),
                seats: seats.map(seats_column),
                shared_network: *shared_network,
                ..none
            },
        }
    }
}

/// Applies the event to its message or its room.
fn apply_action(db: &Connection, room: RoomId, seq: Seq, new: &NewEvent) -> Result<(), Error> {
    match &new.action {
        Action::Post { .. } => Ok(()),
        Action::Edit { target, body } => {
            replace_body(db, room, *target, body.as_str())?;
            let sql =
                "INSERT INTO revisions (room, message, rev, edit, edited_at) VALUES (?1, ?2, ?3, ?3, ?4)
                       ON CONFLICT DO UPDATE SET rev = ?3, edit = ?3, edited_at = ?4";
            execute(db, sql, params![room.0, target.0, seq.0, new.at.0])
        }
        Action::Delete { target } => {
            replace_body(db, room, *target, "")?;
            for sql in [
                "DELETE FROM reactions WHERE room = ?1 AND message = ?2",
                "DELETE FROM reaction_counts WHERE room = ?1 AND message = ?2",
            ] {
                execute(db, sql, params![room.0, target.0])?;
            }
            let sql = "INSERT INTO revisions (room, message, rev, withdrawn) VALUES (?1, ?2, ?3, 1)
                       ON CONFLICT DO UPDATE SET rev = ?3, withdrawn = 1";
            execute(db, sql, params![room.0, target.0, seq.0])
        }
        Action::React { target, emoji, on } => {
            if *on {
                add_reaction(db, room, *target, seq, emoji, &new.person)?;
            } else {
                remove_reaction(db, room, *target, emoji, new.person.id)?;
            }
            let sql = "INSERT INTO revisions (room, message, rev) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET rev = ?3";
            execute(db, sql, params![room.0, target.0, seq.0])
        }
        Action::UpdateRoom { topic, seats, shared_network } => {
            let sql = "UPDATE rooms
                       SET topic = coalesce(?2, topic), seats = nullif(coalesce(?3, seats), 0), described = ?4,
                           shared_network = coalesce(?5, shared_network)
                       WHERE id = ?1";
            let (topic, seats) = (topic.as_ref().map(Topic::as_str), seats.map(seats_column));
            execute(db, sql, params![room.0, topic, seats, seq.0, shared_network])
        }
    }
}

/// Encodes a seat limit for the column `seats` of an event, where 0 is no limit and NULL is unchanged.
fn seats_column(SeatLimit(seats): SeatLimit) -> u16 {
    seats.map_or(0, Seats::get)
}

fn replace_body(db: &Connection, room: RoomId, message: Seq, text: &str) -> Result<(), Error> {
    let sql = "UPDATE events SET body = ?3 WHERE room = ?1 AND seq = ?2";
    execute(db, sql, params![room.0, message.0, text])
}

fn add_reaction(
    db: &Connection,
    room: RoomId,
    target: Seq,
    seq: Seq,
    emoji: &Emoji,
    person: &Person,
) -> Result<(), Error> {
    let sql =
        "INSERT INTO reactions (room, message, seq, emoji, person, name) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (id, name) = (person.id.0.cast_signed(), person.name.as_str());
    execute(db, sql, params![room.0, target.0, seq.0, emoji.as_str(), id, name])?;
    let sql = "INSERT INTO reaction_counts (room, message, emoji, count) VALUES (?1, ?2, ?3, 1)
               ON CONFLICT DO UPDATE SET count = count + 1";
    execute(db, sql, params![room.0, target.0, emoji.as_str()])
}

fn remove_reaction(
    db: &Connection,
    room: RoomId,
    target: Seq,
    emoji: &Emoji,
    person: PersonId,
) -> Result<(), Error> {
    let sql = "DELETE FROM reactions INDEXED BY reactions_of_person
               WHERE room = ?1 AND message = ?2 AND emoji = ?3 AND person = ?4";
    execute(db, sql, params![room.0, target.0, emoji.as_str(), person.0.cast_signed()])?;
    let removed = db.changes();
    let sql = "UPDATE reaction_counts SET count = count - ?4 WHERE room = ?1 AND message = ?2 AND emoji = ?3";
    execute(db, sql, params![room.0, target.0, emoji.as_str(), removed])?;
    let sql = "DELETE FROM reaction_counts WHERE room = ?1 AND message = ?2 AND emoji = ?3 AND count = 0";
    execute(db, sql, params![room.0, target.0, emoji.as_str()])
}
