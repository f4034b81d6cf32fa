-- A question about a job that was cancelled is closed by a decision like any
-- other, with who made it and when, instead of a mark beside the decisions.

ALTER TABLE approvals RENAME TO approvals_before;

CREATE TABLE approvals (
    id INTEGER PRIMARY KEY,
    job_id INTEGER NOT NULL REFERENCES jobs (id),
    run_id INTEGER NOT NULL REFERENCES runs (id),
    step TEXT NOT NULL,
    question TEXT NOT NULL,
    commit_id TEXT,
    decision TEXT CHECK (decision IN ('approved', 'rejected', 'expired', 'withdrawn')),
    decided_by TEXT CHECK (
        (decided_by IS NOT NULL) = (decision IS NOT NULL AND decision <> 'expired')
    ),
    decided_via TEXT CHECK ((decided_via IS NULL) = (decided_by IS NULL)),
    comment TEXT CHECK (comment IS NULL OR decision IS NOT NULL),
    asked_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    decided_at INTEGER CHECK ((decided_at IS NULL) = (decision IS NULL))
) STRICT;

-- Who cancelled was told by the event of the same moment.
INSERT INTO approvals
SELECT
    a.id, a.job_id, a.run_id, a.step, a.question, a.commit_id,
    iif(a.withdrawn_at IS NULL, a.decision, 'withdrawn'),
    iif(a.withdrawn_at IS NULL, a.decided_by, coalesce(e.data ->> 'by', 'unknown')),
    iif(a.withdrawn_at IS NULL, a.decided_via, coalesce(e.data ->> 'via', 'unknown')),
    a.comment, a.asked_at, a.expires_at,
    coalesce(a.withdrawn_at, a.decided_at)
FROM approvals_before a
LEFT JOIN events e
    ON e.job_id = a.job_id AND e.kind = 'job.cancelled' AND e.at = a.withdrawn_at;

DROP TABLE approvals_before;

CREATE INDEX approvals_job ON approvals (job_id);

-- The open questions: one per job at most.
CREATE UNIQUE INDEX approvals_open ON approvals (job_id) WHERE decision IS NULL;

CREATE INDEX approvals_expiry ON approvals (expires_at) WHERE decision IS NULL;
