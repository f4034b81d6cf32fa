-- Why a step's agent was stopped to be told to go on: once until the step begins
-- anew, and written before it is stopped.
ALTER TABLE steps ADD COLUMN nudged TEXT CHECK (nudged IS NULL OR nudged <> '');
