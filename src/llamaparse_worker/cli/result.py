"""``result``: fetches the result of a job."""

from __future__ import annotations

import argparse
from pathlib import Path


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "result",
        help="fetch the result of a job",
        description="Print the job's result.md, or with --output write all its result files.",
    )
    command.add_argument("job", metavar="JOB", help="the job's id")
    command.add_argument("--output", metavar="DIR", type=Path, help="write all result files into DIR")
    command.add_argument("--file", default="result.md", metavar="NAME", help="the file to print (default: result.md)")
    command.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print or write the result; gives 65 when the job has none."""
    import anyio

    from llamaparse_worker.cli.quiet import quiet
    from llamaparse_worker.cli.remote import fetch_result

    quiet()
    return anyio.run(fetch_result, args.job, args.file, args.output)
