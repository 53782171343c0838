"""``migrate``: brings the schema of the job store up to date."""

from __future__ import annotations

import argparse

from llamaparse_worker.cli.exit_status import ExitStatus


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "migrate",
        help="bring the schema of the job store up to date",
        description="Bring the schema of the job store up to date. The daemon does the same at its start.",
    )
    command.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Migrate and print the version of the schema."""
    import anyio

    from llamaparse_worker.cli.quiet import quiet

    quiet()
    print(f"the schema of the job store has version {anyio.run(_migrate)}")
    return ExitStatus.OK


async def _migrate() -> int:
    from llamaparse_worker.app.backends import open_jobs
    from llamaparse_worker.settings import LocalSettings, read

    async with open_jobs(read(LocalSettings)) as jobs:
        return await jobs.migrate()
