"""What a failed system call on a file means to a job."""

from __future__ import annotations

import errno

from llamaparse_worker.errors import (
    BackendUnavailable,
    DocumentTooLarge,
    SourceForbidden,
    SourceNotFound,
    StorageFull,
    WorkerError,
)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP})
_UNNAMEABLE = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EEXIST, errno.ENOTEMPTY})


def read_failure(error: OSError, name: str) -> WorkerError:
    """Give the failure of copying ``name`` into the spool folder."""
    number = error.errno
    if number in _ABSENT:
        return SourceNotFound(f"{name} does not exist")
    if number in _DENIED:
        return SourceForbidden(f"{name} may not be read: {error.strerror}")
    if number in _FULL:
        return StorageFull(f"no space is left to spool {name}: {error.strerror}")
    return BackendUnavailable(f"{name} could not be read: {error.strerror or error}")


def write_failure(error: OSError, name: str) -> WorkerError:
    """Give the failure of writing ``name``: a store that refuses writes is an outage, not the document's fault."""
    number = error.errno
    if number in _FULL:
        return StorageFull(f"no space is left to store {name}: {error.strerror}")
    if number in _UNNAMEABLE:
        return SourceForbidden(f"{name} cannot be stored under this name: {error.strerror}")
    return BackendUnavailable(f"{name} could not be stored: {error.strerror or error}")


def too_large(name: str, limit_bytes: int) -> DocumentTooLarge:
    """Give the failure of a document that passes the limit."""
    return DocumentTooLarge(f"{name} has more than the allowed {limit_bytes} bytes")
