"""``components``: what is installed, and what of it may be used."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llamaparse_worker.components import InstalledComponent

_PDF_READER = "llamaparse_worker.backends.reader.pdf:PdfReader"
_FAST_MODE = "llamaparse_worker.mode.fast:component"


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("components", help="list the installed components and say which are enabled")
    parser.add_argument("--json", action="store_true", help="print one JSON line per component")
    parser.set_defaults(run=_list)


def _list(args: argparse.Namespace) -> int:
    from llamaparse_worker.components import failure, installed
    from llamaparse_worker.settings import LocalSettings, read

    for one in installed(read(LocalSettings).plugins):
        state = "enabled" if one.enabled else "not enabled"
        broken = failure(one) if one.enabled else None
        if args.json:
            print(
                json.dumps(
                    {
                        "seam": one.seam,
                        "name": one.name,
                        "distribution": one.distribution,
                        "version": one.version,
                        "enabled": one.enabled,
                        "target": one.target,
                        "problem": broken,
                        "way": _way(one, broken),
                    }
                )
            )
        else:
            state = f"{broken or state}{_aside(one, broken)}"
            print(f"{one.seam:<8} {one.name:<12} {one.distribution} {one.version:<10} {state}")
    return 0


def _aside(one: InstalledComponent, broken: str | None) -> str:
    way = _way(one, broken)
    return f" ({way})" if way else ""


def _way(one: InstalledComponent, broken: str | None) -> str | None:
    """Say how a component works that has more than one way."""
    from llamaparse_worker.backends.reader.pdf import ways as reader
    from llamaparse_worker.layout import ways as layout

    ways = {_PDF_READER: reader.way, _FAST_MODE: layout.way}
    return ways[one.target]() if one.target in ways and broken is None else None
