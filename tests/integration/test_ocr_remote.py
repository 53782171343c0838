"""The remote engine against services on real sockets: ours, strangers, and broken ones."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from aiohttp import web
from anyio.abc import SocketStream

from llamaparse_worker.backends.ocr.remote.engine import RemoteOcr
from llamaparse_worker.errors import (
    BackendUnavailable,
    ConfigurationError,
    InvalidOption,
    PageUnreadable,
    TimeLimitExceeded,
)
from llamaparse_worker.interfaces import Ocr
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.testing.reader import script
from support.ocr import Service, all_served, grey, remote, stranger, until
from support.ocr_engine import CRASHES, ScriptedOcrSettings, open_scripted
from support.pipeline import Result, document_parser, parse, parser_pool

pytestmark = pytest.mark.anyio

LITEPARSE = {"results": [{"text": "foreign", "bbox": [10, 20, 110, 40], "confidence": 0.75}]}


async def read_all(ocr: RemoteOcr, number: int) -> list[Recognition]:
    """Read so many pages at once."""
    async with asyncio.TaskGroup() as tasks:
        found = [tasks.create_task(ocr.read(grey(), languages=())) for _ in range(number)]
    return [one.result() for one in found]


async def test_a_page_comes_back_as_the_service_has_read_it() -> None:
    words = (Word("oben", Box(1.5, 2.5, 30.25, 12), 0.5), Word("ß €", Box(40, 2.5, 60, 12)))

    class Turned(FakeOcr):
        async def read(self, image: object, *, languages: tuple[str, ...]) -> Recognition:
            del image
            self.languages.append(languages)
            return Recognition(words, "turned", 1, 2.5)

    engine = Turned()
    service = Service(engine)
    async with service.served(), remote(service.address) as ocr:
        found = await ocr.read(grey(), languages=("de", "en"))

    assert (found.engine, found.turn, found.skew) == ("turned", 1, 2.5)
    assert [(word.text, word.confidence) for word in found.words] == [("oben", 0.5), ("ß €", 1.0)]
    for word, sent in zip(found.words, words, strict=True):
        box, wanted = word.box, sent.box
        assert (box.x0, box.y0, box.x1, box.y1) == pytest.approx((wanted.x0, wanted.y0, wanted.x1, wanted.y1), abs=0.01)
    assert engine.languages == [("de", "en")]


async def test_pages_are_shared_by_the_services() -> None:
    gate = anyio.Event()
    engines = [FakeOcr(gate=gate), FakeOcr(gate=gate)]
    services = [Service(engine) for engine in engines]
    async with all_served(services), remote(*(one.address for one in services)) as ocr, asyncio.TaskGroup() as tasks:
        reading = tasks.create_task(read_all(ocr, 8))
        await until(lambda: sum(engine.running for engine in engines) == 8)
        assert [engine.running for engine in engines] == [4, 4]
        gate.set()
        await reading


async def test_a_service_that_dies_with_pages_in_hand_loses_none() -> None:
    gate = anyio.Event()
    stays, dies = FakeOcr(name="stays"), FakeOcr(name="dies", gate=gate)
    survivor, victim = Service(stays), Service(dies)
    async with survivor.served(), AsyncExitStack() as life:
        await life.enter_async_context(victim.served())
        async with remote(survivor.address, victim.address) as ocr, asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(read_all(ocr, 8))
            await until(lambda: dies.running > 0)
            await life.aclose()
            with anyio.fail_after(5):
                found = await reading
            assert {one.engine for one in found} == {"stays"}
            assert {one.engine for one in await read_all(ocr, 4)} == {"stays"}
            assert await ocr.ping() == "remote, 1 of 2 services"


async def test_a_service_that_comes_back_gets_pages_again() -> None:
    service = Service(FakeOcr())
    async with service.served():
        pass
    port = int(service.address.rpartition(":")[2].partition("/")[0])
    async with remote(service.address) as ocr:
        with pytest.raises(BackendUnavailable, match="no OCR service answers: 127"):
            await ocr.ping()
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(ocr.read(grey(), languages=()))
            await anyio.sleep(0.3)
            async with Service(FakeOcr()).served(port):
                with anyio.fail_after(5):
                    assert (await reading).words


async def test_without_any_service_the_job_waits_for_a_better_time() -> None:
    service = Service(FakeOcr())
    async with service.served():
        pass
    async with remote(service.address) as ocr:
        with anyio.fail_after(8), pytest.raises(BackendUnavailable, match="no OCR service works: the last one"):
            await ocr.read(grey(), languages=())


async def test_the_services_of_others_are_understood() -> None:
    languages: list[list[object]] = []

    async def handle(request: web.Request) -> web.Response:
        form = await request.post()
        languages.append(list(form.getall("language", [])))
        assert isinstance(form["file"], web.FileField)
        assert (form["file"].filename, form["file"].content_type) == ("image.png", "image/png")
        if any("," in str(one) for one in languages[-1]):
            return web.json_response({"error": "Unsupported language"}, status=400)
        return web.json_response(LITEPARSE)

    async with stranger(handle) as address, remote(address) as ocr:
        found = await ocr.read(grey(dpi=144), languages=("de", "en"))
        await ocr.read(grey(), languages=("de", "en"))
        await ocr.read(grey(), languages=())
        assert await ocr.ping() == "remote, 1 of 1 services"

    assert (found.words, found.engine, found.turn, found.skew) == (
        (Word("foreign", Box(5, 10, 55, 20), 0.75),),
        "remote",
        0,
        0.0,
    )
    assert languages == [["de,en"], ["de"], ["de"], []], "who is no service of ours is asked for one language"


@pytest.mark.parametrize(
    "body",
    [
        b"<html>Bad gateway</html>",
        b"",
        b"[]",
        b'{"results": null}',
        b'{"results": [{"text": "x", "bbox": [1, 2, 3]}]}',
        b'{"results": [{"text": "x", "bbox": [1, 2, 3, NaN]}]}',
        b'{"results": [{"text": "x", "bbox": [9, 2, 3, 4]}]}',
        b'{"results": [{"text": "x", "bbox": [1, 2, 3, 4], "confidence": 97}]}',
        b'{"results": [], "turn": 4}',
        b"\xff" * 40_000_000,
    ],
    ids=lambda body: body[:60].decode("latin-1"),
)
async def test_an_answer_that_makes_no_sense_is_the_services_fault(body: bytes) -> None:
    async def garbage(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    service = Service(FakeOcr())
    async with service.served(), stranger(garbage) as address, remote(address, service.address) as ocr:
        assert {one.engine for one in await read_all(ocr, 4)} == {"fake"}


async def test_services_that_only_give_nonsense_are_no_services() -> None:
    async def garbage(_: web.Request) -> web.Response:
        return web.json_response({"results": "all of them"})

    async with stranger(garbage) as address, remote(address) as ocr:
        with anyio.fail_after(15), pytest.raises(BackendUnavailable, match="makes no sense"):
            await ocr.read(grey(), languages=())


async def test_a_service_that_hangs_costs_its_time_limit_and_no_page() -> None:
    hung, well = Service(FakeOcr(gate=anyio.Event())), Service(FakeOcr(name="well"))
    async with all_served([hung, well]), remote(hung.address, well.address, timeout_s=0.5) as ocr:
        with anyio.fail_after(4):
            assert {one.engine for one in await read_all(ocr, 6)} == {"well"}


async def test_a_service_that_cuts_the_connection_costs_no_page() -> None:
    async def cut(stream: SocketStream) -> None:
        async with stream:
            await stream.receive(100)

    well = Service(FakeOcr())
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, well.served(), anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, cut)
        async with remote(f"http://127.0.0.1:{port}/ocr", well.address) as ocr:
            assert len(await read_all(ocr, 6)) == 6
        tasks.cancel_scope.cancel()


async def test_a_storm_of_refusals_passes_and_every_page_is_read() -> None:
    service = Service(FakeOcr(), pages=anyio.CapacityLimiter(1))
    async with service.served(), remote(service.address) as ocr:
        with anyio.fail_after(25):
            assert len(await read_all(ocr, 8)) == 8
        # Somebody else has the only place, and keeps it.
        async with service.pages, remote(service.address, timeout_s=0.7) as hurried:
            with anyio.fail_after(5), pytest.raises(BackendUnavailable, match="took a page within"):
                await hurried.read(grey(), languages=())


async def test_retry_after_is_honoured() -> None:
    times: list[float] = []

    async def handle(_: web.Request) -> web.Response:
        times.append(anyio.current_time())
        if len(times) == 1:
            return web.json_response({"error": "busy"}, status=429, headers={"Retry-After": "2"})
        return web.json_response(LITEPARSE)

    async with stranger(handle) as address, remote(address) as ocr:
        await ocr.read(grey(), languages=())

    assert 2 <= times[1] - times[0] <= 3.5


async def test_a_page_that_two_services_cannot_read_fails_alone() -> None:
    blind = [Service(FakeOcr(error=PageUnreadable("blurred"))) for _ in range(2)]
    async with all_served(blind), remote(*(one.address for one in blind)) as ocr:
        with pytest.raises(PageUnreadable, match="blurred"):
            await ocr.read(grey(), languages=())
    seeing = Service(FakeOcr())
    async with all_served([blind[0], seeing]), remote(blind[0].address, seeing.address) as ocr:
        for _ in range(4):
            assert (await ocr.read(grey(), languages=())).words


async def test_a_page_that_takes_a_service_too_long_is_not_sent_to_hang_the_next() -> None:
    engines = [FakeOcr(error=TimeLimitExceeded("60 s")) for _ in range(2)]
    slow = [Service(engine) for engine in engines]
    async with all_served(slow), remote(*(one.address for one in slow)) as ocr:
        with pytest.raises(TimeLimitExceeded):
            await ocr.read(grey(), languages=())
    assert sum(len(engine.seen) for engine in engines) == 1


async def test_what_every_service_refuses_is_the_pages_fault() -> None:
    async with open_scripted(ScriptedOcrSettings()) as engine:
        service = Service(engine, max_pixels=20_000)
        async with service.served(), remote(service.address) as ocr:
            with pytest.raises(InvalidOption, match="xx is unknown"):
                await ocr.read(grey(), languages=("xx", "de"))
            with pytest.raises(PageUnreadable, match="20100 pixels"):
                await ocr.read(grey(width=201), languages=())
            with pytest.raises(PageUnreadable, match="ZeroDivisionError"):
                await ocr.read(grey(CRASHES), languages=())
            assert (await ocr.read(grey(5), languages=())).words[0].text == "grey-5"


async def test_the_token_of_the_service_is_sent() -> None:
    service = Service(FakeOcr(), token="s3cret")
    async with service.served():
        async with remote(service.address, token="s3cret") as ocr:
            assert (await ocr.read(grey(), languages=())).words
        async with remote(service.address, token="wrong") as ocr:
            with anyio.fail_after(8), pytest.raises(BackendUnavailable, match="answers 401"):
                await ocr.read(grey(), languages=())


async def test_without_an_address_the_start_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="OCR_SERVER_URL"):
        async with remote():
            pass


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[Ocr]:
    async with open_scripted(ScriptedOcrSettings()) as opened:
        yield opened


def words(found: Result) -> object:
    """Give what is on the pages, with boxes to a tenth of a point: PNG counts whole dots a metre."""
    return json.loads(found.files()["result.json"], parse_float=lambda number: round(float(number), 1))["items"]


async def test_a_document_is_read_over_the_service_as_in_the_worker(engine: Ocr, tmp_path: Path) -> None:
    document = script("scan", "text", "scan", *["scan"] * 6)
    service = Service(engine, max_pixels=50_000_000, image_bytes=50_000_000)
    async with parser_pool(2) as pool, service.served(), remote(service.address) as ocr:
        here = await parse(document_parser(pool, ocr=engine), document, tmp_path, name="here")
        there = await parse(document_parser(pool, ocr=ocr), document, tmp_path, name="there")

    assert there.markdown == here.markdown
    assert there.markdown.count("grey-") == 8
    assert there.failed_pages == {}
    assert there.files().keys() == here.files().keys()
    assert words(there) == words(here)
    assert here.outcome.ocr_s > 0
    assert there.outcome.ocr_s > 0


async def test_a_document_without_any_service_is_tried_again_later(tmp_path: Path) -> None:
    service = Service(FakeOcr())
    async with service.served():
        pass
    async with parser_pool(1) as pool, remote(service.address) as ocr:
        with pytest.raises(BackendUnavailable):
            await parse(document_parser(pool, ocr=ocr), script("text", "scan"), tmp_path)
