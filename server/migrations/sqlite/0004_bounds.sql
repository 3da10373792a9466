-- What keeps the database within bounds: counted totals, rooms and people that nobody uses, and rooms
-- that are being deleted.

-- Kept by the triggers below, so that a full server refuses without counting.
CREATE TABLE totals (
    rooms         INTEGER NOT NULL,
    unused_people INTEGER NOT NULL,
    last_room_id  INTEGER NOT NULL        -- ids of rooms are never used twice
) STRICT;

-- A number over all rooms that grows with each message: the order of the list of rooms, which no clock
-- can change. NULL: the room has no message.
ALTER TABLE rooms ADD COLUMN activity INTEGER;
UPDATE rooms SET activity = ranked.number
    FROM (SELECT id, row_number() OVER (ORDER BY last_at, id) AS number FROM rooms WHERE last_at IS NOT NULL)
        AS ranked
    WHERE ranked.id = rooms.id;
DROP INDEX rooms_latest;
CREATE INDEX rooms_activity ON rooms (activity DESC) WHERE activity IS NOT NULL;

-- 1: the room is being deleted; its name is free again and its log is removed bit by bit.
ALTER TABLE rooms ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rooms_deleted ON rooms (id) WHERE is_deleted = 1;

CREATE INDEX rooms_unused ON rooms (since) WHERE last_seq = 0;

-- When the person last came, to within a day.
ALTER TABLE people ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;
-- Whether the person ever wrote into a log or made a room. Others expire.
ALTER TABLE people ADD COLUMN is_used INTEGER NOT NULL DEFAULT 0;
UPDATE people SET last_seen = unixepoch('subsec') * 1000;
UPDATE people SET is_used = 1
    WHERE id IN (SELECT person FROM events UNION SELECT owner FROM rooms);
CREATE INDEX people_unused ON people (last_seen) WHERE is_used = 0;

INSERT INTO totals
    SELECT (SELECT count(*) FROM rooms),
           (SELECT count(*) FROM people WHERE is_used = 0),
           (SELECT coalesce(max(id), 0) FROM rooms);

CREATE TRIGGER room_inserted AFTER INSERT ON rooms BEGIN
    UPDATE totals SET rooms = rooms + 1, last_room_id = max(last_room_id, new.id);
    UPDATE people SET is_used = 1 WHERE id = new.owner AND is_used = 0;
END;
CREATE TRIGGER room_owner_changed AFTER UPDATE OF owner ON rooms BEGIN
    UPDATE people SET is_used = 1 WHERE id = new.owner AND is_used = 0;
END;
CREATE TRIGGER room_deleted AFTER DELETE ON rooms BEGIN
    UPDATE totals SET rooms = rooms - 1;
END;
CREATE TRIGGER event_inserted AFTER INSERT ON events BEGIN
    UPDATE people SET is_used = 1 WHERE id = new.person AND is_used = 0;
END;
CREATE TRIGGER person_inserted AFTER INSERT ON people WHEN new.is_used = 0 BEGIN
    UPDATE totals SET unused_people = unused_people + 1;
END;
CREATE TRIGGER person_deleted AFTER DELETE ON people WHEN old.is_used = 0 BEGIN
    UPDATE totals SET unused_people = unused_people - 1;
END;
CREATE TRIGGER person_used AFTER UPDATE OF is_used ON people WHEN old.is_used = 0 AND new.is_used = 1 BEGIN
    UPDATE totals SET unused_people = unused_people - 1;
END;
