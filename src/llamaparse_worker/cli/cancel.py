"""``cancel``: cancels a job."""

from __future__ import annotations

import argparse


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "cancel",
        help="cancel a job",
        description="Cancel a job, whether it waits or runs. A job that has ended stays as it is.",
    )
    command.add_argument("job", metavar="JOB", help="the job's id")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Cancel and print the status that the job has now."""
    import anyio

    from llamaparse_worker.cli.quiet import quiet
    from llamaparse_worker.cli.remote import cancel_job

    quiet()
    return anyio.run(cancel_job, args.job)
