-- The schema that the migrations add up to; a test holds them equal.
-- After a new migration: SORTIE_WRITE_SCHEMA=1 cargo test -p sortie-store schema

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> '')
) STRICT;

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE projects (
    id INTEGER PRIMARY KEY,
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    name TEXT NOT NULL CHECK (name <> ''),
    repository TEXT NOT NULL,
    base_branch TEXT,
    policy TEXT NOT NULL CHECK (json_valid(policy)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    -- Set when the configuration no longer names it; its jobs stay.
    retired_at INTEGER,
    UNIQUE (tenant_id, name)
) STRICT;

CREATE TABLE threads (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE halt_reasons (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    thread_id INTEGER NOT NULL REFERENCES threads (id),
    project_id INTEGER NOT NULL REFERENCES projects (id),
    phase TEXT NOT NULL CHECK (
        phase = 'queued' OR phase = 'running' OR phase = 'awaiting_approval'
        OR phase = 'needs_review' OR phase = 'approved' OR phase = 'rejected'
        OR phase = 'succeeded' OR phase = 'failed' OR phase = 'cancelled'
        OR phase = 'halted'
    ),
    not_before INTEGER CHECK (not_before IS NULL OR phase = 'queued'),
    -- Since when, or from when on, it waits for a place.
    due_at INTEGER CHECK (
        (due_at IS NOT NULL) = (phase IN ('queued', 'approved'))
        AND (not_before IS NULL OR due_at = not_before)
    ),
    halt_reason TEXT REFERENCES halt_reasons (name) CHECK (
        (halt_reason IS NOT NULL) = (phase = 'halted')
    ),
    detail TEXT CHECK ((detail IS NOT NULL) = (phase IN ('failed', 'halted'))),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    attempts_before_retry INTEGER NOT NULL DEFAULT 0 CHECK (
        attempts_before_retry BETWEEN 0 AND attempts
    ),
    branch TEXT,
    head_commit TEXT,
    published_branch TEXT,
    published_commit TEXT CHECK (
        (published_commit IS NULL) = (published_branch IS NULL)
    ),
    summary TEXT,
    error TEXT,
    used_calls INTEGER NOT NULL DEFAULT 0 CHECK (used_calls >= 0),
    used_cost_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (used_cost_micro_usd >= 0),
    used_time_ms INTEGER NOT NULL DEFAULT 0 CHECK (used_time_ms >= 0),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    finished_at INTEGER CHECK (
        (finished_at IS NOT NULL)
        = (
            phase = 'rejected' OR phase = 'succeeded' OR phase = 'failed'
            OR phase = 'cancelled' OR phase = 'halted'
        )
    ), start TEXT NOT NULL DEFAULT 'base' CHECK (
    start = 'base' OR start = 'continue' OR start = 'publish'
), start_base TEXT CHECK (
    (start_base IS NOT NULL) = (start <> 'base')
), start_commit TEXT CHECK (
    (start_commit IS NULL) = (start_base IS NULL)
), follows INTEGER REFERENCES jobs (id), behind INTEGER REFERENCES jobs (id) CHECK (
    behind IS NULL OR (phase = 'queued' AND due_at = 9223372036854775807)
),
    CHECK (phase <> 'running' OR attempts > 0)
) STRICT;

CREATE INDEX jobs_due ON jobs (phase, project_id, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX jobs_place ON jobs (phase, project_id);

CREATE TABLE requests (
    job_id INTEGER PRIMARY KEY REFERENCES jobs (id),
    repository TEXT NOT NULL,
    base_branch TEXT,
    task TEXT NOT NULL CHECK (task <> ''),
    policy TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    via TEXT NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
    tenant_id INTEGER NOT NULL REFERENCES tenants (id),
    key TEXT NOT NULL CHECK (key <> ''),
    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    phase TEXT NOT NULL CHECK (
        phase = 'leased' OR phase = 'preparing' OR phase = 'executing'
        OR phase = 'publishing' OR phase = 'parked' OR phase = 'finished'
    ),
    -- The newest lease's token. The end of a lease takes a new one too, so that
    -- an equal token is all that a write has to show.
    token INTEGER NOT NULL CHECK (token > 0),
    base_commit TEXT,
    head_commit TEXT,
    branch TEXT,
    limit_calls INTEGER,
    limit_cost_micro_usd INTEGER,
    limit_time_ms INTEGER,
    used_calls INTEGER NOT NULL DEFAULT 0 CHECK (used_calls >= 0),
    used_cost_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (used_cost_micro_usd >= 0),
    used_time_ms INTEGER NOT NULL DEFAULT 0 CHECK (used_time_ms >= 0),
    error TEXT,
    started_at INTEGER NOT NULL,
    finished_at INTEGER CHECK ((finished_at IS NOT NULL) = (phase = 'finished')), stop TEXT CHECK (
    stop IS NULL OR (phase <> 'parked' AND json_valid(stop))
),
    UNIQUE (job_id, attempt),
    CHECK (
        (limit_calls IS NULL) = (limit_cost_micro_usd IS NULL)
        AND (limit_calls IS NULL) = (limit_time_ms IS NULL)
    ),
    CHECK ((base_commit IS NULL) = (branch IS NULL)),
    CHECK ((base_commit IS NULL) = (limit_calls IS NULL))
) STRICT;

CREATE UNIQUE INDEX runs_open ON runs (job_id) WHERE finished_at IS NULL;

CREATE TABLE decisions (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    number INTEGER NOT NULL CHECK (number >= 0),
    decision TEXT NOT NULL CHECK (json_valid(decision)),
    state BLOB NOT NULL,
    decided_at INTEGER NOT NULL,
    UNIQUE (run_id, number)
) STRICT;

CREATE TABLE steps (
    run_id INTEGER NOT NULL REFERENCES runs (id),
    position INTEGER NOT NULL CHECK (position >= 0),
    decision INTEGER NOT NULL,
    name TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('pending', 'done')),
    action TEXT NOT NULL CHECK (json_valid(action)),
    outcome TEXT CHECK (
        (outcome IS NOT NULL) = (phase = 'done')
        AND (outcome IS NULL OR json_valid(outcome))
    ),
    started_at INTEGER NOT NULL,
    finished_at INTEGER CHECK ((finished_at IS NOT NULL) = (phase = 'done')), stopped_ms INTEGER CHECK (stopped_ms IS NULL OR stopped_ms >= 0), nudged TEXT CHECK (nudged IS NULL OR nudged <> ''),
    UNIQUE (run_id, position),
    FOREIGN KEY (run_id, decision) REFERENCES decisions (run_id, number)
) STRICT;

CREATE TABLE scans (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    commit_id TEXT NOT NULL,
    worst TEXT CHECK (
        worst = 'info' OR worst = 'warn' OR worst = 'block'
    ),
    scanners TEXT NOT NULL CHECK (json_valid(scanners)),
    scanned_at INTEGER NOT NULL
) STRICT;

CREATE INDEX scans_run ON scans (run_id);

CREATE TABLE findings (
    id INTEGER PRIMARY KEY,
    scan_id INTEGER NOT NULL REFERENCES scans (id),
    scanner TEXT NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (
        severity = 'info' OR severity = 'warn' OR severity = 'block'
    ),
    path TEXT,
    line INTEGER CHECK ((line IS NULL) = (path IS NULL)),
    side TEXT CHECK (side IN ('old', 'new') AND (side IS NULL) = (path IS NULL)),
    message TEXT NOT NULL,
    evidence TEXT NOT NULL,
    fingerprint TEXT NOT NULL
) STRICT;

CREATE INDEX findings_scan ON findings (scan_id);

CREATE TABLE artifacts (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    created_at INTEGER NOT NULL,
    FOREIGN KEY (run_id, position) REFERENCES steps (run_id, position)
) STRICT;

CREATE INDEX artifacts_run ON artifacts (run_id);

CREATE TABLE usage (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    calls INTEGER NOT NULL CHECK (calls >= 0),
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0),
    time_ms INTEGER NOT NULL CHECK (time_ms >= 0),
    booked_at INTEGER NOT NULL
, position INTEGER) STRICT;

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
, ran INTEGER NOT NULL DEFAULT 0 CHECK (ran IN (0, 1))) STRICT, WITHOUT ROWID;

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

