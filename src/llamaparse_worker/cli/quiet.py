"""Keeps the log of a short command down to what its user must know."""

from __future__ import annotations


def quiet() -> None:
    """Log warnings and worse only, in the form that LOG_FORMAT asks for."""
    from llamaparse_worker.worker.log import LogFormat, configure

    configure("warning", LogFormat.CONSOLE)
