-- Plugins people install, what happened to them, what they keep, and the two
-- queues at their edges: events that come in and deliveries that go out.
--
-- Both queues keep order by a head: of all that wait in one line (a source's
-- events, a job's deliveries to one notifier) exactly the first has `due_at`,
-- and the next gets it when the first is settled. So what is due is found in
-- an index with one row per line, however long the lines are.

-- A notifier's delivery takes its place: nobody read this table.
DROP TABLE outbox;

-- Numbers up to these may have been given out; see `numbers.rs`.
INSERT INTO meta (key, value) VALUES
    ('store.reserved_job', 0),
    ('store.reserved_event', 0),
    ('store.reserved_chat', 0);

CREATE TABLE plugins (
    name TEXT PRIMARY KEY CHECK (name <> ''),
    version TEXT NOT NULL CHECK (version <> ''),
    -- SHA-256 of the component in lower-case hexadecimal.
    digest TEXT NOT NULL CHECK (length(digest) = 64),
    source TEXT NOT NULL,
    -- What was signed by whom, as text; kept also when nobody trusts the key yet.
    signature TEXT CHECK (length(signature) <= 16384),
    signed_by TEXT CHECK (signed_by IS NULL OR signature IS NOT NULL),
    manifest TEXT NOT NULL CHECK (json_valid(manifest)),
    previous_version TEXT,
    previous_digest TEXT CHECK (
        (previous_digest IS NULL) = (previous_version IS NULL)
        AND previous_digest <> digest
    ),
    previous_source TEXT CHECK ((previous_source IS NULL) = (previous_version IS NULL)),
    previous_signature TEXT CHECK (previous_signature IS NULL OR previous_version IS NOT NULL),
    previous_signed_by TEXT CHECK (
        previous_signed_by IS NULL OR previous_signature IS NOT NULL
    ),
    previous_manifest TEXT CHECK ((previous_manifest IS NULL) = (previous_version IS NULL)),
    -- One grant, whichever version runs.
    granted TEXT NOT NULL CHECK (json_valid(granted)),
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    disabled_why TEXT CHECK ((disabled_why IS NULL) = (enabled = 1)),
    -- The person who disabled it; what a grant mends is nobody's decision.
    disabled_by TEXT CHECK (disabled_by IS NULL OR (disabled_by <> '' AND enabled = 0)),
    installed_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL CHECK (changed_at >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL CHECK (actor <> ''),
    action TEXT NOT NULL CHECK (action <> ''),
    subject TEXT NOT NULL CHECK (subject <> ''),
    detail TEXT NOT NULL CHECK (json_valid(detail))
) STRICT;

CREATE INDEX audit_action ON audit (action);

CREATE INDEX audit_subject ON audit (subject, action);

CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;

CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log only grows');
END;

-- Keys are bytes, so that their order and their length are those of bytes.
CREATE TABLE plugin_kv (
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    key BLOB NOT NULL CHECK (length(key) BETWEEN 1 AND 256),
    value BLOB NOT NULL CHECK (length(value) <= 65536),
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;

-- What a plugin's keys and values add up to, kept with each change.
CREATE TABLE plugin_kv_sizes (
    plugin TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_events (
    id INTEGER PRIMARY KEY,
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    source TEXT NOT NULL CHECK (source <> ''),
    -- What makes a repeated delivery the same one, and until when it does.
    delivery BLOB CHECK (length(delivery) = 32),
    forget_at INTEGER CHECK (forget_at IS NULL OR delivery IS NOT NULL),
    -- Whether it waits for those of its source that came before it.
    in_line INTEGER NOT NULL CHECK (in_line IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'parked', 'dropped')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    attempts_before_retry INTEGER NOT NULL DEFAULT 0 CHECK (
        attempts_before_retry BETWEEN 0 AND attempts
    ),
    not_before INTEGER CHECK ((not_before IS NOT NULL) = (state = 'pending')),
    due_at INTEGER CHECK (due_at IS NULL OR (state = 'pending' AND due_at = not_before)),
    error TEXT CHECK (error IS NOT NULL OR state NOT IN ('parked', 'dropped')),
    received_at INTEGER NOT NULL,
    settled_at INTEGER CHECK ((settled_at IS NOT NULL) = (state IN ('done', 'dropped'))),
    -- What it says is kept for as long as somebody may still have to read it.
    -- It comes last, so that looking at the rest does not walk through it.
    sender TEXT CHECK (
        sender IS NULL OR (json_valid(sender) AND state IN ('pending', 'parked'))
    ),
    payload BLOB CHECK ((payload IS NOT NULL) = (state IN ('pending', 'parked')))
) STRICT;

CREATE UNIQUE INDEX plugin_events_delivery ON plugin_events (plugin, source, delivery)
WHERE delivery IS NOT NULL;

CREATE UNIQUE INDEX plugin_events_head ON plugin_events (plugin, source)
WHERE due_at IS NOT NULL AND in_line = 1;

CREATE INDEX plugin_events_due ON plugin_events (plugin, due_at)
WHERE due_at IS NOT NULL;

CREATE INDEX plugin_events_open ON plugin_events (plugin, state, source)
WHERE settled_at IS NULL;

CREATE INDEX plugin_events_settled ON plugin_events (settled_at)
WHERE settled_at IS NOT NULL;

-- How far a source came, such as a timer's last tick.
CREATE TABLE plugin_cursors (
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    source TEXT NOT NULL CHECK (source <> ''),
    cursor TEXT NOT NULL CHECK (json_valid(cursor)),
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (plugin, source)
) STRICT, WITHOUT ROWID;

-- Which kinds of events each running notifier is told: a kind, or the
-- beginning of kinds and an asterisk.
CREATE TABLE subscriptions (
    notifier TEXT NOT NULL CHECK (notifier <> ''),
    kind TEXT NOT NULL CHECK (kind <> '' AND kind NOT GLOB '*[^a-z0-9_.*]*'),
    PRIMARY KEY (notifier, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE deliveries (
    notifier TEXT NOT NULL CHECK (notifier <> ''),
    event_seq INTEGER NOT NULL REFERENCES events (seq),
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    state TEXT NOT NULL CHECK (state IN ('pending', 'done', 'parked', 'dropped')),
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

CREATE UNIQUE INDEX deliveries_head ON deliveries (notifier, job_id)
WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_due ON deliveries (notifier, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_open ON deliveries (notifier, state, job_id, event_seq)
WHERE settled_at IS NULL;

CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;

-- Messages that plugins sent, by the number they know them by.
CREATE TABLE chat_messages (
    number INTEGER PRIMARY KEY,
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    source TEXT NOT NULL CHECK (source <> ''),
    chat TEXT NOT NULL CHECK (chat <> ''),
    thread TEXT,
    -- The service's id of it; none until it was sent.
    service_id TEXT,
    queued_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX chat_messages_service ON chat_messages (source, chat, service_id)
WHERE service_id IS NOT NULL;

-- What a chat source still has to do, in order; what it did leaves no row.
CREATE TABLE chat_outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    source TEXT NOT NULL CHECK (source <> ''),
    kind TEXT NOT NULL CHECK (kind IN ('send', 'edit', 'remove', 'ack')),
    number INTEGER REFERENCES chat_messages (number) CHECK ((number IS NULL) = (kind = 'ack')),
    body TEXT CHECK (
        (body IS NULL) = (kind = 'remove') AND (body IS NULL OR json_valid(body))
    ),
    state TEXT NOT NULL CHECK (state IN ('pending', 'parked')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    not_before INTEGER CHECK ((not_before IS NOT NULL) = (state = 'pending')),
    error TEXT CHECK (error IS NOT NULL OR state = 'pending'),
    queued_at INTEGER NOT NULL
) STRICT;

CREATE INDEX chat_outbox_source ON chat_outbox (source, state);

CREATE INDEX chat_outbox_message ON chat_outbox (number) WHERE number IS NOT NULL;
