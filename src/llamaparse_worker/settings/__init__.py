"""The only reader of the environment: it fills the small plain settings models of the worker and of the backends.

A variable is named like its field, in capitals and without prefix. The first source that has it wins: the command line,
the environment, a file (``NAME_FILE``, a systemd credential, ``/run/secrets``), what is implied, the default. An empty
value counts as unset. Every value keeps its origin, so that ``config print`` can tell where it came from.

The models are plain, so that a backend's settings cost no import; ``read`` mixes pydantic-settings into them. Its
sources look up the environment and the folders of secrets; ``NAME_FILE``, what one variable implies for another, the
origins, contradictions and the texts of errors are this package's own.
"""

from llamaparse_worker.settings.reading import Setting, check, read, trace
from llamaparse_worker.settings.sources import Found, Origin, OriginKind, Sources
from llamaparse_worker.settings.worker import (
    LocalSettings,
    LogFormat,
    LogLevel,
    OcrServiceSettings,
    ServiceManager,
    WorkerSettings,
)

__all__ = [
    "Found",
    "LocalSettings",
    "LogFormat",
    "LogLevel",
    "OcrServiceSettings",
    "Origin",
    "OriginKind",
    "ServiceManager",
    "Setting",
    "Sources",
    "WorkerSettings",
    "check",
    "read",
    "trace",
]
