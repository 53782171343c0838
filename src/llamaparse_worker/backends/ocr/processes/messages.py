"""What the worker and an OCR process say to each other, in the frames of ``parsers.protocol``.

Pixels go along as a sealed memory file. Nothing that a process says is trusted: its answer is validated.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from llamaparse_worker.model.parsing import Refused
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.parsers.protocol import BrokenProtocol

_CONFIG = ConfigDict(ser_json_inf_nan="constants")
"""An impossible number of an engine is the page's failure, not a broken message."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """From what an OCR process makes its engine: a ``LocalEngine`` by name, and its settings as JSON."""

    target: str
    settings: str


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to be read; its samples come along."""

    width: int
    height: int
    channels: int
    dpi: float
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recognised:
    """What the engine has read."""

    found: Recognition
    type: Literal["recognised"] = "recognised"


Answer = Recognised | Refused


def encode_blueprint(blueprint: Blueprint) -> str:
    """Give the text for the fork server."""
    return _blueprints().dump_json(blueprint).decode()


def decode_blueprint(text: str) -> Blueprint:
    """Read the text that the worker gave."""
    return _blueprints().validate_json(text)


def encode_request(request: PageRequest) -> bytes:
    """Give the payload of a request."""
    return _requests().dump_json(request)


def decode_request(payload: bytes) -> PageRequest:
    """Read the payload of a request, which comes from the worker."""
    return _requests().validate_json(payload)


def encode_answer(answer: Answer) -> bytes:
    """Give the payload of an answer."""
    return _answers().dump_json(answer)


def decode_answer(payload: bytes) -> Answer:
    """Read the payload of an answer.

    Raises:
        BrokenProtocol: it is none.
    """
    try:
        return _answers().validate_json(payload)
    except ValidationError as error:
        raise BrokenProtocol(f"an answer with {error.error_count()} errors") from None


@cache
def _blueprints() -> TypeAdapter[Blueprint]:
    return TypeAdapter(Blueprint)


@cache
def _requests() -> TypeAdapter[PageRequest]:
    return TypeAdapter(PageRequest)


@cache
def _answers() -> TypeAdapter[Answer]:
    return TypeAdapter(Annotated[Answer, Field(discriminator="type")], config=_CONFIG)
