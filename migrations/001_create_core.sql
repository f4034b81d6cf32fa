-- Who owns what, and the jobs.
--
-- Times are milliseconds since 1970-01-01T00:00:00Z, money is millionths of a
-- US dollar. A job's row holds what moves; what was asked for never changes
-- and is a row of its own, so that a move never rewrites a long task.

CREATE TABLE tenants (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE CHECK (name <> '')
) STRICT;

INSERT INTO tenants (id, name) VALUES (1, 'default');

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('store.last_token', 0);

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

-- The closed set of reasons; the host adds those it knows when it starts.
CREATE TABLE halt_reasons (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    thread_id INTEGER NOT NULL REFERENCES threads (id),
    project_id INTEGER NOT NULL REFERENCES projects (id),
    phase TEXT NOT NULL CHECK (
        phase IN (
            'queued', 'running', 'awaiting_approval', 'needs_review',
            'approved', 'rejected', 'succeeded', 'failed', 'cancelled', 'halted'
        )
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
        = (phase IN ('rejected', 'succeeded', 'failed', 'cancelled', 'halted'))
    ),
    CHECK (phase <> 'running' OR attempts > 0)
) STRICT;

-- What is claimed next: holds the jobs that wait for a place and no others, so
-- that its size does not grow with what is done.
CREATE INDEX jobs_due ON jobs (phase, project_id, due_at) WHERE due_at IS NOT NULL;

-- Listings and counts by phase and project; the id is its last column anyway.
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
