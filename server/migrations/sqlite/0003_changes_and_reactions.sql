-- A message can be changed, taken back and reacted to, and a room be described anew. Each of these is
-- an event of the log as well, with a number and a cid.
--
-- A message's text stands in one place, its own event: there it reads as it does now, and is empty
-- once it was taken back. So no reader of the log can come upon what was taken back.

ALTER TABLE events ADD COLUMN kind TEXT NOT NULL DEFAULT 'posted'; -- edited, deleted, reacted, room_changed
ALTER TABLE events ADD COLUMN about INTEGER; -- the message that is answered, edited, deleted, reacted to
ALTER TABLE events ADD COLUMN emoji TEXT;    -- reacted: with what
ALTER TABLE events ADD COLUMN is_on INTEGER; -- reacted: 1 put there, 0 taken away
ALTER TABLE events ADD COLUMN topic TEXT;    -- room_changed: NULL as it was, '' none
ALTER TABLE events ADD COLUMN seats INTEGER; -- room_changed: NULL as they were

ALTER TABLE rooms ADD COLUMN topic TEXT NOT NULL DEFAULT '';
ALTER TABLE rooms ADD COLUMN described INTEGER NOT NULL DEFAULT 0; -- the last room_changed

-- What has become of a message. Only of those to which something happened, which are few: what is
-- merely said costs no more than before.
CREATE TABLE revisions (
    room      INTEGER NOT NULL,
    message   INTEGER NOT NULL,
    rev       INTEGER NOT NULL,           -- the last event that touched it
    edit      INTEGER,                    -- the last event that changed its text
    edited_at INTEGER,
    withdrawn INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (room, message),
    FOREIGN KEY (room, message) REFERENCES events (room, seq)
) STRICT, WITHOUT ROWID;

-- What is under a message now, in the order in which it came.
CREATE TABLE reactions (
    room    INTEGER NOT NULL,
    message INTEGER NOT NULL,
    seq     INTEGER NOT NULL,             -- the event that put it there
    emoji   TEXT    NOT NULL,
    person  INTEGER NOT NULL,
    name    TEXT    NOT NULL,             -- the name the person went by then
    PRIMARY KEY (room, message, seq),
    FOREIGN KEY (room, message) REFERENCES events (room, seq)
) STRICT, WITHOUT ROWID;
