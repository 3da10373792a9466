//! Opens the connections to a database: pragmas, and migrations with a backup before them.

use std::{
    fs::{self, File},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use anyhow::{Context, bail};
use common::message::Emoji;
use rusqlite::{Connection, OpenFlags, config::DbConfig, functions::FunctionFlags};

use super::rooms;
#[cfg(test)]
use crate::store::files::DatabaseFiles;
use crate::{
    failpoint::{self, Sabotage},
    store::writer::BUSY_TIMEOUT,
};

/// The schema, one file per version. A released file is never changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../../../migrations/sqlite/0001_rooms_events_people.sql"),
    include_str!("../../../migrations/sqlite/0002_events_by_udp.sql"),
    include_str!("../../../migrations/sqlite/0003_changes_and_reactions.sql"),
    include_str!("../../../migrations/sqlite/0004_bounds.sql"),
    include_str!("../../../migrations/sqlite/0005_instance_and_claims.sql"),
    include_str!("../../../migrations/sqlite/0006_owners_and_programs.sql"),
    include_str!("../../../migrations/sqlite/0007_reaction_counts.sql"),
    include_str!("../../../migrations/sqlite/0008_room_keys.sql"),
    include_str!("../../../migrations/sqlite/0009_emoji_forms.sql"),
];

/// The writer's page cache, in KiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;

/// The most prepared statements that a connection keeps.
const STATEMENTS: usize = 64;

/// Without SQLITE_OPEN_URI, which would read a path that begins with `file:` as a URL. The file is there:
/// [`crate::store::files`] has made it.
const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE
    .union(OpenFlags::SQLITE_OPEN_CREATE)
    .union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// The length of the write-ahead log before a checkpoint, in pages of 4 KiB. Recovery after a crash reads
/// the whole log.
const WAL_PAGES: i64 = 8 * 1024;

/// An open database with the newest schema.
#[cfg(test)]
pub(super) struct Database {
    /// Keeps the locks.
    _files: DatabaseFiles,
    /// The only connection that writes.
    pub(super) writer: Connection,
}

/// Locks the database and opens it for writing, creating and migrating it as needed.
#[cfg(test)]
pub(super) fn open(path: &Path) -> anyhow::Result<Database> {
    let files = DatabaseFiles::acquire(path)?;
    Ok(Database { writer: open_to_write(path)?, _files: files })
}

/// Opens a locked database for writing, and migrates it as needed.
pub(super) fn open_to_write(path: &Path) -> anyhow::Result<Connection> {
    let mut writer = connect_to_write(path)?;
    migrate(&mut writer, path, MIGRATIONS)?;
    rooms::fill_keys(&mut writer).context("comparing the names of rooms")?;
    Ok(writer)
}

/// Opens a locked database for reading when there is no space on the disk, not even for the index that
/// connections share. This one is the only connection, and keeps the index in its own memory.
pub(super) fn connect_alone(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "query_only", true)?;
    // The log would not fit into the database.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version != MIGRATIONS.len() {
        bail!("the database has to be migrated, for which there is no space on the disk");
    }
    Ok(connection)
}

/// Creates a file that only its owner can read, if it does not exist.
fn create_private_file(path: &Path) -> anyhow::Result<()> {
    let created = File::options().create(true).append(true).mode(0o600).open(path);
    created.map(drop).with_context(|| format!("making {}", path.display()))
}

/// Opens the connection of the writer thread.
fn connect_to_write(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
    // Overwrites deleted text on its pages instead of only unlinking it.
    connection.pragma_update(None, "secure_delete", true)?;
    // Messages of many rooms touch as many pages again and again; a large cache and a long write-ahead log
    // make checkpoints rare.
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    Ok(connection)
}

