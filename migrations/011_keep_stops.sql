-- Why the run is to stop, as the engine's JSON: kept before anything of the run
-- is taken away, and until a person is asked instead.
ALTER TABLE runs ADD COLUMN stop TEXT CHECK (
    stop IS NULL OR (phase <> 'parked' AND json_valid(stop))
);
