-- One form for each emoji: ❤ and ❤️ were two reactions. `emoji_form` is a function of the program.

UPDATE reactions SET emoji = emoji_form(emoji) WHERE emoji <> emoji_form(emoji);

-- Whoever had reacted with both forms keeps the first.
DELETE FROM reactions WHERE EXISTS (
    SELECT 1 FROM reactions AS earlier
    WHERE earlier.room = reactions.room AND earlier.message = reactions.message
      AND earlier.emoji = reactions.emoji AND earlier.person = reactions.person
      AND earlier.seq < reactions.seq);

DELETE FROM reaction_counts;
INSERT INTO reaction_counts SELECT room, message, emoji, count(*) FROM reactions GROUP BY 1, 2, 3;
