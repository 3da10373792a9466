-- Who speaks, and how many seats newcomers may take.

-- 1: newcomers from one network may take all seats of the room, not only half of them.
ALTER TABLE rooms ADD COLUMN shared_network INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN shared_network INTEGER; -- room_changed: NULL as it was

-- 1: posted over HTTP or as a datagram, without being in the room.
ALTER TABLE events ADD COLUMN is_program INTEGER NOT NULL DEFAULT 0;
UPDATE events SET is_program = 1 WHERE udp_from IS NOT NULL;