/// Opens a connection that can not write.
pub(super) fn connect_to_read(path: &Path) -> anyhow::Result<Connection> {
    let connection = connect(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn connect(path: &Path) -> anyhow::Result<Connection> {
    let connection = Connection::open_with_flags(path, FLAGS)?;
    let synchronous = if failpoint::is_active(Sabotage::NoSync) { "OFF" } else { "FULL" };
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Migrates to the newest schema, each step in its own transaction. Copies a database with content first.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> anyhow::Result<()> {
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version > migrations.len() {
        bail!("it was written by a newer madang (schema {version}, this one knows {})", migrations.len());
    }
    if version > 0 && version < migrations.len() {
        back_up(connection, path, version + 1)?;
    }
    add_functions(connection)?;
    for (done, script) in migrations.iter().enumerate().skip(version) {
        let step = connection.transaction()?;
        step.execute_batch(script).with_context(|| format!("migrating to schema {}", done + 1))?;
        step.pragma_update(None, "user_version", done + 1)?;
        step.commit()?;
    }
    Ok(())
}

/// Gives the migrations the functions of the program that they call.
fn add_functions(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("emoji_form", 1, flags, |context| {
        Ok(Emoji::from_store(context.get(0)?).to_string())
    })
}

/// Copies the database beside itself before it is migrated to this schema, unless there is a copy.
fn back_up(connection: &Connection, path: &Path, schema: usize) -> anyhow::Result<()> {
    let backup = path.with_extension(format!("before-schema-{schema}.sqlite"));
    if backup.exists() {
        return Ok(());
    }
    // Renamed only when complete: a partial copy is no backup.
    let copy = backup.with_extension("part");
    let _ = fs::remove_file(&copy);
    create_private_file(&copy)?;
    let name = copy.to_str().context("the database's path is not UTF-8")?;
    connection.execute("VACUUM INTO ?1", [name]).context("copying the database")?;
    fs::rename(&copy, &backup).context("naming the copy of the database")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_madang_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let mut connection = connect(&path).unwrap();
        migrate(&mut connection, &path, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
        let error = migrate(&mut connection, &path, &["CREATE TABLE a (x)"]).unwrap_err();
        assert_eq!(error.to_string(), "it was written by a newer madang (schema 2, this one knows 1)");
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_before_it_and_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let mut connection = connect(&path).unwrap();
        migrate(&mut connection, &path, &["CREATE TABLE a (x)"]).unwrap();
        let broken = ["CREATE TABLE a (x)", "CREATE TABLE b (x); NONSENSE"];
        migrate(&mut connection, &path, &broken).unwrap_err();
        let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 1);
        assert!(path.with_extension("before-schema-2.sqlite").exists());
        migrate(&mut connection, &path, &["CREATE TABLE a (x)", "CREATE TABLE b (x)"]).unwrap();
    }

    #[test]
    fn the_two_forms_of_a_stored_emoji_become_one_reaction() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("madang.sqlite");
        let mut connection = connect(&path).unwrap();
        migrate(&mut connection, &path, &MIGRATIONS[..7]).unwrap();
        let old = "INSERT INTO rooms (id, name, owner, since) VALUES (1, 'r', 1, 0);
             INSERT INTO events (room, seq, at, person, name, cid, body) VALUES (1, 1, 0, 1, 'a', 'c', 'b');
             INSERT INTO reactions VALUES
                 (1, 1, 2, char(0x2764), 1, 'a'), (1, 1, 3, char(0x1F44D, 0xFE0F), 1, 'a'),
                 (1, 1, 4, char(0x2764, 0xFE0F), 1, 'a'), (1, 1, 5, char(0x2764, 0xFE0F), 2, 'b');";
        connection.execute_batch(old).unwrap();
        migrate(&mut connection, &path, MIGRATIONS).unwrap();
        let list = |sql: &str| -> Vec<(String, i64)> {
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
            rows.map(Result::unwrap).collect()
        };
        let (heart, thumb) = ("\u{2764}\u{FE0F}".to_owned(), "\u{1F44D}".to_owned());
        let kept = list("SELECT emoji, seq FROM reactions ORDER BY seq");
        assert_eq!(kept, [(heart.clone(), 2), (thumb.clone(), 3), (heart.clone(), 5)]);
        let counts = list("SELECT emoji, count FROM reaction_counts ORDER BY count");
        assert_eq!(counts, [(thumb, 1), (heart, 2)]);
    }
}
