from __future__ import annotations

import argparse
import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import anyio
import pytest
from anyio.abc import SocketStream
from pydantic import SecretStr

from llamaparse_worker.cli import healthcheck
from llamaparse_worker.errors import BackendUnavailable, ConfigurationError
from llamaparse_worker.http.dependencies import HttpDependencies, HttpLimits, QueueSource
from llamaparse_worker.http.server import open_http
from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.limits import Limits
from llamaparse_worker.model.job import StoreCounts
from llamaparse_worker.worker.health import Health, Phase
from llamaparse_worker.worker.metrics import Exposition, Metrics

pytestmark = pytest.mark.anyio

QUEUE = "parse_raw_file_job"
STATUSZ = f"/api/queue-statusz?queue_prefix={QUEUE}"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@dataclass
class Scene:
    """What the server is told, changeable while it runs."""

    health: Health = field(default_factory=lambda: Health(["broker"]))
    depths: Sequence[QueueDepth] = (QueueDepth(QUEUE, 8, 3, 3),)
    counts: StoreCounts = field(default_factory=lambda: StoreCounts(running=3, delayed=1))
    failure: BackendUnavailable | None = None
    store_failure: BackendUnavailable | None = None
    bug: Exception | None = None
    readings: int = 0
    port: int = 0
    """Where it listens, once it does."""

    async def read_depths(self) -> Sequence[QueueDepth]:
        self.readings += 1
        if self.bug:
            raise self.bug
        if self.failure:
            raise self.failure
        return self.depths

    async def read_counts(self) -> StoreCounts:
        if self.store_failure:
            raise self.store_failure
        return self.counts


class Huge:
    """Metrics that no socket buffer holds."""

    def queues_seen(self, depths: Sequence[QueueDepth]) -> None:
        """Nothing to remember."""

    def render(self, accept: str) -> Exposition:
        return Exposition(b"#" * 30_000_000, accept)


@asynccontextmanager
async def serving(
    scene: Scene,
    *,
    token: str | None = None,
    limits: HttpLimits | None = None,
    store_shared: bool = True,
    metrics: Metrics | Huge | None = None,
) -> AsyncIterator[aiohttp.ClientSession]:
    queues = QueueSource(depths=scene.read_depths, counts=scene.read_counts, store_shared=store_shared)
    deps = HttpDependencies(
        health=scene.health,
        metrics=metrics or Metrics("1.2.3", Limits({"jobs": 2})),
        queues=queues,
        token=SecretStr(token) if token else None,
        limits=limits or HttpLimits(),
    )
    async with open_http("127.0.0.1", 0, deps) as address, aiohttp.ClientSession(address) as client:
        scene.port = urlsplit(address).port or 0
        yield client


async def fetched(client: aiohttp.ClientSession, path: str, **headers: str) -> tuple[int, dict[str, object]]:
    async with client.get(path, headers=headers) as answer:
        return answer.status, await answer.json()


@asynccontextmanager
async def connected(scene: Scene) -> AsyncIterator[SocketStream]:
    async with await anyio.connect_tcp("127.0.0.1", scene.port) as stream:
        yield stream


async def closed_by_server(stream: SocketStream, within_s: float, *, before: float = float("inf")) -> bool:
    """Read until the server closes; False when it does not, or only after this many bytes."""
    received = 0
    with anyio.move_on_after(within_s):
        try:
            while received < before:
                received += len(await stream.receive())
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return True
    return False


@pytest.mark.parametrize("path", ["/livez", "/healthz"])
async def test_the_worker_is_alive_while_everything_else_is_down(path: str) -> None:
    scene = Scene(failure=BackendUnavailable("away"))
    async with serving(scene) as client:
        status, _ = await fetched(client, path)
    assert status == 200
    assert scene.readings == 0


async def test_readiness_follows_the_life_of_the_worker() -> None:
    scene = Scene()
    async with serving(scene) as client:
        assert (await fetched(client, "/readyz"))[0] == 503
        scene.health.enter(Phase.READY)
        scene.health.answered("broker", "RabbitMQ")
        assert await fetched(client, "/readyz") == (200, {"status": "ready", "reasons": []})
        scene.health.failed("broker", "amqp://user:secret@host refused")
        assert await fetched(client, "/readyz") == (
            503,
            {"status": "not ready", "reasons": ["broker does not answer"]},
        )
        scene.health.answered("broker", "RabbitMQ")
        scene.health.enter(Phase.DRAINING)
        assert await fetched(client, "/readyz") == (503, {"status": "not ready", "reasons": ["the worker is draining"]})


