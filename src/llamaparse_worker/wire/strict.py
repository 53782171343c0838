"""The base of every model that crosses a border."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Refuses names that it does not know, and never changes.

    Its validator is built when the first value is made: most processes meet a few of these models only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
