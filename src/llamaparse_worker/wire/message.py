"""The queue message: decoded, checked, and turned into a job."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import Annotated, Literal, TypedDict

from pydantic import AwareDatetime, Field, ValidationError

from llamaparse_worker.errors import InvalidJob, InvalidOption
from llamaparse_worker.model.job import Job, Priority, SourceKind, SourceRef
from llamaparse_worker.model.options import CacheUse, ModeName, ParseOptions, PromptOptions, ResultKind
from llamaparse_worker.model.webhook import NEVER_SENT, Webhook
from llamaparse_worker.wire.auto_mode import rules_from
from llamaparse_worker.wire.configuration import MAX_PROMPT, ParseConfiguration, ProcessingOptions
from llamaparse_worker.wire.options import options_of
from llamaparse_worker.wire.strict import Strict
from llamaparse_worker.wire.webhook import MOST_WEBHOOKS, WebhookTarget, webhook_of

MESSAGE_VERSION: Literal["1"] = "1"
MAX_MESSAGE_BYTES = 1 << 20
"""A message says where its document lies and how to parse it: hundreds of bytes as a rule."""
_JOB_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"


class JobMessage(Strict):
    """A parse job as a producer publishes it to the queue."""

    version: Literal["1"] = MESSAGE_VERSION
    job_id: str = Field(pattern=_JOB_ID, description="Unique, chosen by the producer; the same id is parsed once")
    source: str = Field(
        min_length=1,
        max_length=4096,
        description="An object key of the configured store, or s3://bucket/key, file:///path or https://address",
    )
    file_name: str | None = Field(default=None, max_length=1024, description="Shown to users; default: end of source")
    output_prefix: str = Field(
        default="results", max_length=1024, pattern=r"^[A-Za-z0-9_./=-]*$", description="Key prefix of the results"
    )
    mode: ModeName | None = Field(default=None, description="Default: what configuration.tier says, else fast")
    ocr: str = Field(default="auto", max_length=64, description="auto, off, or the name of an OCR engine")
    results: tuple[ResultKind, ...] = Field(
        default=(), max_length=len(ResultKind), description="The result files to write; default: all of them"
    )
    configuration: ParseConfiguration = ParseConfiguration()
    system_prompt: str | None = Field(
        default=None, max_length=MAX_PROMPT, description="Takes the place of the system prompt of the mode"
    )
    system_prompt_append: str | None = Field(
        default=None,
        max_length=MAX_PROMPT,
        description="Follows the system prompt, as agentic_options.custom_prompt does",
    )
    user_prompt: str | None = Field(
        default=None,
        max_length=MAX_PROMPT,
        description="What models are to make of the text of each page; the answer is then judged by its form alone",
    )
    do_not_cache: bool = Field(default=False, description="As configuration.disable_cache")
    invalidate_cache: bool = Field(
        default=False, description="Use no pages of earlier jobs, and keep the new ones in their place"
    )
    whole_document: bool = Field(
        default=False,
        description="Ask models about several pages at once where they fit, as parse_document_with_* of LlamaParse do",
    )
    auto_mode: bool = Field(
        default=False,
        description="Parse pages with a trigger below in the mode agentic, and those whose reading is not to be relied"
        " on",
    )
    auto_mode_trigger_on_table_in_page: bool = False
    auto_mode_trigger_on_image_in_page: bool = False
    auto_mode_trigger_on_text_in_page: str | None = Field(default=None, max_length=1000)
    auto_mode_trigger_on_regexp_in_page: str | None = Field(default=None, max_length=1000)
    auto_mode_configuration_json: str | None = Field(
        default=None,
        max_length=100_000,
        description="Rules as in processing_options.auto_mode_configuration, as JSON; they come after these",
    )
    max_cost: float | None = Field(
        default=None,
        gt=0,
        description="What the calls of models may cost in all, in the currency of the prices that the worker knows; "
        "default: JOB_MAX_COST",
    )
    at_max_cost: Literal["finish", "fail"] = Field(
        default="finish",
        description="Where that is reached, finish as the mode fast would and flag the result, or fail the job",
    )
    project_id: str = Field(default="default", max_length=256)
    tenant: str | None = Field(default=None, max_length=256)
    priority: Priority | None = Field(
        default=None, description="Default: that of the queue to which the message is published"
    )
    metadata: Annotated[dict[str, str], Field(max_length=64)] = Field(default={})
    deadline: AwareDatetime | None = Field(
        default=None, description="Work that has not begun by then fails: EXPIRED or NO_MODEL_IN_TIME"
    )
    webhooks: tuple[WebhookTarget, ...] = Field(
        default=(), max_length=MOST_WEBHOOKS, description="Whom to tell about the end of the job by HTTPS"
    )


def read_message(body: bytes) -> JobMessage:
    """Decode and check a message.

    Raises:
        InvalidOption: an option of ``configuration`` is unknown or wrong; its path is in the message.
        InvalidJob: anything else is wrong.
    """
    if len(body) > MAX_MESSAGE_BYTES:
        raise InvalidJob(f"message: {len(body)} bytes, more than {MAX_MESSAGE_BYTES}; a document is named, not sent")
    try:
        return JobMessage.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "message"
        kind = InvalidOption if path.startswith(("configuration", "mode")) else InvalidJob
        raise kind(f"{path}: {first['msg']}") from None


def job_of(message: JobMessage, *, traceparent: str | None = None, priority: Priority = Priority.MEDIUM) -> Job:
    """Turn a checked message into a job; ``priority`` is that of its queue, and holds where the message names none.

    Raises:
        InvalidJob: the source or an option cannot work; see ``options_of``.
    """
    source = source_of(message.source)
    options = options_of(_with_auto_mode(message), message.mode)
    webhooks = webhooks_of(message)
    if any(webhook.events <= NEVER_SENT for webhook in webhooks):
        options = replace(options, ignored=(*options.ignored, "webhooks.events"))
    return Job(
        id=message.job_id,
        source=source,
        file_name=message.file_name or source.location.rstrip("/").rpartition("/")[2] or "document",
        output_prefix=message.output_prefix.strip("/"),
        options=replace(
            options,
            cache=_cache_use(message, options),
            ocr=message.ocr,
            results=message.results,
            max_cost=message.max_cost,
            fails_at_max_cost=message.at_max_cost == "fail",
            **_of_models(message, options),
        ),
        project=message.project_id,
        tenant=message.tenant,
        priority=message.priority or priority,
        metadata=message.metadata,
        deadline=message.deadline,
        traceparent=traceparent,
        webhooks=webhooks,
    )


def webhooks_of(message: JobMessage) -> tuple[Webhook, ...]:
    """Give the webhooks of a message, in the order in which their calls count them."""
    configured = message.configuration.webhook_configurations or ()
    return tuple(webhook_of(target) for target in (*message.webhooks, *(one.target() for one in configured)))


def _with_auto_mode(message: JobMessage) -> ParseConfiguration:
    """Give the configuration with the rules that the older options stand for.

    Raises:
        InvalidOption: an expression or the rules cannot be read.
    """
    if not message.auto_mode:
        return message.configuration
    agentic: dict[str, object] = {
        "parsing_conf": {"tier": "agentic"},
        "page_md_error": True,
        "table_in_page": message.auto_mode_trigger_on_table_in_page or None,
        "image_in_page": message.auto_mode_trigger_on_image_in_page or None,
        "text_in_page": message.auto_mode_trigger_on_text_in_page,
        "regexp_in_page": message.auto_mode_trigger_on_regexp_in_page,
    }
    processing = message.configuration.processing_options or ProcessingOptions()
    rules = (
        *rules_from(json.dumps([agentic])),
        *rules_from(message.auto_mode_configuration_json or "[]"),
        *(processing.auto_mode_configuration or ()),
    )
    processing = processing.model_copy(update={"auto_mode_configuration": rules})
    return message.configuration.model_copy(update={"processing_options": processing})


def _cache_use(message: JobMessage, options: ParseOptions) -> CacheUse:
    if message.do_not_cache or options.cache is CacheUse.NONE:
        return CacheUse.NONE
    return CacheUse.RENEW if message.invalidate_cache else CacheUse.USE


class _OfModels(TypedDict):
    prompts: PromptOptions
    whole_document: bool
    ignored: tuple[str, ...]


def _of_models(message: JobMessage, options: ParseOptions) -> _OfModels:
    """Give what models are told, and of how much at once; a job that asks none says so."""
    names = {"system_prompt", "system_prompt_append", "user_prompt", "whole_document"}
    given = message.model_dump(include=names, exclude_defaults=True)
    if not options.asks_models:
        return {
            "prompts": PromptOptions(),
            "whole_document": False,
            "ignored": tuple(sorted((*options.ignored, *given))),
        }
    appended = filter(None, (message.system_prompt_append, options.prompts.system_append))
    prompts = PromptOptions(
        system=message.system_prompt or "", system_append="\n\n".join(appended), user=message.user_prompt or ""
    )
    return {"prompts": prompts, "whole_document": message.whole_document, "ignored": options.ignored}


def source_of(source: str) -> SourceRef:
    """Judge a source by its scheme; without one it is an object key.

    Raises:
        InvalidJob: the scheme is unknown, or the key leaves the store.
    """
    scheme, separator, rest = source.partition("://")
    if not separator:
        if source.startswith("/") or ".." in source.split("/"):
            message = "source: an object key has no leading slash and no '..'"
            raise InvalidJob(message)
        return SourceRef(SourceKind.OBJECT, source)
    match scheme.lower():
        case "s3" if all(rest.partition("/")):
            return SourceRef(SourceKind.S3, source)
        case "file":
            return SourceRef(SourceKind.FILE, source)
        case "https":
            return SourceRef(SourceKind.HTTPS, source)
        case _:
            message = f"source: {scheme}:// is not one of s3://bucket/key, file://, https:// or an object key"
            raise InvalidJob(message)


def new_job_id() -> str:
    """Make an id for a job that this program submits itself."""
    return f"pjb-{uuid.uuid4()}"
