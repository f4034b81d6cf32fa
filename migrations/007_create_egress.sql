-- What runs wanted of the outside: hosts they were refused, which are questions
-- to a person; the answers; and every connection, whatever became of it.

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

-- Answers are never changed: the newest that fits a host and a port counts.
CREATE TABLE egress_rulings (
    id INTEGER PRIMARY KEY,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    run_id INTEGER REFERENCES runs (id),
    scope TEXT NOT NULL CHECK (scope IN ('run', 'job', 'project')),
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
        outcome IN ('closed', 'refused', 'failed', 'cut', 'abandoned')
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
