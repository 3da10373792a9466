-- Reactions that are read as counts and a few names, so that a page costs the same however many there are.

-- The reactions of a message with each emoji; kept by the statements that write `reactions`.
CREATE TABLE reaction_counts (
    room    INTEGER NOT NULL,
    message INTEGER NOT NULL,
    emoji   TEXT    NOT NULL,
    count   INTEGER NOT NULL,
    PRIMARY KEY (room, message, emoji)
) STRICT, WITHOUT ROWID;

INSERT INTO reaction_counts SELECT room, message, emoji, count(*) FROM reactions GROUP BY 1, 2, 3;

-- The first people of an emoji: SQLite appends the rest of the primary key, `seq`.
CREATE INDEX reactions_of_emoji ON reactions (room, message, emoji);
-- Whether somebody reacted.
CREATE INDEX reactions_of_person ON reactions (room, message, emoji, person);
