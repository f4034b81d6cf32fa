-- An answer may be queued with a permit to go without a further note: a floor,
-- and no time at which it was begun.
--
-- A check cannot be altered, so the statement that made the table is rewritten,
-- as in version 9.

PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(sql,
'-- Since when it may have been sent, and the highest message number before.
    begun_at INTEGER,
    floor INTEGER CHECK ((floor IS NULL) = (begun_at IS NULL))',
'-- Since when it may have been sent, and the highest message number before. A
    -- number without a time permits to send it without a note of the time.
    begun_at INTEGER,
    floor INTEGER CHECK (floor IS NOT NULL OR begun_at IS NULL)')
WHERE type = 'table' AND name = 'chat_outbox';

PRAGMA writable_schema = RESET;

DROP INDEX chat_outbox_begun;

-- What may be on its way: shown, and what it is called is not known yet.
CREATE INDEX chat_outbox_floor ON chat_outbox (source, state) WHERE floor IS NOT NULL;

-- New messages, which have no permit while another one of their chat waits.
CREATE INDEX chat_outbox_sends ON chat_outbox (source, state) WHERE kind = 'send';
