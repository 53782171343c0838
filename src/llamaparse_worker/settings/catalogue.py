"""All variables that the built-in parts read, in the order of the reference page, and names that resemble them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pydantic import BaseModel

from llamaparse_worker.backends.broker.embedded.settings import EmbeddedQueueSettings
from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.backends.genai.settings import GenAiSettings
from llamaparse_worker.backends.jobs.postgres.settings import PostgresSettings
from llamaparse_worker.backends.jobs.sqlite.settings import SqliteSettings
from llamaparse_worker.backends.objects.filesystem.settings import FilesystemSettings
from llamaparse_worker.backends.objects.s3.settings import S3Settings
from llamaparse_worker.backends.objects.sources_settings import SourcesSettings
from llamaparse_worker.backends.ocr.openvino.settings import DeviceSettings
from llamaparse_worker.backends.ocr.remote.settings import RemoteOcrSettings
from llamaparse_worker.backends.ocr.settings import OcrPoolSettings
from llamaparse_worker.backends.ocr.tesseract.settings import TessdataSettings
from llamaparse_worker.backends.webhooks.settings import WebhookSettings
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.settings.fields import names_of
from llamaparse_worker.settings.sources import Sources
from llamaparse_worker.settings.worker import OcrServiceSettings, OcrServiceVariables, ServiceManager, WorkerSettings


@dataclass(frozen=True, slots=True)
class Group:
    """Variables that belong together; ``names`` is a part of the model's variables or all of them."""

    title: str
    model: type[BaseModel]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NearMiss:
    """A name that nothing reads, and the variable that was probably meant."""

    name: str
    meant: str


ALWAYS_READ: tuple[type[BaseModel], ...] = (WorkerSettings, ParserSettings, SourcesSettings, WebhookSettings)
"""Models of parts that run whatever components are chosen."""

_OTHERS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Queue on this machine (`BROKER=embedded`)", EmbeddedQueueSettings),
    ("RabbitMQ (`BROKER=rabbitmq`)", RabbitMqSettings),
    ("SQLite (`JOBS=sqlite`)", SqliteSettings),
    ("PostgreSQL (`JOBS=postgres`)", PostgresSettings),
    ("File system (`OBJECTS=filesystem`)", FilesystemSettings),
    ("S3 (`OBJECTS=s3`)", S3Settings),
    ("OCR in this process (`OCR_ENGINE=openvino` or `tesseract`)", OcrPoolSettings),
    ("OpenVINO (`OCR_ENGINE=openvino`)", DeviceSettings),
    ("Models of Tesseract", TessdataSettings),
    ("Sources of documents", SourcesSettings),
    ("Webhooks", WebhookSettings),
    ("OCR service elsewhere (`OCR_ENGINE=remote`)", RemoteOcrSettings),
    ("Parser processes", ParserSettings),
    ("Set by systemd", ServiceManager),
)


_SIMILARITY = 0.86
_SERVICE_LINK = re.compile(r".*_(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP)(_(ADDR|PORT|PROTO))?)?)")
"""Variables that Kubernetes sets for each Service; they are nobody's mistake."""

_ORIGINAL_MODELS = (
    "GEMINI_1_5_FLASH GEMINI_1_5_PRO GEMINI_2_0_FLASH GEMINI_2_0_FLASH_LITE GEMINI_2_5_FLASH GEMINI_2_5_PRO "
    "OPENAI_GPT_4O_MINI OPENAI_GPT_4O OPENAI_GPT_4_1 OPENAI_GPT_4_1_MINI OPENAI_GPT_4_1_NANO OPENAI_GPT_5 "
    "OPENAI_GPT_5_MINI OPENAI_GPT_5_NANO OPENAI_WHISPER_1 ANTHROPIC_SONNET_3_5 ANTHROPIC_SONNET_3_7 "
    "ANTHROPIC_SONNET_4_0 ANTHROPIC_SONNET_4_5 ANTHROPIC_HAIKU_3_5 ANTHROPIC_HAIKU_4_5"
)
_ORIGINAL = frozenset(
    {
        *(f"{name}_CONCURRENCY" for name in _ORIGINAL_MODELS.split()),
        "JOB_API_SERVICE_PORT",
        "JOB_SERVICE_URL",
        "LAYOUT_EXTRACTION_CONCURRENCY",
        "LAYOUT_EXTRACTION_V2_CONCURRENCY",
        "LAYOUT_MODE_BLOCK_PARSE_CONCURRENCY",
        "LAYOUT_MODE_PAGE_CONCURRENCY",
        "LAYOUT_MODE_READING_ORDER_DETECTION_CONCURRENCY",
        "S3_DOCUMENT_BUCKET_NAME",
        "S3_ETL_BUCKET_NAME",
        "S3_EXTERNAL_COMPONENTS_BUCKET_NAME",
        "S3_FILE_PARSING_BUCKET_NAME",
        "S3_FILE_SCREENSHOT_BUCKET_NAME",
        "S3_LLAMA_CLOUD_PARSE_OUTPUT_BUCKET_NAME",
        "S3_LLAMA_EXTRACT_OUTPUT_BUCKET_NAME",
        "S3_OUTPUT_BUCKET",
        "S3_RAW_FILE_BUCKET_NAME",
        "S3_SIGNATURE_VERSION",
        "S3_UPLOAD_BUCKET",
    }
)
"""Variables of the original deployment that are right there even where this worker does not read them."""


def groups() -> tuple[Group, ...]:
    """Give every group of variables of the built-in parts."""
    others = (Group(title, model, tuple(name.upper() for name in model.model_fields)) for title, model in _OTHERS)
    return (*_by_base(WorkerSettings), *others, *_by_base(GenAiSettings), _ocr_service())


def known_names(plugins: Iterable[type[BaseModel]] = ()) -> frozenset[str]:
    """Give every variable name that is understood, aliases and the models of enabled plugins included."""
    models = {group.model for group in groups()} | set(plugins)
    return frozenset(name for model in models for field in model.model_fields.items() for name in names_of(*field))


def misspelt(sources: Sources, plugins: Iterable[type[BaseModel]] = ()) -> tuple[NearMiss, ...]:
    """Find the variables that are set under a name which nothing reads and which resembles a known one."""
    return tuple(_misses(sorted(sources.names()), known_names(plugins)))


def _by_base(model: type[BaseModel]) -> Iterator[Group]:
    """Each base of a large model is a group; the first line of its docstring is the title."""
    for base in reversed(model.__mro__):
        names = tuple(name.upper() for name in vars(base).get("__annotations__", {}) if name in model.model_fields)
        if names:
            yield Group((base.__doc__ or "").strip().split("\n")[0].removesuffix("."), model, names)


def _ocr_service() -> Group:
    names = tuple(name.upper() for name in OcrServiceVariables.__annotations__)
    return Group("OCR service (`llamaparse-worker ocr`)", OcrServiceSettings, names)


def _misses(names: Collection[str], known: frozenset[str]) -> Iterator[NearMiss]:
    families = tuple({f"{name.partition('_')[0]}_" for name in known if "_" in name})
    for name in names:
        plain = name.removesuffix("_FILE")
        if {name, plain} & (known | _ORIGINAL) or f"{name}_FILE" in names or _SERVICE_LINK.fullmatch(name):
            continue  # NAME and NAME_FILE are one mistake: the latter is the one that is named
        if not plain.startswith(families) and not plain.endswith("_CONCURRENCY"):
            continue
        for meant in get_close_matches(plain, known, n=1, cutoff=_SIMILARITY):
            yield NearMiss(name, meant)
