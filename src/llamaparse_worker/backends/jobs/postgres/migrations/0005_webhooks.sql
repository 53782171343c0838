-- What webhooks are owed: a row for each call, written with its event. Address, headers and secret stay in the body of the
-- job, which is the message. call_at: from when anybody may call; NULL once the call was answered or given up.
CREATE TABLE webhook_calls (
    event_id text NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    position integer NOT NULL CHECK (position >= 0),
    job_id text NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    host text NOT NULL,
    event text NOT NULL,
    body bytea NOT NULL,
    tries integer NOT NULL DEFAULT 0,
    call_at timestamptz,
    answered boolean,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (event_id, position),
    CHECK ((call_at IS NULL) = (answered IS NOT NULL))
);

CREATE INDEX webhook_calls_waiting ON webhook_calls (call_at) WHERE call_at IS NOT NULL;
CREATE INDEX webhook_calls_of_job ON webhook_calls (job_id);
