"""``run``: the daemon."""

from __future__ import annotations

import argparse

from llamaparse_worker.cli.exit_status import ExitStatus


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "run",
        help="run the daemon: take jobs from the queue until SIGTERM",
        description="Take jobs from the queue, parse them, store the results. Configured by environment variables; "
        "with none of them set: an embedded queue and job store in one SQLite file, results in a folder.",
    )
    command.set_defaults(run=run)


def run(_args: argparse.Namespace) -> int:
    """Run until a signal; gives 0 after a drain."""
    from llamaparse_worker.app.memory import map_large_blocks

    map_large_blocks()
    from llamaparse_worker.worker.log import LogFormat, configure  # isort: skip - before anything that logs

    import anyio

    from llamaparse_worker.app.daemon import serve
    from llamaparse_worker.settings import WorkerSettings, read

    settings = read(WorkerSettings)
    configure("debug" if settings.debug_mode else settings.log_level, LogFormat(settings.log_format))
    anyio.run(serve, settings, backend_options={"use_uvloop": True})  # a quarter less CPU for what moves messages
    return ExitStatus.OK
