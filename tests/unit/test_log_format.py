from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import anyio
import pytest
import structlog

from llamaparse_worker.worker.log import LogFormat, configure


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def logged(out: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_what_is_no_terminal_gets_json() -> None:
    out = io.StringIO()
    configure(stream=out)
    structlog.get_logger().info("job.settled", pages=3)
    (event,) = logged(out)
    assert event["event"] == "job.settled"
    assert event["pages"] == 3
    assert event["level"] == "info"
    assert str(event["timestamp"]).endswith("Z")


def test_a_terminal_gets_lines_for_people_unless_json_is_asked_for() -> None:
    out = Terminal()
    configure(stream=out)
    structlog.get_logger().info("job.settled")
    assert "job.settled" in out.getvalue()
    assert not out.getvalue().startswith("{")
    out = Terminal()
    configure(log_format=LogFormat.JSON, stream=out)
    structlog.get_logger().info("job.settled")
    assert logged(out)


def test_events_below_the_level_are_not_written() -> None:
    out = io.StringIO()
    configure("WARNING", stream=out)
    structlog.get_logger().info("job.settled")
    structlog.get_logger().warning("component.down")
    assert [event["event"] for event in logged(out)] == ["component.down"]


def test_a_traceback_is_a_structure_without_local_variables() -> None:
    out = io.StringIO()
    configure(stream=out)

    def fail() -> None:
        page_text = "words of " + "the document"
        raise ValueError(len(page_text))

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("job.bug")
    (event,) = logged(out)
    assert isinstance(event["exception"], list)
    assert event["exception"][0]["exc_type"] == "ValueError"
    assert "words of the document" not in out.getvalue()


@pytest.mark.anyio
async def test_the_job_is_named_in_events_of_the_tasks_it_starts_and_no_longer() -> None:
    out = io.StringIO()
    configure(stream=out)
    log = structlog.get_logger()

    async def page() -> None:
        log.info("page.done")

    with structlog.contextvars.bound_contextvars(job_id="job-1", attempt=2):
        async with anyio.create_task_group() as group:
            group.start_soon(page)
    log.info("idle")
    inside, outside = logged(out)
    assert (inside["job_id"], inside["attempt"]) == ("job-1", 2)
    assert "job_id" not in outside


def test_libraries_are_heard_from_warnings_on_in_the_same_form() -> None:
    out = io.StringIO()
    configure("debug", stream=out)
    logging.getLogger("botocore").debug("Authorization: secret")
    logging.getLogger("aiohttp.client").warning("connection lost")
    (event,) = logged(out)
    assert event["event"] == "connection lost"
    assert event["logger"] == "aiohttp.client"


def test_setting_up_the_log_does_not_import_rich_nor_hide_it() -> None:
    code = (
        "import sys, llamaparse_worker.worker.log as log; log.configure(); assert 'rich' not in sys.modules; "
        "import rich.console, structlog"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
