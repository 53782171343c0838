"""The OCR service over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import anyio
import pytest
import pyvips
from yarl import URL

from llamaparse_worker.backends.ocr.encoding import encode
from llamaparse_worker.errors import BackendUnavailable, PageUnreadable, TimeLimitExceeded, WorkerError
from llamaparse_worker.model.geometry import Box
from llamaparse_worker.model.recognition import Recognition, Word
from llamaparse_worker.testing.ocr import FakeOcr
from llamaparse_worker.worker.health import Phase
from llamaparse_worker.worker.measured import MeasuredOcr
from support.ocr import Service, form, grey, posted, until
from support.ocr_engine import ScriptedOcrSettings, open_scripted

pytestmark = pytest.mark.anyio


class TurnedOcr(FakeOcr):
    """Reads a page that lies on its side."""

    async def read(self, image: object, *, languages: tuple[str, ...]) -> Recognition:
        del image, languages
        return Recognition((Word("Ende", Box(36, 18, 72, 27), 0.25), Word("gut", Box(0, 0, 9, 9))), "turned", 3, -1.5)


async def test_words_come_in_pixels_with_what_else_is_known() -> None:
    async with Service(TurnedOcr()).served() as client:
        status, body = await posted(client)

    assert status == 200
    first, second = body.pop("results")
    assert first.pop("bbox") == pytest.approx([72, 36, 144, 54], abs=0.02), "PNG counts whole dots a metre"
    assert (first, second["text"], second["confidence"]) == ({"text": "Ende", "confidence": 0.25}, "gut", 1.0)
    assert body == {"engine": "turned", "turn": 3, "skew": -1.5}


async def test_nothing_found_is_an_empty_list() -> None:
    async with Service(FakeOcr(words=())).served() as client:
        assert (await posted(client))[1]["results"] == []


@pytest.mark.parametrize(
    ("given", "seen"), [((), ()), (("de",), ("de",)), (("de, en",), ("de", "en")), (("de", "en,de", ""), ("de", "en"))]
)
async def test_languages_are_one_or_several_or_left_to_the_engine(
    given: tuple[str, ...], seen: tuple[str, ...]
) -> None:
    ocr = FakeOcr()
    async with Service(ocr).served() as client:
        assert (await posted(client, None, *given))[0] == 200
    assert ocr.languages == [seen]


async def test_any_of_the_formats_is_taken() -> None:
    ocr = FakeOcr()
    jpeg = pyvips.Image.black(64, 48, bands=3).copy(interpretation="srgb").jpegsave_buffer()
    async with Service(ocr).served() as client:
        assert (await posted(client, jpeg))[0] == 200
    assert ocr.seen == [(64, 48, 200.0)]


@pytest.mark.parametrize("content", [b"", b"no image", b"GIF89a..", encode(grey())[:60]])
async def test_what_is_no_image_is_the_senders_fault(content: bytes) -> None:
    ocr = FakeOcr()
    async with Service(ocr).served() as client:
        status, body = await posted(client, content)
    assert (status, ocr.seen) == (400, [])
    assert isinstance(body["error"], str)


async def test_a_form_without_a_file_is_the_senders_fault() -> None:
    async with Service(FakeOcr()).served() as client:
        for data in (form(encode(grey()), name="image"), form(None, "de"), b"not a form", {"file": "text"}):
            async with client.post("/ocr", data=data) as answer:
                assert answer.status == 400, await answer.text()
                assert (await answer.json())["error"] == "BAD_REQUEST"
        broken = {"Content-Type": "multipart/form-data; boundary=b"}
        async with client.post("/ocr", data=b"--b\r\nContent-Disp", headers=broken) as answer:
            assert answer.status == 400


async def test_a_language_that_the_engine_does_not_know_is_the_senders_fault() -> None:
    async with open_scripted(ScriptedOcrSettings()) as ocr, Service(ocr).served() as client:
        status, body = await posted(client, None, "xx")
    assert (status, body["error"]) == (400, "INVALID_OPTION")


async def test_too_many_bytes_or_pixels_are_refused() -> None:
    async with Service(FakeOcr(), image_bytes=5_000).served() as client:
        assert (await posted(client, b"x" * 6_000))[0] == 413
        assert (await posted(client, b"x" * 100_000))[0] == 413
    async with Service(FakeOcr(), max_pixels=19_999).served() as client:
        status, body = await posted(client)
        assert (status, body["error"]) == (413, "LIMIT_EXCEEDED")


async def test_a_form_of_unknown_length_is_refused() -> None:
    async with Service(FakeOcr()).served() as client:

        async def chunks() -> AsyncIterator[bytes]:
            yield b"--b\r\n"

        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        async with client.post("/ocr", data=chunks(), headers=headers) as answer:
            assert answer.status == 411


async def test_a_form_that_does_not_end_is_cut_off() -> None:
    service = Service(FakeOcr(), form_s=0.2)
    async with service.served():
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(service.address).port)
        writer.write(b"POST /ocr HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n")
        writer.write(b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n")
        with anyio.fail_after(3):
            assert b" 408 " in await reader.readline()
        writer.close()


async def test_a_full_queue_says_when_to_come_again() -> None:
    gate = anyio.Event()
    ocr = FakeOcr(gate=gate)
    service = Service(ocr, pages=anyio.CapacityLimiter(2))
    async with service.served() as client, asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(posted(client)) for _ in range(2)]
        await until(lambda: ocr.running == 2)
        async with client.post("/ocr", data=form(encode(grey()))) as answer:
            assert answer.status == 429
            assert int(answer.headers["Retry-After"]) >= 1
        gate.set()
        assert [(await one)[0] for one in waiting] == [200, 200]
        assert (await posted(client))[0] == 200


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (PageUnreadable("blurred"), 500),
        (TimeLimitExceeded("slow"), 500),
        (BackendUnavailable("no threads"), 503),
    ],
)
async def test_a_failing_engine_is_told_by_its_code(error: WorkerError, status: int) -> None:
    async with Service(FakeOcr(error=error)).served() as client:
        assert await posted(client) == (status, {"error": error.code, "detail": error.message})


async def test_before_the_engine_is_warm_and_while_draining_no_page_is_taken() -> None:
    ocr = FakeOcr()
    service = Service(ocr)
    async with service.served() as client:
        service.health.failed("ocr", "models are being loaded")
        assert (await posted(client))[0] == 503
        service.health.answered("ocr", "warm")
        assert (await posted(client))[0] == 200
        service.health.enter(Phase.DRAINING)
        async with client.post("/ocr", data=form(encode(grey()))) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
    assert len(ocr.seen) == 1


@pytest.mark.parametrize("path", ["/health", "/health_check", "/readyz"])
async def test_probes_follow_the_engine_and_need_no_token(path: str) -> None:
    service = Service(FakeOcr(), token="s3cret")
    async with service.served() as client:
        for wanted in (200, 503):
            async with client.get(path) as answer:
                assert answer.status == wanted
            service.health.failed("ocr", "2 of 2 OCR threads hang")
        async with client.get("/livez") as answer:
            assert answer.status == 200


async def test_pages_and_metrics_ask_for_the_token() -> None:
    ocr = FakeOcr()
    async with Service(ocr, token="s3cret").served() as client:
        assert (await posted(client))[0] == 401
        assert (await posted(client, Authorization="Bearer wrong"))[0] == 401
        assert ocr.seen == []
        assert (await posted(client, Authorization="Bearer s3cret"))[0] == 200
        async with client.get("/metrics") as answer:
            assert answer.status == 401


async def test_metrics_count_pages_and_answers() -> None:
    service = Service(FakeOcr())
    service.ocr = MeasuredOcr(service.ocr, service.metrics)
    async with service.served() as client:
        await posted(client)
        await posted(client, b"no image")
        async with client.get("/metrics") as answer:
            text = await answer.text()
    assert 'llamaparse_worker_ocr_requests_total{status="200"} 1.0' in text
    assert 'llamaparse_worker_ocr_requests_total{status="400"} 1.0' in text
    assert 'llamaparse_worker_ocr_pages_total{engine="fake",outcome="read"} 1.0' in text
    assert "llamaparse_ocr_pixels_total 20000.0" in text
    assert "llamaparse_ocr_call_duration_seconds_count 1.0" in text


async def test_a_client_that_hangs_up_gives_its_place_back() -> None:
    ocr = FakeOcr(gate=anyio.Event())
    service = Service(ocr, pages=anyio.CapacityLimiter(1))
    async with service.served() as client:
        with pytest.raises(TimeoutError):
            await client.post("/ocr", data=form(encode(grey())), timeout=aiohttp.ClientTimeout(total=0.3))
        await until(lambda: not service.pages.borrowed_tokens)
    assert len(ocr.seen) == 1
