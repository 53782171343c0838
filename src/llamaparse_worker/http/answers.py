"""Answers as JSON, errors among them: ``{"error": CODE, "detail": text}``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import web


def json_answer(body: Mapping[str, object], *, status: int = 200) -> web.Response:
    """Give a JSON answer that no cache keeps."""
    return web.Response(
        text=json.dumps(body) + "\n",
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


def error_answer(
    status: int, detail: str, *, code: str | None = None, more: Mapping[str, object] | None = None
) -> web.Response:
    """Give an error; ``code`` defaults to the name of the HTTP status."""
    return json_answer({"error": code or HTTPStatus(status).name, "detail": detail, **(more or {})}, status=status)
