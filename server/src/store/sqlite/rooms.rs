//! The table of rooms: creating, listing, evicting and deleting them.
//!
//! Runs on the connections of `sqlite`. A room's number of events is bounded by disk only, so its log is
//! deleted in pieces, each in its own transaction.

use common::{
    message::{Seq, Timestamp},
    person::{DisplayName, PersonId},
    refusal::Refusal,
    room::{RoomName, Seats, Topic},
};
use rusqlite::{Connection, Row, params};

use super::{execute, query_all, query_one, query_optional};
use crate::{
    error::Error,
    store::{NewRoom, Room, RoomId},
};

/// The most rooms of a server, so that links to unused rooms can not fill the disk.
const MAX_ROOMS: i64 = 100_000;

/// The most rooms that are evicted at once.
const MAX_EVICTED_ROOMS: u32 = 1_000;

/// The most events of a room that is given to somebody: all of them are read for it.
const MAX_CLAIMED_EVENTS: i64 = 1_000;

/// The most rows of a deleted room's log that one transaction removes, so that other writes wait for
/// milliseconds only.
const DELETED_ROWS: u32 = 1_000;

/// Selects the columns of [`room_from_row`].
macro_rules! select_rooms {
    ($which:literal) => {
        concat!(
            "SELECT id, name, seats, topic, described, owner, last_seq, last_at, shared_network,
                    (SELECT name FROM people WHERE people.id = owner)
             FROM rooms WHERE ",
            $which
        )
    };
}

/// Returns the room of exactly this name, otherwise the oldest whose name looks the same.
pub(super) fn get_room(db: &Connection, name: &RoomName) -> anyhow::Result<Option<Room>> {
    let room = get_room_exactly(db, name)?;
    // The lobby belongs to nobody, so that no older room of somebody may stand in for it.
    if room.is_some() || *name == RoomName::lobby() {
        return Ok(room);
    }
    query_optional(db, select_rooms!("key = ?1 ORDER BY id LIMIT 1"), [name.key()], room_from_row)
}

fn get_room_exactly(db: &Connection, name: &RoomName) -> anyhow::Result<Option<Room>> {
    query_optional(db, select_rooms!("name = ?1"), [name.as_str()], room_from_row)
}

/// Sets the keys of rooms that have none because they are older than the column.
pub(super) fn fill_keys(db: &mut Connection) -> anyhow::Result<()> {
    let transaction = db.transaction()?;
    let sql = "SELECT id, name FROM rooms WHERE key IS NULL AND is_deleted = 0";
    let rooms = query_all(&transaction, sql, [], |row| {
        Ok((row.get::<_, i64>(0)?, RoomName::from_store(row.get(1)?)))
    })?;
    for (id, name) in rooms {
        transaction
            .prepare_cached("UPDATE rooms SET key = ?2 WHERE id = ?1")?
            .execute(params![id, name.key()])?;
    }
    transaction.commit()?;
    Ok(())
}

/// Lists the rooms that have messages, the latest first.
pub(super) fn list_rooms(db: &Connection, limit: u32) -> anyhow::Result<Vec<Room>> {
    query_all(
        db,
        select_rooms!("activity IS NOT NULL ORDER BY activity DESC LIMIT ?1"),
        [limit],
        room_from_row,
    )
}

/// Refuses with `no_more_rooms` if there is no place for another room. Needs no write, so that a full server
/// refuses at little cost.
pub(super) fn check_room_limit(db: &Connection, unused_before: Timestamp) -> Result<(), Error> {
    let sql = "SELECT rooms < ?1 OR EXISTS (
                   SELECT 1 FROM rooms WHERE last_seq = 0 AND since < ?2 AND name <> ?3)
               FROM totals";
    let lobby = RoomName::lobby();
    let values = params![MAX_ROOMS, unused_before.0, lobby.as_str()];
    let has_place: bool = query_one(db, sql, values, |row| row.get(0))?;
    if has_place { Ok(()) } else { Err(Refusal::NoMoreRooms.into()) }
}