async def test_the_autoscaler_reads_a_plain_number() -> None:
    async with serving(Scene()) as client:
        status, body = await fetched(client, STATUSZ)
    assert status == 200
    assert body["total_messages"] == 12
    assert body["healthy"] is True
    assert body["queue_prefix"] == QUEUE
    queues = [{"name": QUEUE, "messages": 11, "ready": 8, "unacknowledged": 3, "consumers": 3, "status": "healthy"}]
    assert body["queues"] == queues


async def test_without_a_prefix_the_whole_family_is_meant() -> None:
    async with serving(Scene()) as client:
        assert (await fetched(client, "/api/queue-statusz"))[1]["total_messages"] == 12


@pytest.mark.parametrize(
    "scene",
    [
        Scene(failure=BackendUnavailable("the broker is away")),
        Scene(store_failure=BackendUnavailable("the job store is away")),
        Scene(depths=(QueueDepth(QUEUE, 0, 0, 0, healthy=False),)),
    ],
)
async def test_an_unknown_depth_is_an_error_and_never_zero(scene: Scene) -> None:
    async with serving(scene) as client:
        status, body = await fetched(client, STATUSZ)
    assert status == 503
    assert body["error"] == "QUEUE_DEPTH_UNKNOWN"
    assert body["healthy"] is False
    assert "total_messages" not in body


async def test_a_broker_that_does_not_answer_gives_an_error_before_the_autoscaler_gives_up() -> None:
    scene = Scene()

    async def never() -> Sequence[QueueDepth]:
        await anyio.sleep_forever()
        raise AssertionError

    scene.read_depths = never  # type: ignore[method-assign]  # this one broker hangs
    async with serving(scene) as client:
        with anyio.fail_after(3):
            status, body = await fetched(client, STATUSZ)
    assert status == 503
    assert "2.5 s" in str(body["detail"])


async def test_a_mistyped_prefix_is_not_found() -> None:
    async with serving(Scene()) as client:
        status, body = await fetched(client, "/api/queue-statusz?queue_prefix=parse_rwa")
    assert (status, body["error"]) == (404, "NO_SUCH_QUEUE")


async def test_many_scrapes_at_once_ask_the_broker_once() -> None:
    scene = Scene()
    async with serving(scene) as client:
        await asyncio.gather(*(fetched(client, STATUSZ) for _ in range(20)))
    assert scene.readings == 1


async def test_metrics_come_in_both_forms_and_carry_the_queue_depth() -> None:
    async with serving(Scene()) as client:
        async with client.get("/metrics") as answer:
            text = await answer.text()
            assert answer.headers["Content-Type"].startswith("text/plain")
        async with client.get("/metrics", headers={"Accept": OPENMETRICS}) as answer:
            assert answer.headers["Content-Type"].startswith(OPENMETRICS)
            assert (await answer.text()).endswith("# EOF\n")
    assert f'llamaparse_worker_queue_messages_ready{{queue="{QUEUE}"}} 8.0' in text
    assert f'llamaparse_worker_queue_messages_unacked{{queue="{QUEUE}"}} 3.0' in text


async def test_metrics_are_served_while_the_broker_is_away() -> None:
    async with serving(Scene(failure=BackendUnavailable("away"))) as client, client.get("/metrics") as answer:
        assert answer.status == 200
        assert "queue_messages_ready{" not in await answer.text()


@pytest.mark.parametrize("path", ["/metrics", STATUSZ, "/nothing-here"])
@pytest.mark.parametrize("given", ["", "Bearer wrong", "Basic s3cret", "s3cret", "Bearer s3cret2", "Bearer \xfc"])
async def test_everything_but_the_probes_asks_for_the_token(path: str, given: str) -> None:
    headers = {"Authorization": given}
    async with serving(Scene(), token="s3cret") as client, client.get(path, headers=headers) as answer:
        body = await answer.json()
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert body["error"] == "UNAUTHORIZED"


async def test_the_token_opens_and_the_probes_need_none() -> None:
    async with serving(Scene(), token="s3cret") as client:
        assert (await fetched(client, STATUSZ, Authorization="Bearer s3cret"))[0] == 200
        assert (await fetched(client, "/livez"))[0] == 200
        assert (await fetched(client, "/readyz"))[0] == 503


async def test_head_gives_the_header_alone() -> None:
    async with serving(Scene()) as client:
        for path in ("/livez", "/metrics", STATUSZ):
            async with client.head(path) as answer:
                assert answer.status == 200
                assert await answer.read() == b""


