"""What only S3 does: two buckets, parts, permissions, outages."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from aiohttp import web
from pydantic import SecretStr, ValidationError

from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.s3.store import PART_BYTES, S3ObjectStore, open_s3
from llamaparse_worker.errors import (
    BackendUnavailable,
    ConfigurationError,
    SourceForbidden,
    SourceNotFound,
    StorageFull,
    WorkerError,
)
from support.services import S3Server

pytestmark = pytest.mark.anyio

LIMIT = 100_000_000


def settings(s3: S3Server, *, upload: str, output: str) -> S3Settings:
    return S3Settings(
        s3_endpoint_url=s3.endpoint_url,
        s3_upload_bucket=upload,
        s3_output_bucket=output,
        aws_access_key_id=s3.access_key_id,
        aws_secret_access_key=SecretStr(s3.secret_access_key),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    return path


async def test_a_source_is_taken_from_the_upload_bucket_before_the_output_bucket(
    s3: S3Server, file: Path, tmp_path: Path
) -> None:
    upload, output = s3.bucket(), s3.bucket()
    async with (
        open_s3(settings(s3, upload=upload, output=upload)) as producer,
        open_s3(settings(s3, upload=upload, output=output)) as store,
    ):
        await store.store("a.pdf", file, content_type="application/pdf")
        await store.fetch("a.pdf", tmp_path / "from-output", limit_bytes=LIMIT)
        file.write_bytes(b"uploaded")
        await producer.store("a.pdf", file, content_type="application/pdf")
        await store.fetch("a.pdf", tmp_path / "from-upload", limit_bytes=LIMIT)

        assert (tmp_path / "from-output").read_bytes() == b"content"
        assert (tmp_path / "from-upload").read_bytes() == b"uploaded"
        assert await store.read("a.pdf", limit_bytes=LIMIT) == b"content"
        assert await store.ping() == f"S3, {s3.endpoint_url}, bucket {upload} and {output}"


async def test_a_file_of_several_parts_becomes_one_object(s3: S3Server, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"a" * PART_BYTES + b"b" * PART_BYTES + b"end")
    bucket = s3.bucket()
    async with open_s3(settings(s3, upload=bucket, output=bucket)) as store:
        await store.store("large", large, content_type="application/pdf")
        await store.fetch("large", tmp_path / "back", limit_bytes=LIMIT)
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


async def test_a_missing_bucket_of_the_settings_is_an_outage_and_names_the_variable(
    s3: S3Server, file: Path, tmp_path: Path
) -> None:
    async with open_s3(settings(s3, upload="no-uploads", output="no-output")) as store:
        calls: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: store.fetch("a", tmp_path / "a", limit_bytes=LIMIT),
            lambda: store.store("a", file, content_type="text/plain"),
            lambda: store.list(""),
            lambda: store.delete("a"),
            store.ping,
        )
        for call in calls:
            with pytest.raises(BackendUnavailable, match="S3_OUTPUT_BUCKET"):
                await call()


async def test_half_of_the_keys_stops_the_start() -> None:
    with pytest.raises(ConfigurationError, match="AWS_SECRET_ACCESS_KEY"):
        async with open_s3(S3Settings(aws_access_key_id="id")):
            pass


async def test_settings_take_the_signature_names_of_both_worlds_and_refuse_others() -> None:
    assert S3Settings.model_validate({"s3_signature_version": "v4"}).s3_signature_version == "s3v4"
    assert S3Settings.model_validate({"s3_signature_version": "s3"}).s3_signature_version == "s3"
    with pytest.raises(ValidationError):
        S3Settings.model_validate({"s3_signature_version": "v5"})
    with pytest.raises(ValidationError):
        S3Settings.model_validate({"s3_endpoint_url": "minio:9000"})


async def test_botocore_is_not_imported_before_the_store_is_opened() -> None:
    program = "import sys, llamaparse_worker.backends.objects.s3.store; sys.exit('botocore' in sys.modules)"
    await anyio.run_process([sys.executable, "-c", program])


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def answering(handler: Handler) -> AsyncIterator[S3ObjectStore]:
    """A server that speaks as much S3 as the handler does, and a store that talks to it."""
    app = web.Application(client_max_size=2**30)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with _store_at(address) as store:
            yield store
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _store_at(address: str) -> AsyncIterator[S3ObjectStore]:
    limits = S3Settings(
        s3_endpoint_url=address,
        aws_access_key_id="id",
        aws_secret_access_key=SecretStr("secret"),
        s3_connect_timeout_seconds=1,
        s3_read_timeout_seconds=0.3,
    )
    async with open_s3(limits) as store:
        yield store


def _refusing(status: int, code: str) -> Handler:
    async def answer(_: web.Request) -> web.StreamResponse:
        body = f"<Error><Code>{code}</Code><Message>text</Message></Error>"
        return web.Response(status=status, text=body, content_type="application/xml")

    return answer


@pytest.mark.parametrize(
    ("status", "code", "reading", "writing"),
    [
        (404, "NoSuchKey", SourceNotFound, BackendUnavailable),
        (403, "AccessDenied", SourceForbidden, BackendUnavailable),
        (403, "InvalidObjectState", SourceForbidden, BackendUnavailable),
        (403, "InvalidAccessKeyId", BackendUnavailable, BackendUnavailable),
        (403, "SignatureDoesNotMatch", BackendUnavailable, BackendUnavailable),
        (403, "QuotaExceeded", StorageFull, StorageFull),
        (507, "XMinioStorageFull", StorageFull, StorageFull),
        (501, "NotImplemented", BackendUnavailable, BackendUnavailable),
    ],
)
async def test_a_refusal_of_s3_is_a_typed_failure(
    status: int, code: str, reading: type[WorkerError], writing: type[WorkerError], file: Path
) -> None:
    async with answering(_refusing(status, code)) as store:
        with pytest.raises(reading) as caught:
            await store.read("a", limit_bytes=LIMIT)
        assert type(caught.value) is reading
        with pytest.raises(writing) as caught:
            await store.store("a", file, content_type="text/plain")
        assert type(caught.value) is writing


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    async with _store_at("http://127.0.0.1:1") as store:
        with pytest.raises(BackendUnavailable, match="EndpointConnectionError"):
            await store.read("a", limit_bytes=LIMIT)


async def test_an_answer_that_breaks_off_is_an_outage_and_leaves_no_file(tmp_path: Path) -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"only this")
        assert request.transport is not None
        request.transport.abort()
        return answer

    async with answering(break_off) as store:
        with pytest.raises(BackendUnavailable):
            await store.fetch("a", tmp_path / "a", limit_bytes=LIMIT)
    assert not (tmp_path / "a").exists()


async def test_an_upload_in_parts_that_fails_is_aborted(tmp_path: Path) -> None:
    seen: list[str] = []

    async def fail_second_part(request: web.Request) -> web.StreamResponse:
        query: Mapping[str, str] = request.query
        seen.append(f"{request.method} {query.get('partNumber', '')}".strip())
        await request.read()
        if request.method == "POST":
            return web.Response(
                text="<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>",
                content_type="application/xml",
            )
        if query.get("partNumber") == "2":
            return await _refusing(507, "InsufficientStorage")(request)
        return web.Response(status=204 if request.method == "DELETE" else 200, headers={"ETag": '"e"'})

    large = tmp_path / "large"
    large.write_bytes(bytes(PART_BYTES + 1))
    async with answering(fail_second_part) as store:
        with pytest.raises(StorageFull):
            await store.store("large", large, content_type="text/plain")
    assert seen == ["POST", "PUT 1", "PUT 2", "DELETE"]
