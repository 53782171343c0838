-- From when anybody may write the dead letter that a FAILED job owes; NULL where it owes none. Without a check on the
-- status: a worker of the version before, which reopens such a job, does not know this column.
ALTER TABLE jobs ADD COLUMN bury_at real;
CREATE INDEX jobs_owing ON jobs (bury_at) WHERE status = 'FAILED' AND bury_at IS NOT NULL;

-- For the jobs that a tenant has running, and those that wait because of that.
CREATE INDEX jobs_of_tenant ON jobs (tenant, status) WHERE tenant IS NOT NULL AND status IN ('PENDING', 'RUNNING');
