"""The statements of the job store, in the SQL that PostgreSQL and SQLite share.

Every write about a running job names its lease token and the status RUNNING: that is the fence.
"""

from __future__ import annotations

from typing import Final

SUBMIT: Final = """
INSERT INTO jobs (id, status, attempt, body, headers, source_kind, source, file_name, output_prefix, project, tenant,
    priority, metadata, publish_by, created_at, updated_at)
VALUES (:id, 'PENDING', 0, :body, :headers, :source_kind, :source, :file_name, :output_prefix, :project, :tenant,
    :priority, :metadata, now() + :publish_within, now(), now())
ON CONFLICT (id) DO NOTHING
"""

CLAIM: Final = """
INSERT INTO jobs (id, status, attempt, lease_token, lease_until, body, headers, source_kind, source, file_name,
    output_prefix, project, tenant, priority, metadata, created_at, updated_at)
VALUES (:id, 'RUNNING', 1, :token, now() + :lease, :body, :headers, :source_kind, :source, :file_name,
    :output_prefix, :project, :tenant, :priority, :metadata, now(), now())
ON CONFLICT (id) DO UPDATE SET
    status = 'RUNNING', attempt = jobs.attempt + 1, lease_token = :token, lease_until = now() + :lease,
    retry_reason = CASE WHEN jobs.status = 'RUNNING' THEN 'WORKER_LOST' ELSE jobs.retry_reason END,
    error_code = NULL, error_message = NULL, next_run_at = NULL, publish_by = NULL, updated_at = now()
WHERE jobs.attempt - jobs.forgiven < :max_attempts
    AND ((jobs.status = 'PENDING' AND (jobs.next_run_at IS NULL OR jobs.next_run_at <= now()))
        OR (jobs.status = 'RUNNING' AND jobs.lease_until <= now()))
RETURNING attempt, forgiven, pages_total, pages_done, pages_failed,
    coalesce(retry_reason, '') = 'WORKER_LOST' AS after_loss
"""

# Where this stands in one exclusive transaction with the claim, nobody else begins a job meanwhile.
TENANT: Final = """
SELECT
    (SELECT count(*) FROM jobs WHERE tenant = :tenant AND status = 'RUNNING' AND lease_until > now() AND id <> :id)
        AS running,
    (SELECT count(*) FROM jobs WHERE tenant = :tenant AND status = 'PENDING' AND next_run_at > now() AND id <> :id)
        AS waiting
"""

# The token names this wait, as after a release.
POSTPONE: Final = """
INSERT INTO jobs (id, status, attempt, lease_token, next_run_at, body, headers, source_kind, source, file_name,
    output_prefix, project, tenant, priority, metadata, created_at, updated_at)
VALUES (:id, 'PENDING', 0, :token, now() + :pause, :body, :headers, :source_kind, :source, :file_name,
    :output_prefix, :project, :tenant, :priority, :metadata, now(), now())
ON CONFLICT (id) DO UPDATE SET
    status = 'PENDING', lease_token = :token, lease_until = NULL, next_run_at = now() + :pause, publish_by = NULL,
    retry_reason = CASE WHEN jobs.status = 'RUNNING' THEN 'WORKER_LOST' ELSE jobs.retry_reason END, updated_at = now()
WHERE jobs.attempt - jobs.forgiven < :max_attempts
    AND ((jobs.status = 'PENDING' AND (jobs.next_run_at IS NULL OR jobs.next_run_at <= now()))
        OR (jobs.status = 'RUNNING' AND jobs.lease_until <= now()))
RETURNING id
"""

EXHAUST: Final = """
UPDATE jobs SET status = 'FAILED', error_code = :error_code, error_message = :error_message,
    bury_at = now(), lease_token = NULL, lease_until = NULL, next_run_at = NULL, publish_by = NULL, updated_at = now()
WHERE id = :id AND attempt - forgiven >= :max_attempts
    AND ((status = 'PENDING' AND (next_run_at IS NULL OR next_run_at <= now()))
        OR (status = 'RUNNING' AND lease_until <= now()))
RETURNING id, status, attempt, project, tenant, result_prefix, error_code, error_message,
    pages_total, pages_done, pages_failed, body
"""

STATUS: Final = "SELECT status FROM jobs WHERE id = :id"

RENEW: Final = """
UPDATE jobs SET lease_until = now() + :lease, updated_at = now(),
    pages_total = CASE WHEN :pages_total > 0 THEN :pages_total ELSE pages_total END,
    pages_done = CASE WHEN :pages_total > 0 THEN :pages_done ELSE pages_done END,
    pages_failed = CASE WHEN :pages_total > 0 THEN :pages_failed ELSE pages_failed END
WHERE id = :id AND lease_token = :token AND status = 'RUNNING'
RETURNING id
"""

