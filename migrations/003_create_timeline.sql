-- What happened, in order, and what others still have to be told of it. Numbers
-- are never used twice: readers resume after the last one they saw, and an
-- outbox row's number is its delivery's idempotency key.

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    kind TEXT NOT NULL CHECK (kind <> ''),
    data TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

CREATE INDEX events_job ON events (job_id);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_seq INTEGER NOT NULL REFERENCES events (seq),
    failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    not_before INTEGER NOT NULL
) STRICT;

CREATE INDEX outbox_due ON outbox (not_before);
