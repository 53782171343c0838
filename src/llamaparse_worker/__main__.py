"""Lets ``python -m llamaparse_worker`` run the command line."""

from __future__ import annotations

import sys

from llamaparse_worker.cli import main

if __name__ == "__main__":
    sys.exit(main())
