"""Fixtures for every tier."""

from __future__ import annotations

import pytest

pytest_plugins = ["support.services", "support.wiremock"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