FINISH: Final = """
UPDATE jobs SET status = :status, result_prefix = :result_prefix, error_code = :error_code,
    error_message = :error_message, pages_total = :pages_total, pages_done = :pages_done, pages_failed = :pages_failed,
    page_errors = :page_errors, usage = :usage, bury_at = CASE WHEN :owes_letter THEN now() END,
    lease_token = NULL, lease_until = NULL, updated_at = now()
WHERE id = :id AND lease_token = :token AND status = 'RUNNING'
RETURNING id
"""

# As after a release the token names the wait where the attempt, whose number comes again, does not.
RETRY_LATER: Final = """
UPDATE jobs SET status = 'PENDING', next_run_at = now() + :delay, retry_reason = :reason,
    attempt = CASE WHEN :charged THEN attempt ELSE attempt - 1 END,
    lease_token = CASE WHEN :charged THEN NULL ELSE lease_token END, lease_until = NULL, updated_at = now()
WHERE id = :id AND lease_token = :token AND status = 'RUNNING'
RETURNING id
"""

# The token stays and names this wait: see ``DueJob.released``. Without the status RUNNING it gives no right.
RELEASE: Final = """
UPDATE jobs SET status = 'PENDING', attempt = attempt - 1, publish_by = now() + :publish_within,
    lease_until = NULL, updated_at = now()
WHERE id = :id AND lease_token = :token AND status = 'RUNNING'
RETURNING id
"""

CANCEL: Final = """
INSERT INTO jobs (id, status, attempt, body, headers, source_kind, source, file_name, output_prefix, project,
    priority, metadata, created_at, updated_at)
VALUES (:id, 'CANCELLED', 0, :body, '{}', 'object', '', '', '', 'default', 'medium', '{}', now(), now())
ON CONFLICT (id) DO UPDATE SET status = 'CANCELLED', lease_token = NULL, lease_until = NULL, next_run_at = NULL,
    publish_by = NULL, updated_at = now(),
    pages_done = jobs.pages_done + (SELECT coalesce(sum(one.pages_done), 0) FROM page_ranges AS one
        WHERE one.job_id = jobs.id AND one.split = jobs.lease_token AND jobs.status = 'RUNNING'),
    pages_failed = jobs.pages_failed + (SELECT coalesce(sum(one.pages_failed), 0) FROM page_ranges AS one
        WHERE one.job_id = jobs.id AND one.split = jobs.lease_token AND jobs.status = 'RUNNING')
WHERE jobs.status IN ('PENDING', 'RUNNING')
RETURNING id, status, attempt, project, tenant, result_prefix, error_code, error_message,
    pages_total, pages_done, pages_failed, body
"""

REOPEN: Final = """
UPDATE jobs SET status = 'PENDING', forgiven = CASE WHEN status = 'FAILED' THEN attempt ELSE forgiven END,
    publish_by = now() + :publish_within, bury_at = NULL, retry_reason = NULL, result_prefix = NULL,
    error_code = NULL, error_message = NULL, page_errors = '[]', pages_total = 0, pages_done = 0, pages_failed = 0,
    updated_at = now()
WHERE id = :id AND (status = 'FAILED' OR (status = 'PENDING' AND next_run_at IS NULL))
RETURNING id, attempt, body, headers, coalesce(lease_token, '') AS released, priority
"""

GET: Final = """
SELECT id, status, attempt, project, tenant, file_name, output_prefix, created_at, updated_at, result_prefix,
    error_code, error_message, pages_total, page_errors, usage, next_run_at, lease_until, retry_reason,
    pages_done + (SELECT coalesce(sum(one.pages_done), 0) FROM page_ranges AS one
        WHERE one.job_id = jobs.id AND one.split = jobs.lease_token AND jobs.status = 'RUNNING') AS pages_done,
    pages_failed + (SELECT coalesce(sum(one.pages_failed), 0) FROM page_ranges AS one
        WHERE one.job_id = jobs.id AND one.split = jobs.lease_token AND jobs.status = 'RUNNING') AS pages_failed
FROM jobs WHERE id = :id
"""

# The condition stands twice: whoever waits for a claim of the row looks at the outer one again, and at no subquery.
DUE: Final = """
UPDATE jobs SET next_run_at = NULL, publish_by = now() + :publish_within, updated_at = now()
WHERE status = 'PENDING' AND (next_run_at <= now() OR publish_by <= now()) AND id IN (
    SELECT id FROM jobs WHERE status = 'PENDING' AND (next_run_at <= now() OR publish_by <= now())
    ORDER BY coalesce(next_run_at, publish_by), id LIMIT :limit
)
RETURNING id, attempt, body, headers, coalesce(lease_token, '') AS released, priority
"""

PUBLISHED: Final = """
UPDATE jobs SET publish_by = NULL, updated_at = now()
WHERE id = :id AND attempt = :attempt AND coalesce(lease_token, '') = :released AND status = 'PENDING'
"""

