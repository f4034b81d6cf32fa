-- Whether it ran, or took the place of one that did: jobs count on it also while
-- it lacks a grant, until a person disables it.
ALTER TABLE plugins ADD COLUMN ran INTEGER NOT NULL DEFAULT 0 CHECK (ran IN (0, 1));

UPDATE plugins SET ran = 1 WHERE enabled = 1 OR previous_version IS NOT NULL;
