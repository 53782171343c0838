"""``status``: shows one job."""

from __future__ import annotations

import argparse


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser("status", help="show a job", description="Show a job's status and progress.")
    command.add_argument("job", metavar="JOB", help="the job's id")
    command.add_argument("--json", action="store_true", help="all that is known, as one JSON object")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the job; gives 65 when it is unknown."""
    import anyio

    from llamaparse_worker.cli.quiet import quiet
    from llamaparse_worker.cli.remote import show_status

    quiet()
    return anyio.run(show_status, args.job, args.json)
