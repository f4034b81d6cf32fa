-- What a step had worked when it was stopped, as it was booked: once, until a
-- person is asked and the step may begin anew.
ALTER TABLE steps ADD COLUMN stopped_ms INTEGER CHECK (stopped_ms IS NULL OR stopped_ms >= 0);
