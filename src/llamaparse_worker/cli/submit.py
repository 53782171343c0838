"""``submit``: puts documents into the object store and their jobs on the queue."""

from __future__ import annotations

import argparse
from pathlib import Path

from llamaparse_worker.cli.options import add_options


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "submit",
        help="put documents into the object store and their jobs on the queue",
        description="Upload each file, put its job on the queue, and print the job's id. With --wait, follow the jobs "
        "to their end; exit status 65 when at least one failed.",
    )
    command.add_argument("files", nargs="+", metavar="FILE", help="a document, or a folder to walk")
    command.add_argument("--wait", action="store_true", help="wait until every job has ended")
    command.add_argument("--output", metavar="DIR", type=Path, help="with --wait: fetch the results into DIR")
    command.add_argument(
        "--priority",
        choices=("low", "medium", "high", "critical"),
        help="whose turn it is in the queue; default: medium",
    )
    command.add_argument("--json", action="store_true", help="one JSON line a job on stdout")
    add_options(command)
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Submit all files; gives 0, or 65 when a document could not be submitted or failed."""
    import anyio

    from llamaparse_worker.cli.inputs import inputs_of
    from llamaparse_worker.cli.options import configuration_from
    from llamaparse_worker.cli.quiet import quiet
    from llamaparse_worker.cli.remote import submit_files

    quiet()
    return anyio.run(submit_files, inputs_of(args.files), configuration_from(args), args)
