-- What names of rooms that look the same have in common: common's RoomName::key. The server fills it in for
-- rooms that are older than this column. Not unique: older rooms may differ only in what it leaves out.
-- NULL: the room is being deleted.
ALTER TABLE rooms ADD COLUMN key TEXT;
CREATE INDEX rooms_key ON rooms (key);
