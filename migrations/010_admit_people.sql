-- People with roles, chats with what they hear, buttons that count once, jobs
-- that follow others, reminders, and events of the host itself.

CREATE TABLE people (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL CHECK (source <> ''),
    user TEXT NOT NULL CHECK (user <> ''),
    name TEXT NOT NULL,
    role TEXT NOT NULL CHECK (
        role = 'viewer' OR role = 'requester' OR role = 'approver' OR role = 'owner'
    ),
    added_by TEXT NOT NULL CHECK (added_by <> ''),
    added_at INTEGER NOT NULL,
    UNIQUE (source, user)
) STRICT;

-- What is known of a chat: who may speak there, what it hears, and how far it got.
CREATE TABLE chats (
    source TEXT NOT NULL CHECK (source <> ''),
    chat TEXT NOT NULL CHECK (chat <> ''),
    kind TEXT NOT NULL CHECK (
        kind = 'private' OR kind = 'group' OR kind = 'supergroup' OR kind = 'channel'
    ),
    title TEXT NOT NULL,
    admitted INTEGER NOT NULL CHECK (admitted IN (0, 1)),
    level TEXT NOT NULL DEFAULT 'all' CHECK (
        level = 'all' OR level = 'results' OR level = 'questions' OR level = 'none'
    ),
    -- Minutes of the day, in the time zone beside them.
    quiet_from INTEGER CHECK (quiet_from BETWEEN 0 AND 1439),
    quiet_to INTEGER CHECK (quiet_to BETWEEN 0 AND 1439),
    time_zone TEXT CHECK ((time_zone IS NULL) = (quiet_from IS NULL)),
    -- The highest message number that was seen there; 0 when it has none.
    newest_message INTEGER NOT NULL DEFAULT 0,
    -- Why nothing can be sent there, until something comes from it.
    gone TEXT,
    moved_to TEXT,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (source, chat),
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
) STRICT, WITHOUT ROWID;

-- What a chat hears of one project, where that is less than of the others.
CREATE TABLE chat_levels (
    source TEXT NOT NULL,
    chat TEXT NOT NULL,
    project TEXT NOT NULL CHECK (project <> ''),
    level TEXT NOT NULL CHECK (
        level = 'all' OR level = 'results' OR level = 'questions' OR level = 'none'
    ),
    PRIMARY KEY (source, chat, project),
    FOREIGN KEY (source, chat) REFERENCES chats (source, chat)
) STRICT, WITHOUT ROWID;

