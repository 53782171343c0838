"""The receiver of the documentation takes what the worker sends, once, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest
from aiohttp import ClientConnectionError, ClientSession

from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.webhook import OwedCall, WebhookRequest
from llamaparse_worker.wire import JobEvent, job_of, outbox_event, read_message, request_of
from support.services import free_ports

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET = "known to you and to the receiver"

pytestmark = pytest.mark.anyio


def sent(output_format: str) -> WebhookRequest:
    """Give what is sent about the job of the documentation."""
    (example,) = (block for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL) if "webhooks" in block)
    body = example.replace('"output_format": "json"', f'"output_format": "{output_format}"').encode()
    job = job_of(read_message(body))
    event = outbox_event(
        JobEvent(job_id=job.id, status=JobStatus.COMPLETED, attempt=1, project_id=job.project), job.webhooks
    )
    (call,) = event.calls
    owed = OwedCall(event_id=event.id, call=call, job_id=job.id, tries=0, age=timedelta(), message=body)
    return request_of(owed, job.webhooks[0])


@pytest.fixture
def port() -> int:
    (found,) = free_ports(1)
    return found


@pytest.fixture
def receiver(tmp_path: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "receiver.py").write_text(code)
    env = {**os.environ, "WEBHOOK_SECRET": SECRET, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "receiver.py")],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        yield process
        process.kill()


async def post(port: int, request: WebhookRequest) -> int:
    async with ClientSession() as client:
        with anyio.fail_after(10):
            while True:
                try:
                    async with client.post(
                        f"http://127.0.0.1:{port}/", data=request.body, headers=request.headers
                    ) as answer:
                        return answer.status
                except ClientConnectionError:
                    await anyio.sleep(0.05)


async def test_the_receiver_of_the_documentation_works(receiver: subprocess.Popen[str], port: int) -> None:
    plain, quoted = sent("json"), sent("string")
    forged = WebhookRequest(plain.url, plain.headers, plain.body + b" ")

    assert await post(port, forged) == 401
    assert [await post(port, one) for one in (plain, plain, quoted)] == [204, 204, 204]
    receiver.kill()
    assert receiver.stdout is not None
    assert receiver.stdout.read().splitlines() == ["parse.success invoice-2026-0417"] * 2
