"""The command line: one file a command. Data goes to stdout, logs and progress to stderr."""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from typing import NoReturn

from llamaparse_worker.cli import (
    cancel,
    check,
    components,
    config,
    deadletters,
    healthcheck,
    migrate,
    ocr,
    parse,
    result,
    run,
    status,
    submit,
)
from llamaparse_worker.cli.exit_status import ExitStatus
from llamaparse_worker.errors import (
    BackendUnavailable,
    ConfigurationError,
    InvalidJob,
    ModeUnavailable,
    RestartNeeded,
    WorkerError,
)

_COMMANDS = (
    run,
    parse,
    submit,
    status,
    result,
    cancel,
    deadletters,
    ocr,
    check,
    config,
    components,
    migrate,
    healthcheck,
)


_OBJECTS = 10_000
"""So many more objects let the collector of garbage look for some: imports make a hundred thousand, and leave none."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Explain the usage and leave with the status that sysexits.h gives to it."""
        self.print_usage(sys.stderr)
        self.exit(ExitStatus.USAGE, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit status."""
    gc.set_threshold(_OBJECTS)
    parser = _Parser(
        prog="llamaparse-worker",
        description="Parse documents to Markdown, text and JSON: from a durable queue, or right here.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Parser)
    for command in _COMMANDS:
        command.add(commands)
    args = parser.parse_args(arguments)
    try:
        found: int = args.run(args)
    except WorkerError as error:
        print(f"llamaparse-worker: {error.code}: {error.message}\n  {error.next_step}", file=sys.stderr)
        return _status_of(error)
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone; python would complain once more while closing stdout.
        sys.stderr.close()
        return ExitStatus.IO
    return found


def _status_of(error: WorkerError) -> ExitStatus:
    match error:
        case ConfigurationError() | ModeUnavailable():
            return ExitStatus.CONFIGURATION
        case InvalidJob():
            return ExitStatus.USAGE  # what a job asks for came from the command line
        case RestartNeeded():
            return ExitStatus.RESTART
        case BackendUnavailable():
            return ExitStatus.UNAVAILABLE
        case _:
            return ExitStatus.DATA
