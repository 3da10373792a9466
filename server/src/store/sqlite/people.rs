//! The table of registered people. Those who never wrote into a log and never made a room expire, because a
//! program can register hundreds each second.

use common::{
    message::Timestamp,
    person::{DisplayName, Person, PersonId},
};
use rusqlite::{Connection, Row, params};

use super::{execute, query_optional};
use crate::{
    error::Error,
    store::{RegisteredPerson, TokenHash},
};

/// The most people who never wrote anything and made no room. Beyond it, the one who was seen least
/// recently is removed for each new one.
const MAX_UNUSED_PEOPLE: u32 = 100_000;

/// The most people who are removed at once.
const MAX_EXPIRED_PEOPLE: u32 = 1_000;

pub(super) fn insert_person(
    db: &Connection,
    person: &Person,
    token: TokenHash,
    at: Timestamp,
) -> Result<(), Error> {
    let sql = "DELETE FROM people WHERE (SELECT unused_people FROM totals) >= ?1 AND id = (
                   SELECT id FROM people WHERE is_used = 0 ORDER BY last_seen LIMIT 1)";
    execute(db, sql, [MAX_UNUSED_PEOPLE])?;
    let sql = "INSERT INTO people (id, name, token_hash, since, last_seen) VALUES (?1, ?2, ?3, ?4, ?4)";
    execute(db, sql, params![person.id.0.cast_signed(), person.name.as_str(), token, at.0])
}

pub(super) fn get_person_by_token(
    db: &Connection,
    token: TokenHash,
) -> anyhow::Result<Option<RegisteredPerson>> {
    let sql = "SELECT id, name, since, last_seen FROM people WHERE token_hash = ?1";
    query_optional(db, sql, [token], |row| {
        Ok(RegisteredPerson {
            person: person_from_row(row, 0)?,
            since: Timestamp(row.get(2)?),
            last_seen: Timestamp(row.get(3)?),
        })
    })
}

pub(super) fn rename_person(db: &Connection, id: PersonId, name: &DisplayName) -> Result<(), Error> {
    let sql = "UPDATE people SET name = ?2 WHERE id = ?1";
    execute(db, sql, params![id.0.cast_signed(), name.as_str()])
}

pub(super) fn set_last_seen(db: &Connection, id: PersonId, at: Timestamp) -> Result<(), Error> {
    let sql = "UPDATE people SET last_seen = ?2 WHERE id = ?1";
    execute(db, sql, params![id.0.cast_signed(), at.0])
}

/// Removes some of the unused people who were last seen before this time, and returns how many.
pub(super) fn expire_people(db: &Connection, before: Timestamp) -> Result<usize, Error> {
    let sql = "DELETE FROM people WHERE id IN (
                   SELECT id FROM people WHERE is_used = 0 AND last_seen < ?1 LIMIT ?2)";
    execute(db, sql, params![before.0, MAX_EXPIRED_PEOPLE])?;
    Ok(usize::try_from(db.changes()).unwrap_or(usize::MAX))
}

/// Reads a person's id and name from two columns.
pub(super) fn person_from_row(row: &Row, column: usize) -> rusqlite::Result<Person> {
    let id = PersonId(row.get::<_, i64>(column)?.cast_unsigned());
    Ok(Person::new(id, DisplayName::from_store(row.get(column + 1)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{open, query_one};

    #[test]
    fn the_number_of_people_who_never_did_anything_is_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let db = open::open(&folder.path().join("madang.sqlite")).unwrap().writer;
        let insert = |id: u64, at| {
            let person = Person::new(PersonId(id), DisplayName::for_guest(PersonId(id)));
            insert_person(&db, &person, [u8::try_from(id).unwrap(); 32], Timestamp(at)).unwrap();
        };
        let count =
            || query_one(&db, "SELECT unused_people FROM totals", [], |row| row.get::<_, u32>(0)).unwrap();
        (1..=3).for_each(|id| insert(id, 10 - i64::try_from(id).unwrap()));
        execute(&db, "UPDATE people SET is_used = 1 WHERE id = 3", []).unwrap();
        assert_eq!(count(), 2);
        execute(&db, "UPDATE totals SET unused_people = ?1", [MAX_UNUSED_PEOPLE]).unwrap();
        insert(4, 10);
        assert_eq!(count(), MAX_UNUSED_PEOPLE);
        let known = |id| get_person_by_token(&db, [id; 32]).unwrap().is_some();
        assert_eq!([1, 2, 3, 4].map(known), [true, false, true, true], "the one seen least recently goes");
    }
}
