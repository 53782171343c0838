"""Fixtures for every tier."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a case that takes long says that the machine is busy, no more
settings.load_profile("untimed")

pytest_plugins = ["support.services", "support.wiremock"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
