"""The base of every model that crosses a border."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Refuses names that it does not know, and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
