"""Settings of what a message may name as a source beside object keys. By default nothing on this machine or network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _listed(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _absolute(roots: tuple[Path, ...]) -> tuple[Path, ...]:
    for root in roots:
        if not root.is_absolute():
            raise ValueError(f"{root} is not an absolute path")
    return roots


class SourcesSettings(BaseModel):
    """Roots of ``file://`` and rules of ``https://`` sources."""

    model_config = ConfigDict(frozen=True)

    file_source_roots: Annotated[tuple[Path, ...], BeforeValidator(_listed), AfterValidator(_absolute)] = Field(
        default=(),
        description="Comma-separated absolute folders below which file:// sources are read; none: file:// is refused",
    )
    url_source_hosts: Annotated[tuple[str, ...], BeforeValidator(_listed)] = Field(
        default=(),
        description="Comma-separated hosts (host or host:port) that https:// sources may name although they are not "
        "public; every public host is allowed on port 443",
    )
    url_source_timeout_seconds: float = Field(
        default=120, gt=0, le=3600, description="Time limit of one https:// download, redirects included"
    )
    url_source_ca_file: Path | None = Field(
        default=None,
        description="PEM file of authorities to trust for https:// sources beside those of the system",
    )
