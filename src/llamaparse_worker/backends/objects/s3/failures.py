"""What an answer of S3 means to a job. Imports botocore, so it is imported only when the store is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from llamaparse_worker.errors import (
    BackendUnavailable,
    SourceForbidden,
    SourceNotFound,
    StorageFull,
    WorkerError,
)

_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"})
_OUR_CREDENTIALS = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "ExpiredToken",
        "InvalidToken",
        "TokenRefreshRequired",
        "RequestTimeTooSkewed",
        "AuthorizationHeaderMalformed",
    }
)


@contextmanager
def answering(bucket: str, key: str, *, ours: bool, writing: bool = False) -> Iterator[None]:
    """Turn what S3 and the way to it raise into the failures of a job.

    ``ours`` says that the bucket comes from the settings and not from a message: its absence is an outage then.
    """
    name = f"s3://{bucket}/{key}"
    try:
        yield
    except ClientError as error:
        raise _refused(error, name, ours=ours, writing=writing) from error
    except (NoCredentialsError, PartialCredentialsError) as error:
        raise BackendUnavailable(f"{name}: no AWS credentials were found: {error}") from error
    except ParamValidationError as error:
        raise SourceNotFound(f"{name} is not a name that S3 knows") from error
    except (BotoCoreError, aiohttp.ClientError, TimeoutError) as error:
        raise BackendUnavailable(f"{name}: S3 does not answer: {type(error).__name__}") from error


def _refused(error: ClientError, name: str, *, ours: bool, writing: bool) -> WorkerError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _OUR_CREDENTIALS:
        return BackendUnavailable(f"{name}: S3 refuses the credentials of this worker: {code}")
    if code in _FULL or status == 507:  # noqa: PLR2004 - the HTTP status Insufficient Storage
        return StorageFull(f"{name}: no space is left: {code}")
    match status:
        case 404 if code == "NoSuchBucket" and ours:
            return BackendUnavailable(f"{name}: the bucket does not exist: see S3_UPLOAD_BUCKET and S3_OUTPUT_BUCKET")
        case 404 if not writing:
            return SourceNotFound(f"{name} does not exist")
        case 403 if not writing:
            return SourceForbidden(f"{name} may not be read: {code}")
        case _:
            return BackendUnavailable(f"{name}: S3 answers {status} {code}")
