-- Why a step's agent was stopped to be told to go on: once in the life of the
-- step, and written before it is stopped.
ALTER TABLE steps ADD COLUMN nudged TEXT CHECK (nudged IS NULL OR nudged <> '');
