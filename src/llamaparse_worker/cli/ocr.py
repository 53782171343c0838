"""``ocr``: the OCR service."""

from __future__ import annotations

import argparse

from llamaparse_worker.cli.exit_status import ExitStatus


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "ocr",
        help="serve OCR over HTTP until SIGTERM",
        description="Read page images that others send to POST /ocr, with the engine that OCR_ENGINE names. Workers "
        "use it with OCR_SERVER_URL. Exit status 75 asks for a restart: threads of the engine hang.",
    )
    command.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Serve until a signal; gives 0 after a drain."""
    from llamaparse_worker.worker.log import LogFormat, configure  # isort: skip - before anything that logs

    import anyio

    from llamaparse_worker.app.ocr_service import serve_ocr
    from llamaparse_worker.settings import OcrServiceSettings, read

    settings = read(OcrServiceSettings)
    configure("debug" if settings.debug_mode else settings.log_level, LogFormat(settings.log_format))
    anyio.run(serve_ocr, settings)
    return ExitStatus.OK
