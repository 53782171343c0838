"""Webhooks against a real TLS server on this machine, which is let in as an exception, from client and whole worker."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from llamaparse_worker.backends.webhooks.client import open_webhooks
from llamaparse_worker.backends.webhooks.settings import WebhookSettings
from llamaparse_worker.errors import ConfigurationError, SourceForbidden, TransientError
from llamaparse_worker.interfaces import Message, WebhookClient
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.webhook import WebhookRequest
from llamaparse_worker.parsers.pool import ParserPool
from llamaparse_worker.testing.reader import script
from llamaparse_worker.wire import signature
from llamaparse_worker.worker.webhooks import CallPolicy, WebhookCalls
from support.pipeline import parser_pool
from support.webhooks import Receiver, receiver_in
from support.worker import World, until, working

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool() -> AsyncIterator[ParserPool]:
    async with parser_pool(1) as opened:
        yield opened


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    found = receiver_in(tmp_path)
    async with found.listening():
        yield found


@asynccontextmanager
async def client_for(receiver: Receiver, *, timeout_s: float = 5) -> AsyncIterator[WebhookClient]:
    settings = WebhookSettings(
        webhook_hosts=(receiver.host,), webhook_ca_file=receiver.certificate, webhook_timeout_seconds=timeout_s
    )
    async with open_webhooks(settings) as client:
        yield client


def request(url: str, **headers: str) -> WebhookRequest:
    return WebhookRequest(url, headers, b"{}")


async def test_a_request_arrives_as_it_is(receiver: Receiver) -> None:
    async with client_for(receiver) as client:
        assert await client.post(request(receiver.url, Authorization="Bearer t", **{"X-Own": "ä"})) == 204
        receiver.status = 500
        assert await client.post(request(receiver.url)) == 500

    first = receiver.received[0]
    assert (first.path, first.body) == ("/hook?key=1", b"{}")
    assert first.headers["Authorization"] == "Bearer t"


async def test_a_redirect_is_an_answer_and_leads_nowhere(receiver: Receiver) -> None:
    receiver.status, receiver.location = 307, "/elsewhere"
    async with client_for(receiver) as client:
        assert await client.post(request(receiver.url)) == 307
    assert [one.path for one in receiver.received] == ["/hook?key=1"]


async def test_an_answer_without_end_is_not_read(receiver: Receiver) -> None:
    receiver.drips, receiver.status = True, 200
    async with client_for(receiver) as client:
        with anyio.fail_after(2):
            assert await client.post(request(receiver.url)) == 200
    receiver.drips = False


async def test_a_receiver_that_says_nothing_is_given_up_in_time() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as silent:
        port = silent.extra(anyio.abc.SocketAttribute.local_port)
        settings = WebhookSettings(webhook_hosts=(f"localhost:{port}",), webhook_timeout_seconds=0.3)
        async with open_webhooks(settings) as client:
            with anyio.fail_after(2), pytest.raises(TransientError, match=r"^https://localhost does not answer"):
                await client.post(request(f"https://localhost:{port}/hook?key=1"))


async def test_only_trusted_certificates_and_named_hosts_are_called(receiver: Receiver) -> None:
    async with open_webhooks(WebhookSettings(webhook_hosts=(receiver.host,))) as client:
        with pytest.raises(TransientError, match="WEBHOOK_CA_FILE"):
            await client.post(request(receiver.url))
    async with open_webhooks(WebhookSettings(webhook_ca_file=receiver.certificate)) as client:
        with pytest.raises(SourceForbidden, match="WEBHOOK_HOSTS"):
            await client.post(request(receiver.url))
    assert receiver.received == []


async def test_a_file_of_authorities_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    settings = WebhookSettings(webhook_ca_file=tmp_path / "missing.pem")
    with pytest.raises(ConfigurationError, match="WEBHOOK_CA_FILE="):
        async with open_webhooks(settings):
            pass


async def publish(world: World, receiver: Receiver, job: str, content: bytes) -> None:
    webhook = {"url": receiver.url, "signing_secret": "hush", "output_format": "json"}
    world.objects.objects[f"uploads/{job}"] = content
    message = {"job_id": job, "source": f"uploads/{job}", "webhooks": [webhook]}
    await world.broker.publish(Message(json.dumps(message).encode(), job))


@asynccontextmanager
async def calling(world: World, client: WebhookClient) -> AsyncIterator[None]:
    calls = WebhookCalls(
        world.jobs,
        client,
        CallPolicy(concurrency=4, timeout_s=5, retry_s=60),
        interval_s=0.05,
        on_call=world.metrics.webhook_called,
        on_waiting=world.metrics.webhooks_waiting,
        on_bug=lambda: world.metrics.background_error("webhooks"),
    )
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(calls.run)
        yield
        tasks.cancel_scope.cancel()


async def test_a_receiver_that_is_down_hears_of_each_job_when_it_comes_back(
    pool: ParserPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llamaparse_worker.worker.webhooks.FIRST_PAUSE_S", 0.5)
    spool = tmp_path / "spool"
    spool.mkdir()
    world, receiver = World(pool, spool), receiver_in(tmp_path)
    async with receiver.listening():
        pass  # a port that nobody listens to any more
    with capture_logs() as logs:
        async with working(world), client_for(receiver) as client, calling(world, client):
            await publish(world, receiver, "good", script("text"))
            await publish(world, receiver, "corrupt", script("text", "unreadable"))
            await world.ended("good")
            await world.ended("corrupt")

            async def tried() -> bool:
                return world.metric('llamaparse_worker_webhook_calls_total{outcome="failed"}') >= 2

            await until(tried)
            assert world.metric("llamaparse_worker_webhook_calls_waiting") == 2
            async with receiver.listening():

                async def all_told() -> bool:
                    return await world.jobs.calls_waiting() == 0

                await until(all_told)

    told = {json.loads(one.body)["data"]["job_id"]: one for one in receiver.received}
    assert told.keys() == {"good", "corrupt"}
    for job, one in told.items():
        record = await world.record(job)
        assert record is not None
        event = json.loads(one.body)
        failed = record.status is JobStatus.FAILED
        assert event["event_type"] == ("parse.error" if failed else "parse.success")
        assert one.headers["LC-Signature"] == signature("hush", one.body)
        assert event["event_id"] in {announced.id for announced in world.broker.announced}, "one id for all that listen"
    assert world.metric('llamaparse_worker_webhook_calls_total{outcome="sent"}') == 2
    printed = "\n".join(map(str, logs))
    assert "hush" not in printed
    assert "key=1" not in printed
    assert "hush" not in str(await world.record("good"))
