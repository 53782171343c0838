-- Page ranges that a large job is split into, each the work of one worker at a time. The table of this name was never
-- written to. A job waits for its ranges as long as it is RUNNING under the token that they have in ``split``.
DROP TABLE page_ranges;
CREATE TABLE page_ranges (
    job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    first_page integer NOT NULL CHECK (first_page >= 1),
    last_page integer NOT NULL CHECK (last_page >= first_page),
    split text NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED')),
    attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    lease_token text,
    lease_until timestamptz,
    next_run_at timestamptz,
    publish_by timestamptz,
    pages_done integer NOT NULL DEFAULT 0,
    pages_failed integer NOT NULL DEFAULT 0,
    page_errors jsonb NOT NULL DEFAULT '[]',
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, first_page),
    CHECK ((status = 'RUNNING') = (lease_token IS NOT NULL AND lease_until IS NOT NULL))
);

CREATE INDEX page_ranges_running ON page_ranges (lease_until) WHERE status = 'RUNNING';
CREATE INDEX page_ranges_waiting ON page_ranges (next_run_at) WHERE status = 'PENDING' AND next_run_at IS NOT NULL;
CREATE INDEX page_ranges_unpublished ON page_ranges (publish_by) WHERE status = 'PENDING' AND publish_by IS NOT NULL;
