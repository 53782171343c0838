"""From the texts of the sources to a checked settings model, with every problem named at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

from pydantic import BaseModel, ValidationError, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.settings.fields import is_list, is_secret, is_size, masked, names_of
from llamaparse_worker.settings.sources import (
    EnvironmentSource,
    FileSource,
    FolderSource,
    ImpliedSource,
    Origin,
    OriginKind,
    Reading,
    Sources,
)
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


class _FromSources(BaseSettings):
    """Mixed into a plain model for one reading."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, enable_decoding=False, validate_default=False)
    reading: ClassVar[Reading]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Give the sources, strongest first."""
        del env_settings, dotenv_settings, file_secret_settings
        return (
            init_settings,
            EnvironmentSource(settings_cls, cls.reading),
            FileSource(settings_cls, cls.reading),
            *(FolderSource(settings_cls, path, kind, cls.reading) for kind, path in cls.reading.sources.folders()),
            ImpliedSource(settings_cls, cls.reading),
        )

    @model_validator(mode="before")
    @classmethod
    def _decoded(cls, texts: Mapping[str, str]) -> Mapping[str, str | tuple[str, ...]]:
        return {name: _decoded(name.upper(), cls.model_fields[name], text) for name, text in texts.items()}


def read(model: type[M], *, overrides: Mapping[str, str] | None = None, sources: Sources | None = None) -> M:
    """Fill a settings model from the sources of this process, or from ``sources``.

    ``overrides`` are variables set by the command line; they hold only where no ``sources`` are given.

    Raises:
        ConfigurationError: values are wrong or contradict each other; the message names all of them.
    """
    return _filled(model, Reading(sources or Sources.of_process(overrides)))


def check(models: Iterable[type[BaseModel]], *, sources: Sources | None = None) -> None:
    """Try to fill several models, so that all their problems are named in one refusal.

    Raises:
        ConfigurationError: as ``read``.
    """
    found = sources or Sources.of_process()
    problems = [problem for model in models for problem in _fill(model, Reading(found))[1]]
    if problems:
        raise _refusal(tuple(dict.fromkeys(problems)))


def trace(model: type[BaseModel], *, sources: Sources | None = None) -> tuple[Setting, ...]:
    """Give every variable of a model with its value and origin.

    Raises:
        ConfigurationError: as ``read``.
    """
    reading = Reading(sources or Sources.of_process())
    value, default = _filled(model, reading), Origin(OriginKind.DEFAULT)
    return tuple(
        Setting(
            name=name.upper(),
            value=_shown(getattr(value, name), field),
            origin=reading.found[name].origin if name in reading.found else default,
        )
        for name, field in model.model_fields.items()
    )


def _refusal(problems: tuple[str, ...]) -> ConfigurationError:
    if len(problems) == 1:
        return ConfigurationError(problems[0])
    return ConfigurationError("\n".join([f"{len(problems)} settings cannot work:", *(f"  {one}" for one in problems)]))


def _filled(model: type[M], reading: Reading) -> M:
    value, problems = _fill(model, reading)
    if value is None:
        raise _refusal(problems)
    return value


def _fill(model: type[M], reading: Reading) -> tuple[M | None, tuple[str, ...]]:
    """Fill a model; gives it, or everything that is wrong."""
    reader = cast("type[_FromSources]", create_model(model.__name__, __base__=(model, _FromSources)))
    reader.reading = reading
    for name, field in model.model_fields.items():
        for text in filter(None, map(reading.sources.overrides.get, names_of(name, field))):
            reading.note(name, name.upper(), text, Origin(OriginKind.COMMAND_LINE))
    try:
        value = cast("M", reader(**{name: one.text for name, one in reading.found.items()}))
    except ValidationError as error:
        return None, (*reading.problems, *_explained(model, error, reading))
    return (None if reading.problems else value), tuple(reading.problems)


def _decoded(name: str, field: FieldInfo, text: str) -> str | tuple[str, ...]:
    if is_list(field):
        return tuple(part for one in text.split(",") if (part := one.strip()))
    if is_size(name, field) and (size := _SIZE.fullmatch(text.strip())):
        return str(int(float(size[1]) * 1024 ** _POWER[size[2].upper()]))
    return text if is_secret(field) else text.strip()


def _explained(model: type[BaseModel], error: ValidationError, reading: Reading) -> Iterator[str]:
    """Say for each wrong value the variable, the value and what is allowed.

    Where a source failed, a missing value or a rule about several values is only its consequence and is left out.
    """
    schemas = schemas_of(model)
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        reason = one["msg"].removeprefix("Value error, ")
        field_name = str(one["loc"][0]) if one["loc"] else ""
        name = field_name.upper()
        match = reading.found.get(field_name)
        if match:
            field = model.model_fields[field_name]
            text = masked(match.text, secret=is_secret(field))
            place = "" if match.origin.kind is OriginKind.ENVIRONMENT else f" ({match.origin})"
            choice = allowed(schemas[name], size=is_size(name, field))
            yield f"{match.name}={text}{place}: {reason}; allowed: {choice}"
        elif not reading.problems:
            yield f"{name} is required, but not set; allowed: {allowed(schemas[name])}" if name else reason


def _shown(value: object, field: FieldInfo) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple() | list():
            return ",".join(_shown(one, field) for one in value)
        case set() | frozenset():
            return ",".join(sorted(_shown(one, field) for one in value))
        case _:
            return masked(str(value), secret=is_secret(field)) if str(value) else ""
