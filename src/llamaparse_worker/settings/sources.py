"""Where a variable's text comes from: the sources of pydantic-settings, made to keep the origin of what they find."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, SecretsSettingsSource
from pydantic_settings.sources import PydanticBaseEnvSettingsSource

from llamaparse_worker.settings.fields import ImpliedBy, is_secret, marker, masked, names_of

_LARGEST_FILE_BYTES = 65_536
_SECRETS = Path("/run/secrets")


class OriginKind(StrEnum):
    """The kinds of sources, strongest first."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    CREDENTIAL = "credential"
    SECRET = "secret"  # noqa: S105 -- the name of a kind of source, not a password
    IMPLIED = "implied by"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where one value came from; ``detail`` is the name or path that makes it traceable."""

    kind: OriginKind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.detail}".rstrip()


@dataclass(frozen=True, slots=True)
class Found:
    """The text of a variable as some source has it, not yet checked."""

    name: str
    text: str = field(repr=False)
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """All places where variables are looked for."""

    overrides: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    credentials: Path | None = None
    secrets: Path | None = None

    @classmethod
    def of_process(cls, overrides: Mapping[str, str] | None = None) -> Sources:
        """Give the sources of this process; ``overrides`` are variables that the command line sets."""
        credentials = os.environ.get("CREDENTIALS_DIRECTORY")
        return cls(
            overrides=overrides or {},
            environment=dict(os.environ),
            credentials=Path(credentials) if credentials else None,
            secrets=_SECRETS,
        )

    def folders(self) -> Iterator[tuple[OriginKind, Path]]:
        """Give the folders of secrets that can be read, the stronger first."""
        for kind, folder in ((OriginKind.CREDENTIAL, self.credentials), (OriginKind.SECRET, self.secrets)):
            if folder is not None and os.access(folder, os.R_OK | os.X_OK) and folder.is_dir():
                yield kind, folder

    def names(self) -> frozenset[str]:
        """Give the names of all variables that are set, by whatever source."""
        found = {name for name, text in (*self.overrides.items(), *self.environment.items()) if text}
        found |= {name.removesuffix("_FILE") for name in found}
        for _, folder in self.folders():
            found |= {path.name.upper() for path in folder.iterdir() if path.is_file()}
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one model: what its fields were found as, and what is wrong; its sources fill both."""

    sources: Sources
    found: dict[str, Found] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def note(self, field_name: str, name: str, text: str, origin: Origin) -> str:
        """Keep what a source found; gives the text."""
        self.found[field_name] = Found(name, text, origin)
        return text

    def content(self, field_name: str, files: Iterable[tuple[str, Path | None]], kind: OriginKind) -> str | None:
        """Give the text of a field's first file; one without a usable value becomes a problem."""
        for name, path in files:
            if path is None or field_name in self.found:
                continue
            try:
                text = _content(path)
            except OSError as error:
                self.problems.append(f"{name}: cannot read {path}: {error.strerror}")
            except UnicodeDecodeError:
                self.problems.append(f"{name}: {path} is not UTF-8 text")
            except ValueError as error:
                self.problems.append(f"{name}: {path} {error}")
            else:
                return self.note(field_name, name.removesuffix("_FILE"), text, Origin(kind, str(path)))
        return None


class EnvironmentSource(EnvSettingsSource):
    """``NAME`` in the environment, in capitals; an empty one counts as unset."""

    def __init__(self, settings: type[BaseSettings], reading: Reading) -> None:
        super().__init__(settings)
        environment = reading.sources.environment
        self.env_vars = {name.lower(): text for name, text in environment.items() if text and name.isupper()}
        self._reading = reading

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Give the text; names that contradict each other become problems."""
        text, key, is_complex = super().get_field_value(field, field_name)
        if text is not None and field_name not in self._reading.found:
            names = self._set(field_name, field)
            self._reading.note(field_name, names[0], text, Origin(OriginKind.ENVIRONMENT, names[0]))
            self._reading.problems.extend(self._contradictions(names, field_name, field))
        return text, key, is_complex

    def _contradictions(self, names: Sequence[str], field_name: str, field: FieldInfo) -> Iterator[str]:
        for file in self._set(field_name, field, "_FILE"):
            yield f"{names[0]} and {file} are both set; unset one of them"
        texts = {name: self.env_vars[name.lower()] or "" for name in names}
        if len({text.strip() for text in texts.values()}) > 1:
            shown = " and ".join(f"{name}={masked(text, secret=is_secret(field))}" for name, text in texts.items())
            yield f"{shown} contradict each other: they are names of one setting; unset one of them"

    def _set(self, field_name: str, field: FieldInfo, suffix: str = "") -> list[str]:
        names = (name + suffix for name in names_of(field_name, field))
        return [name for name in names if name.lower() in self.env_vars]


class FileSource(EnvironmentSource):
    """The file that ``NAME_FILE`` in the environment names."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Give the content of the file."""
        files = [(name, Path(self.env_vars[name.lower()] or "")) for name in self._set(field_name, field, "_FILE")]
        return self._reading.content(field_name, files, OriginKind.FILE), field_name, False


class FolderSource(SecretsSettingsSource):
    """A folder with a file for each variable: systemd's credentials, or ``/run/secrets``."""

    def __init__(self, settings: type[BaseSettings], folder: Path, kind: OriginKind, reading: Reading) -> None:
        super().__init__(settings, secrets_dir=folder)
        self._folder = folder
        self._kind = kind
        self._reading = reading

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Give the content of the file, which is found in whatever case but read as any other file here."""
        names = names_of(field_name, field)
        files = [(name, self.find_case_path(self._folder, name, case_sensitive=False)) for name in names]
        return self._reading.content(field_name, files, self._kind), field_name, False


class ImpliedSource(PydanticBaseEnvSettingsSource):
    """What other variables imply in place of a default."""

    def __init__(self, settings: type[BaseSettings], reading: Reading) -> None:
        super().__init__(settings)
        self._reading = reading

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Give the text that the first variable implies, in the order of the patterns."""
        implied = marker(field, ImpliedBy)
        if implied and field_name not in self._reading.found:
            names = sorted(self._reading.sources.names())
            for cause in (name for pattern in implied.patterns for name in names if fnmatchcase(name, pattern)):
                origin = Origin(OriginKind.IMPLIED, cause)
                return self._reading.note(field_name, field_name.upper(), implied.value, origin), field_name, False
        return None, field_name, False


def _content(path: Path) -> str:
    with path.open("rb") as file:
        raw = file.read(_LARGEST_FILE_BYTES + 1)
    if len(raw) > _LARGEST_FILE_BYTES:
        raise ValueError(f"has more than {_LARGEST_FILE_BYTES} bytes")
    if not (text := raw.decode().strip()):
        raise ValueError("is empty")
    return text