-- What stands behind the buttons of messages. A service sees the token alone.
CREATE TABLE chat_buttons (
    token TEXT PRIMARY KEY CHECK (length(token) = 22),
    number INTEGER NOT NULL REFERENCES chat_messages (number),
    action TEXT NOT NULL CHECK (action <> ''),
    approval_id INTEGER REFERENCES approvals (id),
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    used_by TEXT CHECK ((used_by IS NULL) = (used_at IS NULL)),
    UNIQUE (number, action)
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_buttons_expiry ON chat_buttons (expires_at);

-- What a chat source still has to do, in order; what it did leaves no row.
ALTER TABLE chat_outbox RENAME TO chat_outbox_before;

CREATE TABLE chat_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    source TEXT NOT NULL CHECK (source <> ''),
    kind TEXT NOT NULL CHECK (
        kind = 'send' OR kind = 'edit' OR kind = 'remove' OR kind = 'ack' OR kind = 'pin'
    ),
    number INTEGER REFERENCES chat_messages (number) CHECK ((number IS NULL) = (kind = 'ack')),
    body TEXT CHECK (
        (body IS NULL) = (kind = 'remove') AND (body IS NULL OR json_valid(body))
    ),
    state TEXT NOT NULL CHECK (state IN ('pending', 'parked')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    not_before INTEGER CHECK ((not_before IS NOT NULL) = (state = 'pending')),
    error TEXT CHECK (error IS NOT NULL OR state = 'pending'),
    queued_at INTEGER NOT NULL,
    -- What it is to the one who reads it, and the job it tells of.
    class TEXT NOT NULL DEFAULT 'reply' CHECK (
        class = 'reply' OR class = 'question' OR class = 'result' OR class = 'report'
        OR class = 'progress'
    ),
    job_id INTEGER REFERENCES jobs (id),
    -- Grows when newer contents take the place of those that wait.
    revision INTEGER NOT NULL DEFAULT 0 CHECK (revision >= 0),
    -- Since when it may have been sent, and the highest message number before.
    begun_at INTEGER,
    floor INTEGER CHECK ((floor IS NULL) = (begun_at IS NULL))
) STRICT;

INSERT INTO chat_outbox (id, plugin, source, kind, number, body, state, attempts, not_before,
    error, queued_at)
SELECT id, plugin, source, kind, number, body, state, attempts, not_before, error, queued_at
FROM chat_outbox_before;

-- A number of what was done before is not given out again.
DELETE FROM sqlite_sequence WHERE name = 'chat_outbox';

INSERT INTO sqlite_sequence (name, seq)
SELECT 'chat_outbox', seq FROM sqlite_sequence WHERE name = 'chat_outbox_before';

DROP TABLE chat_outbox_before;

CREATE INDEX chat_outbox_source ON chat_outbox (source, state);

-- What is on its way: it may be shown, and what it is called is not known yet.
CREATE INDEX chat_outbox_begun ON chat_outbox (source) WHERE begun_at IS NOT NULL;

CREATE INDEX chat_outbox_message ON chat_outbox (number) WHERE number IS NOT NULL;

-- An event without a job is about the host itself, and so is its delivery.
ALTER TABLE deliveries RENAME TO deliveries_before;

ALTER TABLE events RENAME TO events_before;

-- No event is ever deleted, so the newest one keeps its number from being given
-- out again.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    job_id INTEGER REFERENCES jobs (id),
    kind TEXT NOT NULL CHECK (kind <> ''),
    data TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

INSERT INTO events (seq, job_id, kind, data, at)
SELECT seq, job_id, kind, data, at FROM events_before ORDER BY seq;

CREATE TABLE deliveries (
    notifier TEXT NOT NULL CHECK (notifier <> ''),
    event_seq INTEGER NOT NULL REFERENCES events (seq),
    job_id INTEGER REFERENCES jobs (id),
    state TEXT NOT NULL CHECK (
        state = 'pending' OR state = 'done' OR state = 'parked' OR state = 'dropped'
    ),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    attempts_before_retry INTEGER NOT NULL DEFAULT 0 CHECK (
        attempts_before_retry BETWEEN 0 AND attempts
    ),
    not_before INTEGER CHECK ((not_before IS NOT NULL) = (state = 'pending')),
    due_at INTEGER CHECK (due_at IS NULL OR (state = 'pending' AND due_at = not_before)),
    error TEXT CHECK (error IS NOT NULL OR state NOT IN ('parked', 'dropped')),
    receipt TEXT CHECK (receipt IS NULL OR state = 'done'),
    settled_at INTEGER CHECK ((settled_at IS NOT NULL) = (state IN ('done', 'dropped'))),
    PRIMARY KEY (notifier, event_seq)
) STRICT, WITHOUT ROWID;

INSERT INTO deliveries (notifier, event_seq, job_id, state, attempts, attempts_before_retry,
    not_before, due_at, error, receipt, settled_at)
SELECT notifier, event_seq, job_id, state, attempts, attempts_before_retry,
    not_before, due_at, error, receipt, settled_at
FROM deliveries_before;

DROP TABLE deliveries_before;

DROP TABLE events_before;

CREATE INDEX events_job ON events (job_id);

CREATE INDEX events_halted ON events (at) WHERE kind = 'job.halted';

CREATE UNIQUE INDEX deliveries_head ON deliveries (notifier, job_id)
WHERE due_at IS NOT NULL;

-- What the host tells of itself is one line.
CREATE UNIQUE INDEX deliveries_head_of_host ON deliveries (notifier)
WHERE due_at IS NOT NULL AND job_id IS NULL;

CREATE INDEX deliveries_due ON deliveries (notifier, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_open ON deliveries (notifier, state, job_id, event_seq)
WHERE settled_at IS NULL;

CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;

-- When the one who was asked is reminded; none once that was done.
ALTER TABLE approvals ADD COLUMN remind_at INTEGER;

CREATE INDEX approvals_reminder ON approvals (remind_at)
WHERE decision IS NULL AND remind_at IS NOT NULL;

-- The job that another one continues, and the one that it waits for.
ALTER TABLE jobs ADD COLUMN follows INTEGER REFERENCES jobs (id);

ALTER TABLE jobs ADD COLUMN behind INTEGER REFERENCES jobs (id) CHECK (
    behind IS NULL OR (phase = 'queued' AND due_at = 9223372036854775807)
);

CREATE INDEX jobs_behind ON jobs (behind) WHERE behind IS NOT NULL;

CREATE INDEX jobs_thread ON jobs (thread_id);

CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
