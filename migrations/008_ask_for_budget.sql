-- A question may be about a gate, about findings, or about raising a budget.

ALTER TABLE approvals ADD COLUMN subject TEXT NOT NULL DEFAULT 'gate' CHECK (
    subject IN ('gate', 'review', 'budget')
);

-- What is used up, and what a yes adds: calls, cost_micro_usd and time_ms.
ALTER TABLE approvals ADD COLUMN budget_raise TEXT CHECK (
    (budget_raise IS NOT NULL) = (subject = 'budget')
    AND (budget_raise IS NULL OR json_valid(budget_raise))
);

UPDATE approvals SET subject = 'review' WHERE decision IS NULL
    AND job_id IN (SELECT id FROM jobs WHERE phase = 'needs_review');

-- Where the next run of a job begins: at the base, or with the work of an
-- earlier run, to go on with it or to publish it.
ALTER TABLE jobs ADD COLUMN start TEXT NOT NULL DEFAULT 'base' CHECK (
    start IN ('base', 'continue', 'publish')
);
ALTER TABLE jobs ADD COLUMN start_base TEXT CHECK (
    (start_base IS NOT NULL) = (start <> 'base')
);
ALTER TABLE jobs ADD COLUMN start_commit TEXT CHECK (
    (start_commit IS NULL) = (start_base IS NULL)
);
