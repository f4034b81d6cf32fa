-- Calls to models. A row is a reservation before the call is made, and says
-- afterwards what came of it. What a project's day adds up to stands beside
-- them, so that a reservation reads two rows and not a day of calls.

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
        api IN ('chat-completions', 'responses', 'messages', 'embeddings')
    ),
    role TEXT NOT NULL CHECK (role <> ''),
    -- settled: as the provider reported. assumed: no usable report came, so the
    -- reservation is what it cost. released: it was never made, or refused.
    state TEXT NOT NULL CHECK (state IN ('open', 'settled', 'assumed', 'released')),
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

-- What is under way: few, however long the history is.
CREATE INDEX model_calls_open ON model_calls (run_id, reserved_micro_usd) WHERE state = 'open';

-- What a project's calls of a UTC day (days since 1970) cost, and what those
-- under way may still cost.
CREATE TABLE model_days (
    day INTEGER NOT NULL,
    project_id INTEGER NOT NULL REFERENCES projects (id),
    cost_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (cost_micro_usd >= 0),
    reserved_micro_usd INTEGER NOT NULL DEFAULT 0 CHECK (reserved_micro_usd >= 0),
    PRIMARY KEY (day, project_id)
) STRICT, WITHOUT ROWID;

-- Set where a booking belongs to a step and must not be made twice: the launch
-- of an agent.
ALTER TABLE usage ADD COLUMN position INTEGER;

CREATE UNIQUE INDEX usage_step ON usage (run_id, position) WHERE position IS NOT NULL;