CREATE TABLE plugin_kv (
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    key BLOB NOT NULL CHECK (length(key) BETWEEN 1 AND 256),
    value BLOB NOT NULL CHECK (length(value) <= 65536),
    PRIMARY KEY (plugin, key)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE plugin_cursors (
    plugin TEXT NOT NULL CHECK (plugin <> ''),
    source TEXT NOT NULL CHECK (source <> ''),
    cursor TEXT NOT NULL CHECK (json_valid(cursor)),
    moved_at INTEGER NOT NULL,
    PRIMARY KEY (plugin, source)
) STRICT, WITHOUT ROWID;

CREATE TABLE subscriptions (
    notifier TEXT NOT NULL CHECK (notifier <> ''),
    kind TEXT NOT NULL CHECK (kind <> '' AND kind NOT GLOB '*[^a-z0-9_.*]*'),
    PRIMARY KEY (notifier, kind)
) STRICT, WITHOUT ROWID;

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

CREATE TABLE approvals (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    run_id INTEGER NOT NULL REFERENCES runs (id),
    step TEXT NOT NULL,
    question TEXT NOT NULL,
    commit_id TEXT,
    decision TEXT CHECK (
        decision = 'approved' OR decision = 'rejected' OR decision = 'expired'
        OR decision = 'withdrawn'
    ),
    decided_by TEXT CHECK (
        (decided_by IS NOT NULL) = (decision IS NOT NULL AND decision <> 'expired')
    ),
    decided_via TEXT CHECK ((decided_via IS NULL) = (decided_by IS NULL)),
    comment TEXT CHECK (comment IS NULL OR decision IS NOT NULL),
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER CHECK ((decided_at IS NULL) = (decision IS NULL))
, subject TEXT NOT NULL DEFAULT 'gate' CHECK (
    subject = 'gate' OR subject = 'review' OR subject = 'budget'
), budget_raise TEXT CHECK (
    (budget_raise IS NOT NULL) = (subject = 'budget')
    AND (budget_raise IS NULL OR json_valid(budget_raise))
), remind_at INTEGER) STRICT;

CREATE INDEX approvals_job ON approvals (job_id);

CREATE UNIQUE INDEX approvals_open ON approvals (job_id) WHERE decision IS NULL;

CREATE INDEX approvals_expiry ON approvals (expires_at) WHERE decision IS NULL;

CREATE TABLE model_calls (
    id INTEGER PRIMARY KEY,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    -- The lease that reserved. It settles, whoever holds the run by then: the
    -- money was spent under it.
    token INTEGER NOT NULL CHECK (token > 0),
    -- The step that was under way.
    position INTEGER,
    provider TEXT NOT NULL CHECK (provider <> ''),
    model TEXT NOT NULL CHECK (model <> ''),
    api TEXT NOT NULL CHECK (
        api = 'chat-completions' OR api = 'responses' OR api = 'messages'
        OR api = 'embeddings'
    ),
    role TEXT NOT NULL CHECK (role <> ''),
    -- settled: as the provider reported. assumed: no usable report came, so the
    -- reservation is what it cost. released: it was never made, or refused.
    state TEXT NOT NULL CHECK (
        state = 'open' OR state = 'settled' OR state = 'assumed'
        OR state = 'released'
    ),
    -- Whether the report was over the worst case, or unusable.
    flag TEXT CHECK (
        flag IS NULL OR (flag = 'over' AND state = 'settled')
        OR (flag = 'unusable' AND state = 'assumed')
    ),
    day INTEGER NOT NULL,
    reserved_micro_usd INTEGER NOT NULL CHECK (reserved_micro_usd >= 0),
    cost_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (
        cost_micro_usd >= 0
        AND (cost_micro_usd = 0 OR state IN ('settled', 'assumed'))
        AND (state <> 'assumed' OR cost_micro_usd = reserved_micro_usd)
    ),
    input_tokens INTEGER CHECK (input_tokens >= 0),
    output_tokens INTEGER CHECK (output_tokens >= 0),
    cache_read_tokens INTEGER CHECK (cache_read_tokens >= 0),
    cache_write_tokens INTEGER CHECK (cache_write_tokens >= 0),
    status INTEGER CHECK (status BETWEEN 100 AND 999),
    error TEXT,
    first_byte_ms INTEGER CHECK (first_byte_ms >= 0),
    duration_ms INTEGER CHECK (duration_ms >= 0),
    reserved_at INTEGER NOT NULL,
    settled_at INTEGER CHECK ((settled_at IS NULL) = (state = 'open')),
    CHECK ((input_tokens IS NOT NULL) = (state = 'settled')),
    CHECK ((input_tokens IS NULL) = (output_tokens IS NULL)),
    CHECK ((input_tokens IS NULL) = (cache_read_tokens IS NULL)),
    CHECK ((input_tokens IS NULL) = (cache_write_tokens IS NULL)),
    FOREIGN KEY (run_id, position) REFERENCES steps (run_id, position)
) STRICT;

CREATE INDEX model_calls_run ON model_calls (run_id);

CREATE INDEX model_calls_at ON model_calls (reserved_at);

CREATE INDEX model_calls_open ON model_calls (run_id, reserved_micro_usd) WHERE state = 'open';

CREATE TABLE model_days (
    day INTEGER NOT NULL,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    cost_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (cost_micro_usd >= 0),
    reserved_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (reserved_micro_usd >= 0),
    PRIMARY KEY (day, project_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX usage_step ON usage (run_id, position) WHERE position IS NOT NULL;

CREATE TABLE egress_asks (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    run_id INTEGER NOT NULL REFERENCES runs (id),
    host TEXT NOT NULL CHECK (host <> ''),
    port INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    reason TEXT NOT NULL CHECK (reason <> ''),
    asked_at INTEGER NOT NULL,
    UNIQUE (job_id, host, port)
) STRICT;

CREATE TABLE egress_rulings (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    run_id INTEGER REFERENCES runs (id),
    scope TEXT NOT NULL CHECK (
        scope = 'run' OR scope = 'job' OR scope = 'project'
    ),
    allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
    host TEXT NOT NULL CHECK (host <> ''),
    port INTEGER CHECK (port BETWEEN 1 AND 65535),
    decided_by TEXT NOT NULL,
    decided_via TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    CHECK ((run_id IS NOT NULL) = (scope = 'run'))
) STRICT;

CREATE INDEX egress_rulings_job ON egress_rulings (job_id) WHERE scope <> 'project';

CREATE INDEX egress_rulings_project ON egress_rulings (project_id) WHERE scope = 'project';

CREATE TABLE egress_connections (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    run_id INTEGER NOT NULL REFERENCES runs (id),
    method TEXT NOT NULL,
    -- Empty, and port 0, for a request that named no host.
    host TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    address TEXT,
    outcome TEXT NOT NULL CHECK (
        outcome = 'closed' OR outcome = 'refused' OR outcome = 'failed'
        OR outcome = 'cut' OR outcome = 'abandoned'
    ),
    reason TEXT,
    detail TEXT,
    up_bytes INTEGER NOT NULL CHECK (up_bytes >= 0),
    down_bytes INTEGER NOT NULL CHECK (down_bytes >= 0),
    elapsed_ms INTEGER NOT NULL CHECK (elapsed_ms >= 0),
    ended_at INTEGER NOT NULL
) STRICT;

CREATE INDEX egress_connections_run ON egress_connections (run_id);

CREATE INDEX egress_connections_job ON egress_connections (job_id);

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
    changed_at INTEGER NOT NULL, shut INTEGER NOT NULL DEFAULT 0 CHECK (
    shut = 0 OR (shut = 1 AND admitted = 0)
), strange_at INTEGER,
    PRIMARY KEY (source, chat),
    CHECK ((quiet_from IS NULL) = (quiet_to IS NULL))
) STRICT, WITHOUT ROWID;

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
    -- Since when it may have been sent, and the highest message number before. A
    -- number without a time permits to send it without a note of the time.
    begun_at INTEGER,
    floor INTEGER CHECK (floor IS NOT NULL OR begun_at IS NULL)
) STRICT;

CREATE INDEX chat_outbox_source ON chat_outbox (source, state);

CREATE INDEX chat_outbox_message ON chat_outbox (number) WHERE number IS NOT NULL;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    job_id INTEGER REFERENCES jobs (id),
    kind TEXT NOT NULL CHECK (kind <> ''),
    data TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

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

CREATE INDEX events_job ON events (job_id);

CREATE INDEX events_halted ON events (at) WHERE kind = 'job.halted';

CREATE UNIQUE INDEX deliveries_head ON deliveries (notifier, job_id)
WHERE due_at IS NOT NULL;

CREATE UNIQUE INDEX deliveries_head_of_host ON deliveries (notifier)
WHERE due_at IS NOT NULL AND job_id IS NULL;

CREATE INDEX deliveries_due ON deliveries (notifier, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX deliveries_open ON deliveries (notifier, state, job_id, event_seq)
WHERE settled_at IS NULL;

CREATE INDEX deliveries_settled ON deliveries (settled_at) WHERE settled_at IS NOT NULL;

CREATE INDEX approvals_reminder ON approvals (remind_at)
WHERE decision IS NULL AND remind_at IS NOT NULL;

CREATE INDEX jobs_behind ON jobs (behind) WHERE behind IS NOT NULL;

CREATE INDEX jobs_thread ON jobs (thread_id);

CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX chat_outbox_floor ON chat_outbox (source, state) WHERE floor IS NOT NULL;

CREATE INDEX chat_outbox_sends ON chat_outbox (source, state) WHERE kind = 'send';

CREATE INDEX chats_strange ON chats (source, strange_at) WHERE strange_at IS NOT NULL;
