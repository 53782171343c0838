"""``deadletters``: looks at the messages that no worker can work on, puts them back, or drops them."""

from __future__ import annotations

import argparse

LIMIT = 50
LARGEST_LIMIT = 100_000


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    command = subparsers.add_parser(
        "deadletters",
        help="list, show, retry or drop dead letters",
        description="Work on the dead-letter queue of the configured broker. Exit status 65 when a named job has no "
        "dead letter, 69 when the broker or the job store does not answer.",
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="one line a dead letter, oldest first; removes none")
    listing.add_argument("--limit", type=_limit, default=LIMIT, metavar="N", help=f"show N at most (default: {LIMIT})")
    listing.add_argument("--json", action="store_true", help="print one JSON object a line")
    listing.set_defaults(run=_list)

    show = actions.add_parser("show", help="print all that is known of the dead letters of a job, with their bodies")
    show.add_argument("job", metavar="JOB", help="the job's id, or the message's where it is no job")
    show.set_defaults(run=_show)

    retry = actions.add_parser("retry", help="put jobs back into the queue, with all attempts before them")
    _add_selection(retry)
    retry.set_defaults(run=_retry, refuse=retry.error)

    drop = actions.add_parser("drop", help="delete dead letters for good; their jobs stay FAILED")
    _add_selection(drop)
    drop.add_argument("--yes", action="store_true", help="with --all: do not refuse")
    drop.set_defaults(run=_drop, refuse=drop.error)


def _add_selection(command: argparse.ArgumentParser) -> None:
    command.add_argument("jobs", nargs="*", metavar="JOB", help="the id that `list` shows")
    command.add_argument("--all", action="store_true", help="every dead letter that is there now")


def _limit(text: str) -> int:
    limit = int(text)
    if not 1 <= limit <= LARGEST_LIMIT:
        raise argparse.ArgumentTypeError(f"must be from 1 to {LARGEST_LIMIT}")
    return limit


def _list(args: argparse.Namespace) -> int:
    import anyio

    from llamaparse_worker.cli.letters import list_letters
    from llamaparse_worker.cli.quiet import quiet

    quiet()
    return anyio.run(list_letters, args.limit, args.json)


def _show(args: argparse.Namespace) -> int:
    import anyio

    from llamaparse_worker.cli.letters import show_letters
    from llamaparse_worker.cli.quiet import quiet

    quiet()
    return anyio.run(show_letters, args.job)


def _retry(args: argparse.Namespace) -> int:
    import anyio

    from llamaparse_worker.cli.letters import retry_letters
    from llamaparse_worker.cli.quiet import quiet

    chosen = _chosen(args)
    quiet()
    return anyio.run(retry_letters, chosen)


def _drop(args: argparse.Namespace) -> int:
    import anyio

    from llamaparse_worker.cli.letters import drop_letters
    from llamaparse_worker.cli.quiet import quiet

    chosen = _chosen(args)
    if chosen is None and not args.yes:
        args.refuse("--all deletes every dead letter for good: add --yes")
    quiet()
    return anyio.run(drop_letters, chosen)


def _chosen(args: argparse.Namespace) -> frozenset[str] | None:
    """Give the named ids; None for all."""
    if args.all == bool(args.jobs):
        args.refuse("name jobs, or give --all")
    return None if args.all else frozenset(args.jobs)
