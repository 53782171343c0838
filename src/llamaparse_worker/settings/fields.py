"""What a field of a settings model says about its variable: its markers, and whether it is a secret, list or size."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, TypeVar, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

MASK = "********"

_PASSWORD_IN_URL = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")


@dataclass(frozen=True, slots=True)
class AlsoNamed:
    """Further names of the variable; two names with different values contradict each other."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ImpliedBy:
    """The value that takes the default's place when any variable of the patterns is set."""

    value: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """The number counts bytes; KiB, MiB and GiB are understood. Names that end in ``_BYTES`` need no such marker."""


@dataclass(frozen=True, slots=True)
class DefaultText:
    """How the reference page writes a default that depends on the machine."""

    text: str


Marker = TypeVar("Marker", AlsoNamed, ImpliedBy, Size, DefaultText)


def marker(field: FieldInfo, kind: type[Marker]) -> Marker | None:
    """Give the field's marker of this kind."""
    return next((found for found in field.metadata if isinstance(found, kind)), None)


def fields_of(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Give the fields by variable name, in the order of the model."""
    return {name.upper(): field for name, field in model.model_fields.items()}


def names_of(model: type[BaseModel]) -> Iterator[str]:
    """Give every name under which a variable of the model can be set, aliases included."""
    for name, field in fields_of(model).items():
        yield name
        also = marker(field, AlsoNamed)
        yield from also.names if also else ()


def is_secret(field: FieldInfo) -> bool:
    """Whether the value must never be shown."""
    return any(kind in (SecretStr, SecretBytes) for kind in _kinds(field.annotation))


def is_list(field: FieldInfo) -> bool:
    """Whether the variable holds several values, separated by commas."""
    return any(get_origin(kind) in (tuple, list, set, frozenset) for kind in _kinds(field.annotation))


def is_size(name: str, field: FieldInfo) -> bool:
    """Whether the number counts bytes."""
    return name.endswith("_BYTES") or marker(field, Size) is not None


def masked(text: str, *, secret: bool) -> str:
    """Hide a secret, and a password within a URL."""
    return MASK if secret else _PASSWORD_IN_URL.sub(rf"\1{MASK}@", text)


def _kinds(annotation: object) -> Iterator[object]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _kinds(get_args(annotation)[0])
    elif origin in (tuple, list, set, frozenset, None):
        yield annotation
    else:
        for argument in get_args(annotation):
            if argument is not NoneType:
                yield from _kinds(argument)
