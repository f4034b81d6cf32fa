-- A chat that somebody shut is told nothing, unlike one that nobody admitted
-- yet; and chats of which nobody said anything are kept, to be admitted.

ALTER TABLE chats ADD COLUMN shut INTEGER NOT NULL DEFAULT 0 CHECK (
    shut = 0 OR (shut = 1 AND admitted = 0)
);

-- When somebody last spoke there, while nobody said anything of the chat.
ALTER TABLE chats ADD COLUMN strange_at INTEGER;

CREATE INDEX chats_strange ON chats (source, strange_at) WHERE strange_at IS NOT NULL;

-- Who is on the list no more is told nothing. A group, whose name has a sign,
-- may have been admitted before anybody spoke there.
UPDATE chats SET admitted = 0, shut = 1
WHERE kind = 'private' AND admitted = 1 AND chat NOT LIKE '-%'
    AND NOT EXISTS (SELECT 1 FROM people p WHERE p.source = chats.source AND p.user = chats.chat);
