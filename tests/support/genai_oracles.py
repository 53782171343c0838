"""What the providers' own libraries say about a request: a second opinion on every body that is sent.

A ``TypedDict`` lets unknown keys pass and keeps iterables for later. So what was understood is read to its end and must
be all of what was given.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

import botocore.session
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from botocore.validate import ParamValidator
from google.genai import types as google
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming
from pydantic import TypeAdapter

_OPENAI = TypeAdapter(CompletionCreateParamsNonStreaming)
_ANTHROPIC = TypeAdapter(MessageCreateParamsNonStreaming)
_CONVERSE = botocore.session.get_session().get_service_model("bedrock-runtime").operation_model("Converse")


def check_openai(body: Mapping[str, Any]) -> None:
    """Hold a body against the types of the library ``openai``."""
    assert _drained(_OPENAI.validate_python(body)) == body


def check_anthropic(body: Mapping[str, Any]) -> None:
    """Hold a body against the types of the library ``anthropic``.

    They are those of the API's version 2026-10-21, which has no temperature any more; the version before it has.
    """
    newer = {key: value for key, value in body.items() if key != "temperature"}
    assert _drained(_ANTHROPIC.validate_python(newer)) == newer


def check_gemini(body: Mapping[str, Any]) -> None:
    """Hold a body against the models of the library ``google-genai``, which refuse unknown keys."""
    assert body.keys() <= {"systemInstruction", "contents", "generationConfig"}
    google.Content.model_validate(body["systemInstruction"])
    for content in body["contents"]:
        google.Content.model_validate(content)
    google.GenerationConfig.model_validate(body["generationConfig"])


def check_converse(body: Mapping[str, Any]) -> None:
    """Hold a body against the service model of ``botocore``, which refuses unknown keys."""
    report = ParamValidator().validate(
        {"modelId": "model"} | {key: _with_bytes(one) for key, one in body.items()}, _CONVERSE.input_shape
    )
    assert not report.has_errors(), report.generate_report()


def _with_bytes(value: object) -> object:
    match value:
        case {"bytes": str() as text}:
            return {"bytes": base64.b64decode(text, validate=True)}
        case dict():
            return {key: _with_bytes(one) for key, one in value.items()}
        case list():
            return [_with_bytes(one) for one in value]
        case _:
            return value


def _drained(value: object) -> object:
    match value:
        case str() | bytes():
            return value
        case Mapping():
            return {key: _drained(one) for key, one in value.items()}
        case Iterable():
            return [_drained(one) for one in value]
        case _:
            return value
