"""What a field of a settings model says about its variable: its markers, and whether it is a secret, list or size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, TypeVar, get_args, get_origin

from pydantic import AliasChoices, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

MASK = "********"

_PASSWORD_IN_URL = re.compile(r"(://[^:/@\s]*:)[^@\s]+@")


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


Marker = TypeVar("Marker", ImpliedBy, Size, DefaultText)


def marker(field: FieldInfo, kind: type[Marker]) -> Marker | None:
    """Give the field's marker of this kind."""
    return next((found for found in field.metadata if isinstance(found, kind)), None)


def names_of(name: str, field: FieldInfo) -> tuple[str, ...]:
    """Give every name under which the variable can be set, its own first."""
    also = field.validation_alias
    return tuple(str(one).upper() for one in also.choices) if isinstance(also, AliasChoices) else (name.upper(),)


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