/// Creates a room, whose name has single spaces. At the limit of rooms, evicts some that are unused since
/// before `unused_before`.
pub(super) fn create_room(
    db: &Connection,
    name: &RoomName,
    new: NewRoom,
    unused_before: Timestamp,
) -> Result<Room, Error> {
    let name = name.for_new_room()?;
    let count: i64 = query_one(db, "SELECT rooms FROM totals", [], |row| row.get(0))?;
    if count >= MAX_ROOMS {
        let names = list_unused_rooms(db, unused_before)?;
        if evict_unused_rooms(db, &names, unused_before)? == 0 {
            return Err(Refusal::NoMoreRooms.into());
        }
    }
    // An id is never used twice: sessions in a room that was deleted still hold its id.
    let sql = "INSERT INTO rooms (id, name, seats, topic, owner, since, key)
               VALUES ((SELECT last_room_id + 1 FROM totals), ?1, ?2, ?3, ?4, ?5, ?6)";
    execute(
        db,
        sql,
        params![
            name.as_str(),
            new.seats.map(Seats::get),
            new.topic.as_str(),
            new.owner.0.cast_signed(),
            new.at.0,
            name.key()
        ],
    )?;
    let (id, NewRoom { seats, topic, owner, .. }) = (RoomId(db.last_insert_rowid()), new);
    let sql = "SELECT name FROM people WHERE id = ?1";
    let owner_name = query_optional(db, sql, [owner.0.cast_signed()], |row| row.get(0))?;
    Ok(Room {
        id,
        name,
        seats,
        topic,
        shared_network: false,
        description_seq: Seq(0),
        owner,
        owner_name: owner_name.map(DisplayName::from_store),
        last_seq: Seq(0),
        last_at: None,
    })
}

/// Whether a room belongs to nobody who can come back, and nobody but this person has spoken in it. The program
/// that made it is not asked: it has no token, so it is recognised by its name.
pub(super) fn may_claim_room(db: &Connection, room: RoomId, person: PersonId) -> anyhow::Result<bool> {
    let sql = "SELECT EXISTS (
                   SELECT 1 FROM rooms
                   WHERE id = ?1 AND is_deleted = 0 AND name <> ?3 AND last_seq <= ?4
                       AND NOT EXISTS (SELECT 1 FROM people WHERE people.id = owner))
               AND NOT EXISTS (
                   SELECT 1 FROM events
                   WHERE room = ?1 AND person <> ?2
                       AND ((udp_from IS NULL AND is_program = 0)
                            OR name <> (SELECT name FROM events WHERE room = ?1 AND seq = 1)
                            OR EXISTS (SELECT 1 FROM people WHERE people.id = events.person)))";
    let (lobby, person) = (RoomName::lobby(), person.0.cast_signed());
    query_one(db, sql, params![room.0, person, lobby.as_str(), MAX_CLAIMED_EVENTS], |row| row.get(0))
}

/// Gives the room to this person if they may have it, and returns whether it did.
pub(super) fn claim_room(db: &Connection, room: RoomId, person: PersonId) -> Result<bool, Error> {
    let may_claim = may_claim_room(db, room, person)?;
    if may_claim {
        execute(db, "UPDATE rooms SET owner = ?2 WHERE id = ?1", params![room.0, person.0.cast_signed()])?;
    }
    Ok(may_claim)
}

/// Lists rooms but the lobby that were created before this time and never had an event, the oldest first.
pub(super) fn list_unused_rooms(db: &Connection, before: Timestamp) -> anyhow::Result<Vec<RoomName>> {
    let sql = "SELECT name FROM rooms WHERE last_seq = 0 AND since < ?1 AND name <> ?2 AND is_deleted = 0
               ORDER BY since LIMIT ?3";
    let lobby = RoomName::lobby();
    let values = params![before.0, lobby.as_str(), MAX_EVICTED_ROOMS];
    query_all(db, sql, values, |row| row.get(0).map(RoomName::from_store))
}

