"""Objects in S3 buckets.

One store serves two buckets, which are the same by default. Everything is written to the output bucket. ``fetch``,
which is for sources, looks into the upload bucket first and then into the output bucket, where ``submit`` puts
documents; ``read``, ``list`` and ``delete`` are for results and know the output bucket alone.

botocore takes half a second to import, so it is imported when the store is opened.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from anyio import CancelScope, create_task_group, current_time, to_thread
from pydantic import SecretStr

from llamaparse_worker.backends.objects.failures import too_large
from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.spool import CHUNK_BYTES, gather, spool
from llamaparse_worker.errors import ConfigurationError, SourceForbidden, SourceNotFound
from llamaparse_worker.interfaces import Component, ObjectStore
from llamaparse_worker.model.document import ResultFile
from llamaparse_worker.model.object_key import below, key_parts
from llamaparse_worker.pipeline.groups import one_error

if TYPE_CHECKING:
    from aiobotocore.response import AioStreamingBody
    from types_aiobotocore_s3 import S3Client
    from types_aiobotocore_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 16 * 1024 * 1024
"""Files above this size go up in parts of it, one after the other: a worker holds one part of each file in memory."""
_MAX_PARTS = 10_000
_ABORT_S = 5


class S3ObjectStore:
    """An ``ObjectStore`` that also fetches from any bucket its credentials reach."""

    def __init__(self, client: S3Client, *, upload_bucket: str, output_bucket: str) -> None:
        self._client = client
        self._upload_bucket = upload_bucket
        self._output_bucket = output_bucket

    async def fetch(self, key: str, target: Path, *, limit_bytes: int) -> None:
        """Download from the upload bucket, or else from the output bucket."""
        key_parts(key)
        try:
            await self.fetch_from(self._upload_bucket, key, target, limit_bytes=limit_bytes)
        except (
            SourceNotFound,
            SourceForbidden,
        ) as first:  # without the right to list, S3 answers 403 for a missing key
            if self._upload_bucket == self._output_bucket:
                raise
            try:
                await self.fetch_from(self._output_bucket, key, target, limit_bytes=limit_bytes)
            except (SourceNotFound, SourceForbidden):
                raise first from None

    async def fetch_from(self, bucket: str, key: str, target: Path, *, limit_bytes: int) -> None:
        """Download from a bucket by name. Raises as ``fetch`` does."""
        async with self._opened(bucket, key, limit_bytes=limit_bytes) as chunks:
            await spool(chunks, target, limit_bytes=limit_bytes, name=f"s3://{bucket}/{key}")

    async def store(self, key: str, path: Path, *, content_type: str) -> None:
        """Upload in one request, or in parts of which S3 makes one object at the end."""
        key_parts(key)
        size = (await to_thread.run_sync(path.stat)).st_size
        if size > PART_BYTES:
            await self._store_in_parts(key, path, size, content_type)
            return
        await self.write(key, await to_thread.run_sync(path.read_bytes), content_type=content_type)

    async def write(self, key: str, content: bytes, *, content_type: str) -> None:
        """Upload in one request."""
        key_parts(key)
        with self._answering(self._output_bucket, key, writing=True):
            await self._client.put_object(Bucket=self._output_bucket, Key=key, Body=content, ContentType=content_type)

    async def store_all(self, prefix: str, folder: Path, files: Sequence[ResultFile]) -> None:
        """Upload all files at once, as far as there are connections."""
        with one_error():
            async with create_task_group() as tasks:
                for file in files:
                    upload = partial(self.store, content_type=file.content_type)
                    tasks.start_soon(upload, f"{prefix}/{file.name}", folder / file.name)

    async def read(self, key: str, *, limit_bytes: int) -> bytes:
        """Download from the output bucket into memory."""
        key_parts(key)
        async with self._opened(self._output_bucket, key, limit_bytes=limit_bytes) as chunks:
            return await gather(chunks, limit_bytes=limit_bytes, name=key)

    async def list(self, prefix: str) -> Sequence[str]:
        """Page through the output bucket."""
        start = below(prefix)
        keys: list[str] = []
        with self._answering(self._output_bucket, start):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._output_bucket, Prefix=start)
            async for page in pages:
                keys += [entry["Key"] for entry in page.get("Contents", ())]
        return sorted(keys)

    async def delete(self, key: str) -> None:
        """Remove from the output bucket."""
        key_parts(key)
        with self._answering(self._output_bucket, key, writing=True):
            await self._client.delete_object(Bucket=self._output_bucket, Key=key)

    async def ping(self) -> str:
        """Write, see and remove a small object, ask for one in the upload bucket, and give address and buckets."""
        key = f".llamaparse-worker-ping/{secrets.token_hex(8)}"
        with self._answering(self._output_bucket, key, writing=True):
            await self._client.put_object(Bucket=self._output_bucket, Key=key, Body=b"ping")
            await self._client.head_object(Bucket=self._output_bucket, Key=key)
            await self._client.delete_object(Bucket=self._output_bucket, Key=key)
        with suppress(SourceNotFound, SourceForbidden):  # the bucket answers: without the right to list, with 403
            async with self._opened(self._upload_bucket, key, limit_bytes=0):
                pass
        buckets = " and ".join(dict.fromkeys((self._upload_bucket, self._output_bucket)))
        return f"S3, {self._client.meta.endpoint_url}, bucket {buckets}"

    def _answering(self, bucket: str, key: str, *, writing: bool = False) -> AbstractContextManager[None]:
        from llamaparse_worker.backends.objects.s3.failures import answering  # noqa: PLC0415 - brings botocore

        ours = bucket in {self._upload_bucket, self._output_bucket}
        return answering(bucket, key, ours=ours, writing=writing)

    @asynccontextmanager
    async def _opened(self, bucket: str, key: str, *, limit_bytes: int) -> AsyncIterator[AsyncIterator[bytes]]:
        with self._answering(bucket, key):
            answer = await self._client.get_object(Bucket=bucket, Key=key)
        async with answer["Body"] as body:
            if answer["ContentLength"] > limit_bytes:
                raise too_large(f"s3://{bucket}/{key}", limit_bytes)
            async with aclosing(self._chunks(body, bucket, key)) as chunks:
                yield chunks

    async def _chunks(self, body: AioStreamingBody, bucket: str, key: str) -> AsyncGenerator[bytes, None]:
        with self._answering(bucket, key):
            async for chunk in body.iter_chunks(CHUNK_BYTES):
                yield chunk

    async def _store_in_parts(self, key: str, path: Path, size: int, content_type: str) -> None:
        bucket = self._output_bucket
        with self._answering(bucket, key, writing=True):
            upload = await self._client.create_multipart_upload(Bucket=bucket, Key=key, ContentType=content_type)
            upload_id = upload["UploadId"]
            try:
                parts = [part async for part in self._upload_parts(key, path, size, upload_id)]
                await self._client.complete_multipart_upload(
                    Bucket=bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
                )
            except BaseException:
                with CancelScope(shield=True, deadline=current_time() + _ABORT_S):  # parts left behind cost money
                    await self._client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
                raise

    async def _upload_parts(
        self, key: str, path: Path, size: int, upload_id: str
    ) -> AsyncIterator[CompletedPartTypeDef]:
        part_bytes = max(PART_BYTES, -(-size // _MAX_PARTS))
        for number, start in enumerate(range(0, size, part_bytes), start=1):
            content = await to_thread.run_sync(_read_part, path, start, part_bytes)
            answer = await self._client.upload_part(
                Bucket=self._output_bucket, Key=key, PartNumber=number, UploadId=upload_id, Body=content
            )
            yield {"PartNumber": number, "ETag": answer["ETag"]}


def _read_part(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


@asynccontextmanager
async def open_s3(settings: S3Settings) -> AsyncIterator[S3ObjectStore]:
    """Prepare the client; nothing is sent yet.

    Raises:
        ConfigurationError: one half of the keys is missing.
    """
    if (settings.aws_access_key_id is None) != (settings.aws_secret_access_key is None):
        raise ConfigurationError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set both, or neither")
    async with _client(settings) as client:
        yield S3ObjectStore(client, upload_bucket=settings.s3_upload_bucket, output_bucket=settings.s3_output_bucket)


def _client(settings: S3Settings) -> AbstractAsyncContextManager[S3Client]:
    from aiobotocore.config import AioConfig  # noqa: PLC0415 - half a second, only for those who use S3
    from aiobotocore.session import get_session  # noqa: PLC0415

    custom = settings.s3_endpoint_url is not None
    checksums: Literal["when_required", "when_supported"] = "when_required" if custom else "when_supported"
    client: AbstractAsyncContextManager[S3Client] = get_session().create_client(
        "s3",
        region_name=settings.aws_region or settings.aws_default_region or ("us-east-1" if custom else None),
        endpoint_url=settings.s3_endpoint_url,
        aws_access_key_id=settings.aws_access_key_id,
        aws_secret_access_key=_revealed(settings.aws_secret_access_key),
        aws_session_token=_revealed(settings.aws_session_token),
        config=AioConfig(
            signature_version=settings.s3_signature_version,
            s3={"addressing_style": "path" if custom else "auto"},
            request_checksum_calculation=checksums,
            response_checksum_validation=checksums,
            connect_timeout=settings.s3_connect_timeout_seconds,
            read_timeout=settings.s3_read_timeout_seconds,
            retries={"mode": "standard", "max_attempts": 3},
            max_pool_connections=50,
        ),
    )
    return client


def _revealed(secret: SecretStr | None) -> str | None:
    return secret.get_secret_value() if secret else None


component: Component[S3Settings, ObjectStore] = Component(settings=S3Settings, open=open_s3)
