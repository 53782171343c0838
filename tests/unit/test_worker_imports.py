"""What the worker process must never load: parsing happens in other processes."""

from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import sys
import llamaparse_worker.app.daemon, llamaparse_worker.cli.local, llamaparse_worker.pipeline.document
print(*({"numpy", "cffi", "llamaparse_worker.layout"} & sys.modules.keys()))
"""


def test_the_worker_process_loads_neither_numpy_nor_layout_nor_pdfium() -> None:
    loaded = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=50)

    assert loaded.stdout.split() == []
