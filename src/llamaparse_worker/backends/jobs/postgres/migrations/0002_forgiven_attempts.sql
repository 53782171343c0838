-- Attempts of the time before a job was reopened: they keep their numbers and do not count against the limit.
ALTER TABLE jobs ADD COLUMN forgiven integer NOT NULL DEFAULT 0 CHECK (forgiven >= 0);