SWEEP: Final = """
UPDATE jobs SET status = 'PENDING', next_run_at = now(), retry_reason = 'WORKER_LOST',
    lease_token = NULL, lease_until = NULL, updated_at = now()
WHERE status = 'RUNNING' AND lease_until <= now()
RETURNING id
"""

# The condition stands twice: of two who take at once the second waits for the first, and looks at the row again.
OWED: Final = """
UPDATE jobs SET bury_at = now() + :bury_within
WHERE status = 'FAILED' AND bury_at <= now() AND id IN (
    SELECT id FROM jobs WHERE status = 'FAILED' AND bury_at <= now() ORDER BY bury_at, id LIMIT :limit
)
RETURNING id, attempt, attempt - forgiven AS charged, updated_at AS failed_at, error_code, error_message, body, headers
"""

BURIED: Final = "UPDATE jobs SET bury_at = NULL WHERE id = :id AND attempt = :attempt AND status = 'FAILED'"

ADD_EVENT: Final = """
INSERT INTO outbox (id, job_id, kind, body, created_at) VALUES (:id, :job_id, :kind, :body, now())
"""

# Follows another write, and happens only if that did: see ``Database.fetch_then``.
THEN_ADD_EVENT: Final = """
INSERT INTO outbox (id, job_id, kind, body, created_at) SELECT :event_id, :id, :event_kind, :event_body, now()
"""

UNSENT: Final = "SELECT id, kind, body FROM outbox WHERE sent_at IS NULL ORDER BY number LIMIT :limit"

# The ids follow, as the database's dialect lists them.
SENT: Final = "UPDATE outbox SET sent_at = now() WHERE sent_at IS NULL AND id IN"

ADD_CALL: Final = """
INSERT INTO webhook_calls (event_id, position, job_id, host, event, body, call_at, created_at)
VALUES (:event_id, :position, :job_id, :host, :event, :body, now(), now())
"""

# Of each host so many at most, and none of those left out: whoever does not answer keeps nobody else waiting. The
# condition stands twice, as above. The database's dialect lists the hosts.
OWED_CALLS: Final = """
UPDATE webhook_calls SET call_at = now() + :call_within
WHERE call_at <= now() AND (event_id, position) IN (
    SELECT event_id, position FROM (
        SELECT event_id, position, call_at,
            row_number() OVER (PARTITION BY host ORDER BY call_at, event_id, position) AS turn
        FROM webhook_calls WHERE call_at <= now() AND host NOT IN ({each})
    ) AS due WHERE turn <= :per_host ORDER BY call_at, event_id, position LIMIT :limit
)
RETURNING event_id, position, job_id, host, event, body, tries, now() - created_at AS age,
    (SELECT jobs.body FROM jobs WHERE jobs.id = webhook_calls.job_id) AS message
"""

CALL_LATER: Final = """
UPDATE webhook_calls SET tries = tries + 1, call_at = now() + :delay
WHERE event_id = :event_id AND position = :position AND tries = :tries AND call_at IS NOT NULL
"""

# That a call was answered is true whoever tells it; that it was given up only of the same try.
CALL_ENDED: Final = """
UPDATE webhook_calls SET tries = tries + 1, call_at = NULL, answered = :answered
WHERE event_id = :event_id AND position = :position AND (:answered OR (tries = :tries AND call_at IS NOT NULL))
"""

CALLS_WAITING: Final = "SELECT count(*) AS waiting FROM webhook_calls WHERE call_at IS NOT NULL"

# Of page ranges only those count whose job waits for them.
COUNTS: Final = """
SELECT
    (SELECT count(*) FROM jobs WHERE status = 'RUNNING' AND lease_until > now())
        + (SELECT count(*) FROM page_ranges AS one JOIN jobs ON jobs.id = one.job_id AND jobs.lease_token = one.split
            WHERE jobs.status = 'RUNNING' AND one.status = 'RUNNING' AND one.lease_until > now()) AS running,
    (SELECT count(*) FROM jobs WHERE status = 'PENDING' AND (next_run_at IS NOT NULL OR publish_by <= now()))
        + (SELECT count(*) FROM jobs WHERE status = 'RUNNING' AND lease_until <= now())
        + (SELECT count(*) FROM page_ranges AS one JOIN jobs ON jobs.id = one.job_id AND jobs.lease_token = one.split
            WHERE jobs.status = 'RUNNING' AND one.status = 'PENDING'
                AND (one.next_run_at IS NOT NULL OR one.publish_by <= now()))
        + (SELECT count(*) FROM page_ranges AS one JOIN jobs ON jobs.id = one.job_id AND jobs.lease_token = one.split
            WHERE jobs.status = 'RUNNING' AND one.status = 'RUNNING' AND one.lease_until <= now()) AS delayed
"""
