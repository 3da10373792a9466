-- The room log and who may write to it.
-- A person's id is 64 random bits, kept as SQLite's signed integer.

CREATE TABLE people (
    id         INTEGER PRIMARY KEY,
    name       TEXT    NOT NULL,
    token_hash BLOB    NOT NULL UNIQUE,  -- SHA-256; the token itself is never stored
    since      INTEGER NOT NULL          -- milliseconds since 1970 UTC, as every time here
) STRICT;

CREATE TABLE rooms (
    id       INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL UNIQUE,
    seats    INTEGER,                     -- NULL: no limit
    owner    INTEGER NOT NULL,            -- the person who came first; a guest is in no table
    since    INTEGER NOT NULL,
    last_seq INTEGER NOT NULL DEFAULT 0,
    last_at  INTEGER                      -- when last_seq was written
) STRICT;

CREATE INDEX rooms_latest ON rooms (last_at DESC);

-- Append-only. seq runs 1, 2, 3 … in each room without a gap.
CREATE TABLE events (
    room   INTEGER NOT NULL REFERENCES rooms (id),
    seq    INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    person INTEGER NOT NULL,
    name   TEXT    NOT NULL,              -- the name the person went by then
    cid    TEXT    NOT NULL,
    body   TEXT    NOT NULL,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX events_cid ON events (room, cid);
