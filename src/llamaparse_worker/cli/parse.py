"""``parse``: parses files right here with all cores, without any server."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from llamaparse_worker.cli.options import add_options, asks_models

if TYPE_CHECKING:
    from llamaparse_worker.app.models import ServedModel
    from llamaparse_worker.parsers.program import Program
    from llamaparse_worker.settings import LocalSettings


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "parse",
        help="parse files right here, without any server",
        description="Parse files with all cores. Each input NAME gets a folder DIR/NAME with result.md, result.txt, "
        "result.json and manifest.json. Exit status 65 when at least one document failed.",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a document, or a folder to walk")
    command.add_argument("--output", required=True, metavar="DIR", type=Path, help="where the results go")
    command.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="keep pages that models have refined here, for two days, and use those of earlier runs; default: none",
    )
    command.add_argument("--json", action="store_true", help="one JSON line a document on stdout, as it ends")
    add_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Parse all files; gives 0, or 65 when at least one failed."""
    from llamaparse_worker.app.ahead import parsers_ahead

    with parsers_ahead() as ahead:  # all imports below run beside its own
        from llamaparse_worker.cli.quiet import quiet

        quiet()

        import anyio

        return anyio.run(_parse, args, ahead)


async def _parse(args: argparse.Namespace, ahead: Program) -> int:
    from llamaparse_worker.app.documents import open_documents
    from llamaparse_worker.settings import LocalSettings, read

    settings = read(LocalSettings)
    async with _served(args, settings) as models, open_documents(settings, models=models, ahead=ahead) as documents:
        # Imported here, beside the start of the parser processes.
        from llamaparse_worker.cli.inputs import inputs_of
        from llamaparse_worker.cli.local import LocalParse, page_cache
        from llamaparse_worker.cli.options import options_from
        from llamaparse_worker.cli.reporting import open_reporter

        options = options_from(args)
        documents.parser.offer.mode_for(options)  # better said now than once for each document
        inputs = inputs_of(args.files)
        cache = page_cache(args.cache, documents.models) if args.cache else None
        local = LocalParse(documents, settings, args.output, options, cache)
        with open_reporter(len(inputs), as_json=args.json) as reporter:
            return await local.parse_all(inputs, reporter)


def _served(args: argparse.Namespace, settings: LocalSettings) -> AbstractAsyncContextManager[Sequence[ServedModel]]:
    """Open the models that may be asked: none for most command lines."""
    if not asks_models(args):
        return nullcontext(())
    from llamaparse_worker.app.models import open_served

    return open_served(settings)
