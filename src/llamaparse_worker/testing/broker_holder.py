"""A process that takes one message and keeps it until it is killed; run with ``python -m``.

Reads one JSON object from standard input, ``{"component": "module:attribute", "settings": {...}}``, and prints a line
``holding <id>`` among its logs once it has the message.
"""

from __future__ import annotations

import importlib
import json
import sys

import anyio
from pydantic import BaseModel

from llamaparse_worker.interfaces import Broker, Component


async def hold_one(component: Component[BaseModel, Broker], settings: BaseModel) -> None:
    """Take one message, say which, and wait for ever."""
    async with component.open(settings) as broker, broker.consume(prefetch=1) as deliveries:
        async for delivery in deliveries:
            sys.stdout.write(f"holding {delivery.message.id}\n")
            sys.stdout.flush()
            await anyio.sleep_forever()


def main() -> None:
    """Read what to open, and hold."""
    given = json.load(sys.stdin)
    module, _, attribute = given["component"].partition(":")
    component = getattr(importlib.import_module(module), attribute)
    anyio.run(hold_one, component, component.settings.model_validate(given["settings"]))


if __name__ == "__main__":
    main()
