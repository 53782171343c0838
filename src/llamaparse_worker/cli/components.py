"""``components``: what is installed, and what of it may be used."""

from __future__ import annotations

import argparse
import json


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
                    }
                )
            )
        else:
            print(f"{one.seam:<8} {one.name:<12} {one.distribution} {one.version:<10} {broken or state}")
    return 0
