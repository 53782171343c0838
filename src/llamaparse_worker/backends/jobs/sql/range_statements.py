"""The statements about page ranges, in the SQL that PostgreSQL and SQLite share.

A range counts only while its job is RUNNING under the token in ``split``. Whoever ends one locks the job's row first:
of two that end at once, the second sees that it is the last.
"""
# ruff: noqa: S608 - what is put together are texts of this file

from __future__ import annotations

from typing import Final

_HELD_BY_ITS_RANGES: Final = """EXISTS (
        SELECT 1 FROM jobs WHERE jobs.id = page_ranges.job_id AND jobs.status = 'RUNNING'
            AND jobs.lease_token = page_ranges.split)"""

_FREE: Final = """((status = 'PENDING' AND (next_run_at IS NULL OR next_run_at <= now()))
        OR (status = 'RUNNING' AND lease_until <= now()))"""

_OURS: Final = "job_id = :id AND first_page = :first_page AND lease_token = :token AND status = 'RUNNING'"

# Another token takes the lease from the attempt that splits: its heartbeat must not hold the job any more.
SPLIT: Final = """
UPDATE jobs SET attempt = attempt - 1, lease_token = :split, lease_until = now() + :keep, updated_at = now(),
    pages_total = :total, pages_done = 0, pages_failed = 0
WHERE id = :id AND lease_token = :token AND status = 'RUNNING'
    AND NOT EXISTS (SELECT 1 FROM page_ranges WHERE job_id = :id)
RETURNING id
"""

ADD_RANGE: Final = """
INSERT INTO page_ranges (job_id, first_page, last_page, split, status, next_run_at, updated_at)
VALUES (:id, :first_page, :last_page, :split, 'PENDING', now(), now())
"""

CLAIM: Final = f"""
UPDATE page_ranges SET status = 'RUNNING', attempt = attempt + 1, lease_token = :token, lease_until = now() + :lease,
    next_run_at = NULL, publish_by = NULL, updated_at = now()
WHERE job_id = :id AND first_page = :first_page AND attempt < :max_attempts AND {_FREE} AND {_HELD_BY_ITS_RANGES}
RETURNING first_page, last_page, attempt, pages_done, pages_failed
"""

# Locks the job, and has it wait on for the other ranges.
KEEP: Final = """
UPDATE jobs SET lease_until = now() + :keep, updated_at = now()
WHERE id = :id AND status = 'RUNNING' AND EXISTS (
    SELECT 1 FROM page_ranges WHERE job_id = :id AND first_page = :first_page AND split = jobs.lease_token)
RETURNING id
"""

LOSE: Final = f"""
UPDATE page_ranges SET status = 'FAILED', lease_token = NULL, lease_until = NULL, next_run_at = NULL,
    publish_by = NULL, updated_at = now()
WHERE job_id = :id AND first_page = :first_page AND attempt >= :max_attempts AND {_FREE}
RETURNING first_page
"""

FINISH: Final = f"""
UPDATE page_ranges SET status = 'COMPLETED', pages_done = :pages_done, pages_failed = :pages_failed,
    page_errors = :page_errors, lease_token = NULL, lease_until = NULL, updated_at = now()
WHERE {_OURS}
RETURNING first_page
"""

# The token stays and names this wait, as after a release: splitting has uncounted an attempt.
REJOIN: Final = """
UPDATE jobs SET status = 'PENDING', next_run_at = now(), lease_until = NULL, updated_at = now(),
    pages_done = (SELECT coalesce(sum(pages_done), 0) FROM page_ranges WHERE job_id = :id),
    pages_failed = (SELECT coalesce(sum(pages_failed), 0) FROM page_ranges WHERE job_id = :id)
WHERE id = :id AND status = 'RUNNING'
    AND NOT EXISTS (SELECT 1 FROM page_ranges WHERE job_id = :id AND status IN ('PENDING', 'RUNNING'))
RETURNING id
"""

RENEW: Final = f"""
UPDATE page_ranges SET lease_until = now() + :lease, updated_at = now(),
    pages_done = CASE WHEN :pages_total > 0 THEN :pages_done ELSE pages_done END,
    pages_failed = CASE WHEN :pages_total > 0 THEN :pages_failed ELSE pages_failed END
WHERE {_OURS} AND {_HELD_BY_ITS_RANGES}
RETURNING first_page
"""

RETRY_LATER: Final = f"""
UPDATE page_ranges SET status = 'PENDING', next_run_at = now() + :delay, lease_token = NULL, lease_until = NULL,
    updated_at = now()
WHERE {_OURS}
RETURNING first_page
"""

# The token stays and names this wait: see ``DueRange.released``.
RELEASE: Final = f"""
UPDATE page_ranges SET status = 'PENDING', attempt = attempt - 1, publish_by = now() + :publish_within,
    lease_until = NULL, updated_at = now()
WHERE {_OURS}
RETURNING first_page
"""

# The condition stands twice: see the one of jobs.
DUE: Final = f"""
UPDATE page_ranges SET next_run_at = NULL, publish_by = now() + :publish_within, updated_at = now()
WHERE status = 'PENDING' AND (next_run_at <= now() OR publish_by <= now()) AND (job_id, first_page) IN (
    SELECT job_id, first_page FROM page_ranges
    WHERE status = 'PENDING' AND (next_run_at <= now() OR publish_by <= now()) AND {_HELD_BY_ITS_RANGES}
    ORDER BY coalesce(next_run_at, publish_by), job_id, first_page LIMIT :limit
)
RETURNING job_id, first_page, attempt, coalesce(lease_token, '') AS released,
    (SELECT body FROM jobs WHERE jobs.id = page_ranges.job_id) AS body,
    (SELECT headers FROM jobs WHERE jobs.id = page_ranges.job_id) AS headers
"""

PUBLISHED: Final = """
UPDATE page_ranges SET publish_by = NULL, updated_at = now()
WHERE job_id = :id AND first_page = :first_page AND attempt = :attempt AND coalesce(lease_token, '') = :released
    AND status = 'PENDING'
"""

SWEEP: Final = """
UPDATE page_ranges SET status = 'PENDING', next_run_at = now(), lease_token = NULL, lease_until = NULL,
    updated_at = now()
WHERE status = 'RUNNING' AND lease_until <= now()
RETURNING first_page
"""

OF: Final = """
SELECT first_page, last_page, status, page_errors FROM page_ranges WHERE job_id = :id ORDER BY first_page
"""

FORGET: Final = "DELETE FROM page_ranges WHERE job_id = :id"

# Of a job that is about to be reopened, whose progress is forgotten with them.
FORGET_REOPENED: Final = f"""
{FORGET} AND EXISTS (
    SELECT 1 FROM jobs WHERE id = :id AND (status = 'FAILED' OR (status = 'PENDING' AND next_run_at IS NULL)))
"""