/// Evicts those of these rooms that are still unused, and returns how many.
pub(super) fn evict_unused_rooms(
    db: &Connection,
    names: &[RoomName],
    before: Timestamp,
) -> Result<usize, Error> {
    let mut evicted = 0;
    for name in names {
        let sql = "DELETE FROM rooms WHERE name = ?1 AND last_seq = 0 AND since < ?2";
        execute(db, sql, params![name.as_str(), before.0])?;
        evicted += usize::from(db.changes() > 0);
    }
    Ok(evicted)
}

/// Marks the room of exactly this name as deleted, which frees its name, and returns what it was.
pub(super) fn mark_deleted(db: &Connection, name: &RoomName) -> Result<Room, Error> {
    let room = get_room_exactly(db, name)?.ok_or(Refusal::NoSuchRoom)?;
    // No room can have this name, because it has a slash.
    let sql = "UPDATE rooms SET name = '/deleted/' || id, key = NULL, is_deleted = 1, activity = NULL
               WHERE id = ?1";
    execute(db, sql, [room.id.0])?;
    Ok(room)
}

/// Removes some rows of a deleted room, or the room itself if no row is left. Returns whether there may be
/// more to remove.
pub(super) fn purge_deleted_rooms(db: &Connection) -> Result<bool, Error> {
    let sql = "SELECT id FROM rooms WHERE is_deleted = 1 LIMIT 1";
    let Some(room) = query_optional(db, sql, [], |row| row.get::<_, i64>(0))? else { return Ok(false) };
    let statements = [
        "DELETE FROM reactions WHERE room = ?1 AND (message, seq) IN (
             SELECT message, seq FROM reactions WHERE room = ?1 LIMIT ?2)",
        "DELETE FROM reaction_counts WHERE room = ?1 AND (message, emoji) IN (
             SELECT message, emoji FROM reaction_counts WHERE room = ?1 LIMIT ?2)",
        "DELETE FROM revisions WHERE room = ?1 AND message IN (
             SELECT message FROM revisions WHERE room = ?1 LIMIT ?2)",
        "DELETE FROM events WHERE room = ?1 AND seq IN (SELECT seq FROM events WHERE room = ?1 LIMIT ?2)",
    ];
    for sql in statements {
        execute(db, sql, params![room, DELETED_ROWS])?;
        if db.changes() > 0 {
            return Ok(true);
        }
    }
    execute(db, "DELETE FROM rooms WHERE id = ?1", [room])?;
    Ok(true)
}

