"""What 1,000 pages take in each mode, by the tokens of OpenAI's models: ``python -m benchmarks.budgets FOLDER ...``.

A folder is one of ``benchmarks.witness``. A model answers with the truth, or with a spoiled draft as often as the
published figures have second calls; it is not asked to read anything, so the figures say what is sent and not how well
models do. Exit status 1 when a mode takes more than it may.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from benchmarks.witness import read_images, samples_of
from support.budgets import BUDGETS, overdrawn, report, spend


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.budgets", description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=1, metavar="N", help="take every Nth image; default: all")
    args = parser.parse_args(arguments)
    ended = 0
    for folder in args.folders:
        found = [*samples_of(folder)[0], *anyio.run(read_images, folder, args.images)]
        sys.stdout.write(f"{folder.name}\n")
        for budget in BUDGETS:
            spent = anyio.run(spend, budget, found)
            sys.stdout.write(f"  {report(budget, spent)}\n")
            ended |= bool(overdrawn(budget, spent))
    return ended


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
