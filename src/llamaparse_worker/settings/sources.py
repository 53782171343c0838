"""Where a variable's text comes from, in order of precedence."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from llamaparse_worker.errors import ConfigurationError

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

    def find(self, name: str) -> Found | None:
        """Look a variable up.

        Raises:
            ConfigurationError: it is set both directly and as a file, or its file cannot be read or is empty.
        """
        if text := self.overrides.get(name):
            return Found(name, text, Origin(OriginKind.COMMAND_LINE))
        direct, file = self.environment.get(name), self.environment.get(f"{name}_FILE")
        if direct and file:
            raise ConfigurationError(f"{name} and {name}_FILE are both set; unset one of them")
        if direct:
            return Found(name, direct, Origin(OriginKind.ENVIRONMENT, name))
        if file:
            return Found(name, _content(f"{name}_FILE", Path(file)), Origin(OriginKind.FILE, file))
        for kind, path in self._files(name):
            return Found(name, _content(name, path), Origin(kind, str(path)))
        return None

    def names(self) -> frozenset[str]:
        """Give the names of all variables that are set, by whatever source."""
        found = {name for name, text in (*self.overrides.items(), *self.environment.items()) if text}
        found |= {name.removesuffix("_FILE") for name in found}
        for _, folder in self._folders():
            found |= {path.name.upper() for path in folder.iterdir() if path.is_file()}
        return frozenset(found)

    def first(self, patterns: tuple[str, ...]) -> str | None:
        """Give the first name, in the order of the patterns (``*`` stands for any text), that is set."""
        names = sorted(self.names())
        return next((name for pattern in patterns for name in names if fnmatchcase(name, pattern)), None)

    def _folders(self) -> Iterator[tuple[OriginKind, Path]]:
        for kind, folder in ((OriginKind.CREDENTIAL, self.credentials), (OriginKind.SECRET, self.secrets)):
            if folder is not None and os.access(folder, os.R_OK | os.X_OK) and folder.is_dir():
                yield kind, folder

    def _files(self, name: str) -> Iterator[tuple[OriginKind, Path]]:
        for kind, folder in self._folders():
            for path in (folder / name, folder / name.lower()):
                if path.is_file():
                    yield kind, path


def _content(name: str, path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_FILE_BYTES + 1)
        text = raw.decode().rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{name}: {path} is not UTF-8 text") from error
    if len(raw) > _LARGEST_FILE_BYTES:
        raise ConfigurationError(f"{name}: {path} has more than {_LARGEST_FILE_BYTES} bytes")
    if not text:
        raise ConfigurationError(f"{name}: {path} is empty")
    return text
