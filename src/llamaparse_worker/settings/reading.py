"""From the texts of the sources to a checked settings model, with every problem named at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.settings.fields import (
    AlsoNamed,
    ImpliedBy,
    fields_of,
    is_list,
    is_secret,
    is_size,
    marker,
    masked,
)
from llamaparse_worker.settings.sources import Found, Origin, OriginKind, Sources
from llamaparse_worker.settings.wording import allowed, schemas_of

M = TypeVar("M", bound=BaseModel)

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT])i?B", re.IGNORECASE)
_POWER = {"K": 1, "M": 2, "G": 3, "T": 4}


@dataclass(frozen=True, slots=True)
class Setting:
    """One variable as ``config print`` shows it; a secret's value is masked."""

    name: str
    value: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Attempt(Generic[M]):
    """One try to fill a model: the value, or what is wrong."""

    value: M | None
    found: Mapping[str, Found]
    problems: tuple[str, ...]


def read(model: type[M], *, overrides: Mapping[str, str] | None = None, sources: Sources | None = None) -> M:
    """Fill a settings model from the sources of this process, or from ``sources``.

    ``overrides`` are variables set by the command line; they hold only where no ``sources`` are given.

    Raises:
        ConfigurationError: values are wrong or contradict each other; the message names all of them.
    """
    attempt = _attempt(model, sources or Sources.of_process(overrides))
    if attempt.value is None:
        raise _refusal(attempt.problems)
    return attempt.value


def check(models: Iterable[type[BaseModel]], *, sources: Sources | None = None) -> None:
    """Try to fill several models, so that all their problems are named in one refusal.

    Raises:
        ConfigurationError: as ``read``.
    """
    found = sources or Sources.of_process()
    problems = [problem for model in models for problem in _attempt(model, found).problems]
    if problems:
        raise _refusal(tuple(dict.fromkeys(problems)))


def trace(model: type[BaseModel], *, sources: Sources | None = None) -> tuple[Setting, ...]:
    """Give every variable of a model with its value and origin.

    Raises:
        ConfigurationError: as ``read``.
    """
    attempt = _attempt(model, sources or Sources.of_process())
    if attempt.value is None:
        raise _refusal(attempt.problems)
    return tuple(
        Setting(
            name=name,
            value=_shown(getattr(attempt.value, name.lower()), field),
            origin=attempt.found[name].origin if name in attempt.found else Origin(OriginKind.DEFAULT),
        )
        for name, field in fields_of(model).items()
    )


def _refusal(problems: tuple[str, ...]) -> ConfigurationError:
    if len(problems) == 1:
        return ConfigurationError(problems[0])
    return ConfigurationError("\n".join([f"{len(problems)} settings cannot work:", *(f"  {one}" for one in problems)]))


def _attempt(model: type[M], sources: Sources) -> _Attempt[M]:
    found: dict[str, Found] = {}
    problems: list[str] = []
    for name, field in fields_of(model).items():
        try:
            match = _lookup(name, field, sources)
        except ConfigurationError as error:
            problems.append(error.message)
        else:
            found |= {name: match} if match else {}
    try:
        value = model.model_validate({name.lower(): _decoded(model, name, found[name].text) for name in found})
    except ValidationError as error:
        return _Attempt(None, found, (*problems, *_explained(model, error, found, lookups_failed=bool(problems))))
    return _Attempt(None if problems else value, found, tuple(problems))


def _lookup(name: str, field: FieldInfo, sources: Sources) -> Found | None:
    """Find a variable by its name or an alias, or by what implies its value.

    Raises:
        ConfigurationError: the names contradict each other, or as ``Sources.find``.
    """
    also = marker(field, AlsoNamed)
    matches = [match for one in (name, *(also.names if also else ())) if (match := sources.find(one))]
    commanded = [match for match in matches if match.origin.kind is OriginKind.COMMAND_LINE]
    if commanded:
        return commanded[0]
    if len({match.text.strip() for match in matches}) > 1:
        shown = " and ".join(f"{match.name}={masked(match.text, secret=is_secret(field))}" for match in matches)
        raise ConfigurationError(f"{shown} contradict each other: they are names of one setting; unset one of them")
    if matches:
        return matches[0]
    implied = marker(field, ImpliedBy)
    cause = sources.first(implied.patterns) if implied else None
    return Found(name, implied.value, Origin(OriginKind.IMPLIED, cause)) if implied and cause else None


def _decoded(model: type[BaseModel], name: str, text: str) -> str | tuple[str, ...]:
    field = fields_of(model)[name]
    if is_list(field):
        return tuple(part for one in text.split(",") if (part := one.strip()))
    if is_size(name, field) and (size := _SIZE.fullmatch(text.strip())):
        return str(int(float(size[1]) * 1024 ** _POWER[size[2].upper()]))
    return text if is_secret(field) else text.strip()


def _explained(
    model: type[BaseModel], error: ValidationError, found: Mapping[str, Found], *, lookups_failed: bool
) -> Iterator[str]:
    """Say for each wrong value the variable, the value and what is allowed.

    Where a lookup failed, a missing value or a rule about several values is only its consequence and is left out.
    """
    fields, schemas = fields_of(model), schemas_of(model)
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        reason = one["msg"].removeprefix("Value error, ")
        name = str(one["loc"][0]).upper() if one["loc"] else ""
        match = found.get(name)
        if not name and not lookups_failed:
            yield reason
        elif match:
            text = masked(match.text, secret=is_secret(fields[name]))
            place = "" if match.origin.kind is OriginKind.ENVIRONMENT else f" ({match.origin})"
            choice = allowed(schemas[name], size=is_size(name, fields[name]))
            yield f"{match.name}={text}{place}: {reason}; allowed: {choice}"
        elif name and not lookups_failed:
            yield f"{name} is required, but not set; allowed: {allowed(schemas[name])}"


def _shown(value: object, field: FieldInfo) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case SecretStr() | SecretBytes():
            return masked("", secret=True) if value else ""
        case tuple() | list():
            return ",".join(_shown(one, field) for one in value)
        case set() | frozenset():
            return ",".join(sorted(_shown(one, field) for one in value))
        case _:
            return masked(str(value), secret=is_secret(field))
