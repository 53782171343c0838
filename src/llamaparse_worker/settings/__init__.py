"""The only reader of the environment: it fills the small plain settings models of the worker and of the backends.

A variable is named like its field, in capitals and without prefix. The first source that has it wins: the command line,
the environment, a file (``NAME_FILE``, a systemd credential, ``/run/secrets``), the default. An empty value counts as
unset. Every value keeps its origin, so that ``config print`` can tell where it came from.

Plain pydantic models are filled here without pydantic-settings: files, credentials, aliases, origins and the texts of
errors are this package's own in any case, and its import would cost each command 70 ms.
"""

from llamaparse_worker.settings.reading import Setting, check, read, trace
from llamaparse_worker.settings.sources import Found, Origin, OriginKind, Sources
from llamaparse_worker.settings.worker import LocalSettings, LogFormat, LogLevel, WorkerSettings

__all__ = [
    "Found",
    "LocalSettings",
    "LogFormat",
    "LogLevel",
    "Origin",
    "OriginKind",
    "Setting",
    "Sources",
    "WorkerSettings",
    "check",
    "read",
    "trace",
]