async def test_errors_are_json_and_tell_neither_versions_nor_code() -> None:
    async with serving(Scene()) as client:
        assert (await fetched(client, "/nothing-here"))[1]["error"] == "NOT_FOUND"
        async with client.post("/livez") as answer:
            assert (answer.status, (await answer.json())["error"]) == (405, "METHOD_NOT_ALLOWED")
            assert "GET" in answer.headers["Allow"]
            assert answer.headers["Server"] == "llamaparse-worker"


async def test_a_bug_shows_no_traceback() -> None:
    async with serving(Scene(bug=ZeroDivisionError("inner detail"))) as client:
        async with client.get(STATUSZ) as answer:
            assert answer.status == 500
            text = await answer.text()
        assert (await fetched(client, "/livez"))[0] == 200
    assert "inner detail" not in text
    assert "Traceback" not in text


async def test_a_body_over_the_cap_is_refused() -> None:
    async with serving(Scene()) as client, client.post("/livez", data=b"x" * 65_537) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "REQUEST_ENTITY_TOO_LARGE")


@pytest.mark.parametrize("first", [b"", b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_client_that_trickles_its_header_is_cut_off(first: bytes) -> None:
    scene = Scene()
    async with serving(scene, limits=HttpLimits(header_s=0.3)), connected(scene) as stream:
        await stream.send(first + b"GET /livez HTTP/1.1\r\n")
        async with anyio.create_task_group() as group:

            async def trickle() -> None:
                try:
                    for number in range(100):
                        await stream.send(f"X-{number}: 1\r\n".encode())
                        await anyio.sleep(0.05)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return

            group.start_soon(trickle)
            assert await closed_by_server(stream, within_s=2)
            group.cancel_scope.cancel()


async def test_a_client_that_does_not_read_is_cut_off_and_others_are_served() -> None:
    limits = HttpLimits(send_s=0.3)
    scene = Scene()
    async with serving(scene, limits=limits, metrics=Huge()) as client, connected(scene) as stream:
        await stream.send(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        await anyio.sleep(0.6)
        assert (await fetched(client, "/livez"))[0] == 200
        assert await closed_by_server(stream, within_s=5, before=30_000_000)


async def test_connections_over_the_cap_are_closed_and_a_place_gets_free_again() -> None:
    scene = Scene()
    async with serving(scene, limits=HttpLimits(connections=2, header_s=0.5)) as client:
        async with connected(scene) as one, connected(scene) as two:
            await anyio.sleep(0.05)
            async with connected(scene) as three:
                assert await closed_by_server(three, within_s=0.2)
            assert await closed_by_server(one, within_s=2)
            assert await closed_by_server(two, within_s=2)
        assert (await fetched(client, "/livez"))[0] == 200


async def test_a_taken_port_is_a_configuration_error_that_names_the_variable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        scene = Scene()
        queues = QueueSource(depths=scene.read_depths, counts=scene.read_counts, store_shared=True)
        deps = HttpDependencies(health=scene.health, metrics=Huge(), queues=queues, token=None)
        with pytest.raises(ConfigurationError, match=r"^PORT: .*in use"):
            async with open_http("127.0.0.1", taken.getsockname()[1], deps):
                pass


async def test_an_address_of_another_machine_is_a_configuration_error() -> None:
    scene = Scene()
    queues = QueueSource(depths=scene.read_depths, counts=scene.read_counts, store_shared=True)
    deps = HttpDependencies(health=scene.health, metrics=Huge(), queues=queues, token=None)
    with pytest.raises(ConfigurationError, match=r"^HOST: "):
        async with open_http("192.0.2.1", 0, deps):
            pass


async def test_an_open_connection_does_not_hold_up_the_end() -> None:
    scene = Scene()
    async with serving(scene), connected(scene) as stream:
        await stream.send(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        await stream.receive()
        start = anyio.current_time()
    assert anyio.current_time() - start < 2


async def test_the_health_check_command_follows_the_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    healthcheck.add(parser.add_subparsers())
    scene = Scene()
    async with serving(scene):
        args = parser.parse_args(["healthcheck", "--host", "0.0.0.0", "--port", str(scene.port)])
        assert await anyio.to_thread.run_sync(args.run, args) == 0
    assert await anyio.to_thread.run_sync(args.run, args) == 1
    assert "not alive" in capsys.readouterr().err


async def test_the_body_is_what_the_documentation_shows() -> None:
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text()
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    async with serving(Scene()) as client:
        assert await fetched(client, STATUSZ) == (200, shown)