fn room_from_row(row: &Row) -> rusqlite::Result<Room> {
    let seats: Option<u16> = row.get(2)?;
    Ok(Room {
        id: RoomId(row.get(0)?),
        name: RoomName::from_store(row.get(1)?),
        seats: seats.and_then(|seats| Seats::parse(seats).ok()),
        topic: Topic::from_store(row.get(3)?),
        description_seq: Seq(row.get(4)?),
        owner: PersonId(row.get::<_, i64>(5)?.cast_unsigned()),
        last_seq: Seq(row.get(6)?),
        last_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        shared_network: row.get(8)?,
        owner_name: row.get::<_, Option<String>>(9)?.map(DisplayName::from_store),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::open;

    #[test]
    fn only_rooms_without_an_event_for_a_day_are_evicted() {
        let folder = tempfile::tempdir().unwrap();
        let db = open::open(&folder.path().join("madang.sqlite")).unwrap().writer;
        let rooms = [("lobby", 0, 0), ("silent", 0, 0), ("spoken", 1, 0), ("young", 0, 10), ("newest", 0, 0)];
        for (name, last_seq, since) in rooms {
            let sql = "INSERT INTO rooms (name, owner, last_seq, since) VALUES (?1, 1, ?2, ?3)";
            execute(&db, sql, params![name, last_seq, since]).unwrap();
        }
        let names = list_unused_rooms(&db, Timestamp(10)).unwrap();
        assert_eq!(names.iter().map(RoomName::as_str).collect::<Vec<_>>(), ["silent", "newest"]);
        execute(&db, "UPDATE rooms SET last_seq = 1 WHERE name = 'newest'", []).unwrap();
        assert_eq!(evict_unused_rooms(&db, &names, Timestamp(10)).unwrap(), 1, "one has spoken meanwhile");
        let left = query_all(&db, "SELECT name FROM rooms ORDER BY id", [], |row| row.get::<_, String>(0));
        assert_eq!(left.unwrap(), ["lobby", "spoken", "young", "newest"]);
    }

    #[test]
    fn older_rooms_keep_their_names_and_are_found_by_what_looks_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let db = open::open(&path).unwrap().writer;
        for name in ["우리\u{A0}반", "Team", "team", "/deleted/9"] {
            let sql = "INSERT INTO rooms (name, owner, since, is_deleted) VALUES (?1, 1, 0, ?2)";
            execute(&db, sql, params![name, name.starts_with('/')]).unwrap();
        }
        drop(db);
        let mut db = open::open(&path).unwrap().writer;
        let found = |db: &Connection, name: &str| {
            let room = get_room(db, &RoomName::parse(name).unwrap()).unwrap();
            room.map(|room| room.name.to_string())
        };
        for (name, room) in [
            ("우리 반", "우리\u{A0}반"),
            ("우리\u{A0}반", "우리\u{A0}반"),
            ("Team", "Team"),
            ("team", "team"),
            ("ＴＥＡＭ", "Team"),
        ] {
            assert_eq!(found(&db, name).as_deref(), Some(room), "{name}");
        }
        assert_eq!(found(&db, "／deleted／9"), None);
        fill_keys(&mut db).unwrap();
        assert_eq!(found(&db, "／deleted／9"), None, "also with keys for what has none");
        mark_deleted(&db, &RoomName::parse("Team").unwrap()).unwrap();
        assert_eq!(found(&db, "Team").as_deref(), Some("team"));
        assert!(mark_deleted(&db, &RoomName::parse("TEAM").unwrap()).is_err(), "only what is named exactly");
    }

    #[test]
    fn the_id_of_a_room_is_never_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let db = open::open(&folder.path().join("madang.sqlite")).unwrap().writer;
        let create = |name| {
            let new = NewRoom::with_defaults(PersonId(1), Timestamp(0));
            create_room(&db, &RoomName::parse(name).unwrap(), new, Timestamp(0)).unwrap().id
        };
        let first = create("first");
        mark_deleted(&db, &RoomName::parse("first").unwrap()).unwrap();
        while purge_deleted_rooms(&db).unwrap() {}
        assert_eq!(query_one(&db, "SELECT rooms FROM totals", [], |row| row.get::<_, i64>(0)).unwrap(), 0);
        assert_ne!(create("first"), first);
    }

    #[test]
    fn a_full_server_has_no_place_unless_a_room_is_unused() {
        let folder = tempfile::tempdir().unwrap();
        let db = open::open(&folder.path().join("madang.sqlite")).unwrap().writer;
        assert!(check_room_limit(&db, Timestamp(10)).is_ok());
        execute(&db, "UPDATE totals SET rooms = ?1", [MAX_ROOMS]).unwrap();
        let no_place = |result| matches!(result, Err(Error::Refused(Refusal::NoMoreRooms)));
        assert!(no_place(check_room_limit(&db, Timestamp(10))));
        let sql = "INSERT INTO rooms (name, owner, since) VALUES ('silent', 1, 5)";
        execute(&db, sql, []).unwrap();
        assert!(check_room_limit(&db, Timestamp(10)).is_ok());
        assert!(no_place(check_room_limit(&db, Timestamp(5))), "it is too young");
    }
}
