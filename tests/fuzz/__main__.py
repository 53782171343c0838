"""``make fuzz TIME=600``: searches with Atheris, for so many seconds over all targets, for bytes that break one.

Bytes that break a target are written to the folder ``fuzz-findings``, and the exit status is 1. What was found to lead
to new paths is kept in ``.fuzz`` for the next time.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from fuzz.seeds import SEEDS

CORPUS, FINDINGS = Path(".fuzz"), Path("fuzz-findings")
_MOST_BYTES = 4096
_MOST_MEMORY_MIB = 2048
_SLOWEST_INPUT_S = 5


def main() -> int:
    """Run each target in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for all targets together")
    parser.add_argument("--target", choices=sorted(SEEDS), action="append", help="only this one; may be repeated")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    args, more = parser.parse_known_args()
    if args.inside:
        return _search(args.inside, more)
    chosen = args.target or sorted(SEEDS)
    broken = [name for name in chosen if not _is_sound(name, max(1, args.seconds // len(chosen)))]
    print(f"{len(chosen)} targets, {len(broken)} broken{': ' if broken else ''}{', '.join(broken)}")  # noqa: T201
    return 1 if broken else 0


def _is_sound(name: str, seconds: int) -> bool:
    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    FINDINGS.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS[name]):
        (corpus / f"seed-{number}").write_bytes(seed)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "fuzz", "--inside", name),
            f"-max_total_time={seconds}",
            f"-max_len={_MOST_BYTES}",
            f"-rss_limit_mb={_MOST_MEMORY_MIB}",
            f"-timeout={_SLOWEST_INPUT_S}",
            f"-artifact_prefix={FINDINGS / name}-",
            "-print_final_stats=1",
            "-verbosity=0",
            str(corpus),
        ],
        check=False,
        capture_output=True,
        text=True,
        errors="replace",
    )
    runs = next((line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line), "?")
    print(f"{name:14} {runs:>9} inputs  {'sound' if done.returncode == 0 else 'BROKEN'}", flush=True)  # noqa: T201
    if done.returncode != 0:
        print((done.stdout + done.stderr)[-4000:], file=sys.stderr)  # noqa: T201
    return done.returncode == 0


def _search(name: str, arguments: list[str]) -> int:
    # The tool of `make fuzz` alone; it watches what is imported after it.
    import atheris  # noqa: PLC0415

    with atheris.instrument_imports(include=["llamaparse_worker", "yarl", "ipaddress"]):
        from fuzz.targets import TARGETS  # noqa: PLC0415

    atheris.Setup([sys.argv[0], *arguments], TARGETS[name])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
