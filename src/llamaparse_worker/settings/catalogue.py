"""All variables that the built-in parts read, in the order of the reference page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.sqlite.settings import SqliteSettings
from llamaparse_worker.backends.objects.filesystem.settings import FilesystemSettings
from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.settings.fields import names_of
from llamaparse_worker.settings.sources import Sources
from llamaparse_worker.settings.spelling import NearMiss, near_misses
from llamaparse_worker.settings.worker import WorkerSettings


@dataclass(frozen=True, slots=True)
class Group:
    """Variables that belong together; ``names`` is a part of the model's variables or all of them."""

    title: str
    model: type[BaseModel]
    names: tuple[str, ...]


ALWAYS_READ: tuple[type[BaseModel], ...] = (WorkerSettings, ParserSettings, SourcesSettings)
"""Models of parts that run whatever components are chosen."""

_BACKENDS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Queue on this machine (`BROKER=embedded`)", EmbeddedQueueSettings),
    ("RabbitMQ (`BROKER=rabbitmq`)", RabbitMqSettings),
    ("SQLite (`JOBS=sqlite`)", SqliteSettings),
    ("PostgreSQL (`JOBS=postgres`)", PostgresSettings),
    ("File system (`OBJECTS=filesystem`)", FilesystemSettings),
    ("S3 (`OBJECTS=s3`)", S3Settings),
    ("Sources of documents", SourcesSettings),
    ("Parser processes", ParserSettings),
)


def groups() -> tuple[Group, ...]:
    """Give every group of variables of the built-in parts."""
    backends = (Group(title, model, tuple(name.upper() for name in model.model_fields)) for title, model in _BACKENDS)
    return (*_worker_groups(), *backends)


def known_names(plugins: Iterable[type[BaseModel]] = ()) -> frozenset[str]:
    """Give every variable name that is understood, aliases and the models of enabled plugins included."""
    models = {group.model for group in groups()} | set(plugins)
    return frozenset(name for model in models for name in names_of(model))


def misspelt(sources: Sources, plugins: Iterable[type[BaseModel]] = ()) -> tuple[NearMiss, ...]:
    """Find the variables that are set under a name which nothing reads and which resembles a known one."""
    return near_misses(sources.names(), known_names(plugins))


def _worker_groups() -> Iterator[Group]:
    """Each base of the worker's model is a group; the first line of its docstring is the title."""
    for base in reversed(WorkerSettings.__mro__):
        names = tuple(
            name.upper() for name in vars(base).get("__annotations__", {}) if name in WorkerSettings.model_fields
        )
        if names:
            yield Group((base.__doc__ or "").strip().split("\n")[0].removesuffix("."), WorkerSettings, names)
