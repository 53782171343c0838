"""The S3 store against the contract, with different buckets for uploads and results."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.s3.store import component
from llamaparse_worker.interfaces import ObjectStore
from llamaparse_worker.testing.objects_conformance import ObjectStoreConformance
from support.services import S3Server


class TestS3(ObjectStoreConformance):
    @pytest.fixture
    async def objects(self, s3: S3Server) -> AsyncIterator[ObjectStore]:
        settings = S3Settings(
            s3_endpoint_url=s3.endpoint_url,
            s3_upload_bucket=s3.bucket(),
            s3_output_bucket=s3.bucket(),
            aws_access_key_id=s3.access_key_id,
            aws_secret_access_key=SecretStr(s3.secret_access_key),
        )
        async with component.open(settings) as store:
            yield store
