-- Times are seconds since 1970.
CREATE TABLE jobs (
    id text PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    attempt integer NOT NULL CHECK (attempt >= 0),
    lease_token text,
    lease_until real,
    next_run_at real,
    publish_by real,
    retry_reason text,
    body blob NOT NULL,
    headers text NOT NULL,
    source_kind text NOT NULL,
    source text NOT NULL,
    file_name text NOT NULL,
    output_prefix text NOT NULL,
    project text NOT NULL,
    tenant text,
    priority text NOT NULL,
    metadata text NOT NULL,
    pages_total integer NOT NULL DEFAULT 0,
    pages_done integer NOT NULL DEFAULT 0,
    pages_failed integer NOT NULL DEFAULT 0,
    page_errors text NOT NULL DEFAULT '[]',
    usage text NOT NULL DEFAULT '{}',
    result_prefix text,
    error_code text,
    error_message text,
    created_at real NOT NULL,
    updated_at real NOT NULL,
    CHECK ((status = 'RUNNING') = (lease_token IS NOT NULL AND lease_until IS NOT NULL)),
    CHECK (next_run_at IS NULL OR status = 'PENDING'),
    CHECK (publish_by IS NULL OR status = 'PENDING')
);

CREATE INDEX jobs_running ON jobs (lease_until) WHERE status = 'RUNNING';
CREATE INDEX jobs_waiting ON jobs (next_run_at) WHERE status = 'PENDING' AND next_run_at IS NOT NULL;
CREATE INDEX jobs_unpublished ON jobs (publish_by) WHERE status = 'PENDING' AND publish_by IS NOT NULL;
CREATE INDEX jobs_by_project ON jobs (project, created_at);

CREATE TABLE outbox (
    number integer PRIMARY KEY AUTOINCREMENT,
    id text NOT NULL UNIQUE,
    job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind text NOT NULL,
    body blob NOT NULL,
    created_at real NOT NULL,
    sent_at real
);

CREATE INDEX outbox_unsent ON outbox (number) WHERE sent_at IS NULL;
CREATE INDEX outbox_of_job ON outbox (job_id);

-- Page ranges of a large document, each the work of one worker at a time.
CREATE TABLE page_ranges (
    job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    first_page integer NOT NULL CHECK (first_page >= 1),
    last_page integer NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    attempt integer NOT NULL DEFAULT 0,
    lease_token text,
    lease_until real,
    next_run_at real,
    result_key text,
    error_code text,
    error_message text,
    created_at real NOT NULL,
    updated_at real NOT NULL,
    PRIMARY KEY (job_id, first_page),
    CHECK (last_page >= first_page)
);

CREATE INDEX page_ranges_running ON page_ranges (lease_until) WHERE status = 'RUNNING';

-- Finished pages that any later attempt may read instead of paying for them again.
CREATE TABLE page_checkpoints (
    job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    page integer NOT NULL CHECK (page >= 1),
    options_key text NOT NULL,
    object_key text NOT NULL,
    created_at real NOT NULL,
    expires_at real NOT NULL,
    PRIMARY KEY (job_id, page, options_key)
);

CREATE INDEX page_checkpoints_expiring ON page_checkpoints (expires_at);
