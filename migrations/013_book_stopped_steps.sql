-- What a step had worked when it was stopped, as it was booked: once, until a
-- person is asked and the step may begin anew.
ALTER TABLE steps ADD COLUMN stopped_ms INTEGER CHECK (stopped_ms IS NULL OR stopped_ms >= 0);

-- Of a run that was stopped before, an older host has booked what its steps
-- worked.
UPDATE steps SET stopped_ms = 0
    WHERE phase = 'pending' AND run_id IN (SELECT id FROM runs WHERE stop IS NOT NULL);
