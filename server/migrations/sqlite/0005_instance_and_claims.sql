-- What tells this server from others, and who may repeat a guest's cid.

CREATE TABLE instance (
    id     TEXT NOT NULL,  -- public and random: part of the name of the cookie
    secret BLOB NOT NULL   -- keys hashes that nobody else may be able to make
) STRICT;

INSERT INTO instance VALUES (lower(hex(randomblob(4))), randomblob(16));

-- Set for guests, who have a new id in every connection and request: a hash by which a repetition is
-- recognised. NULL: only the person of the event repeats it, or it is older than this column.
ALTER TABLE events ADD COLUMN claim INTEGER;
