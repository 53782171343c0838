"""What the HTTP server shows, handed in as values and functions: it knows neither the worker nor a backend."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pydantic import SecretStr

from llamaparse_worker.interfaces import QueueDepth
from llamaparse_worker.model.job import StoreCounts


class ReadinessSource(Protocol):
    """Knows whether the worker is ready."""

    def reasons(self) -> Sequence[str]:
        """Say why it is not; empty when it is. Anyone may read this."""
        ...


class Exposition(Protocol):
    """Rendered metrics."""

    @property
    def body(self) -> bytes:
        """The text."""
        ...

    @property
    def content_type(self) -> str:
        """Its MIME type with parameters."""
        ...


class MetricsSource(Protocol):
    """Renders the metrics."""

    def queues_seen(self, depths: Sequence[QueueDepth]) -> None:
        """Take the queue depths for the next rendering; empty when they are not known."""
        ...

    def render(self, accept: str) -> Exposition:
        """Render in the form that the header Accept asks for; called in a thread."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSource:
    """Where the numbers of the queue status come from. Both functions may raise ``WorkerError``."""

    depths: Callable[[], Awaitable[Sequence[QueueDepth]]]
    counts: Callable[[], Awaitable[StoreCounts]]
    store_shared: bool
    """Whether the job store is the one of all workers, so that its RUNNING rows are all jobs in flight."""
    family: str = "parse_raw_file_job"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one client may take."""

    header_s: float = 10.0
    """Until a request's header is complete; an idle connection is closed after the same time."""
    send_s: float = 10.0
    """Until a client has read its answer."""
    connections: int = 128
    body_bytes: int = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpDependencies:
    """Everything that the server needs."""

    health: ReadinessSource
    metrics: MetricsSource
    queues: QueueSource
    token: SecretStr | None
    """Asked for by everything but the probes; None leaves all open."""
    limits: HttpLimits = field(default_factory=HttpLimits)
