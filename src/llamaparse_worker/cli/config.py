"""``config``: the settings as they are, whether they can work, and what could be set."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import BaseModel

    from llamaparse_worker.settings import Sources


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = subparsers.add_parser("config", help="show, check or describe the settings")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("print", help="print every variable with its value and origin; secrets are masked")
    show.add_argument("--json", action="store_true", help="print JSON instead of a table")
    show.set_defaults(run=_print)
    actions.add_parser("check", help="say whether the settings can work").set_defaults(run=_check)
    actions.add_parser("schema", help="print the JSON Schema of all variables").set_defaults(run=_schema)


def _print(args: argparse.Namespace) -> int:
    from llamaparse_worker.app.model_bounds import model_bounds
    from llamaparse_worker.settings import OriginKind, Sources, trace

    sources = Sources.of_process()
    traced = [one for model in _models(sources) for one in trace(model, sources=sources)]
    bounds = trace(model_bounds(sources), sources=sources)
    traced += (one for one in bounds if one.origin.kind is not OriginKind.DEFAULT)  # each name of a model has one
    settings = tuple({one.name: one for one in traced}.values())  # queue and job store may share a variable
    if args.json:
        rows = {one.name: {"value": one.value, "origin": str(one.origin)} for one in settings}
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return 0
    wide = max(len(one.name) for one in settings)
    widest = max(len(one.value) for one in settings)
    for one in settings:
        print(f"{one.name:<{wide}}  {one.value:<{widest}}  {one.origin}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from llamaparse_worker.app.model_bounds import model_bounds
    from llamaparse_worker.settings import Sources, check
    from llamaparse_worker.settings.catalogue import misspelt

    del args
    sources = Sources.of_process()
    models = _models(sources)
    check(models, sources=sources)
    check([model_bounds(sources)], sources=sources)
    for miss in misspelt(sources, models):
        print(f"{miss.name} is set, but nothing reads it: was {miss.meant} meant?", file=sys.stderr)
    print("the settings can work; `llamaparse-worker check` tries the services that they name")
    return 0


def _schema(args: argparse.Namespace) -> int:
    from llamaparse_worker.settings.catalogue import groups
    from llamaparse_worker.settings.wording import schema_of_variables

    del args
    print(json.dumps(schema_of_variables(dict.fromkeys(group.model for group in groups())), indent=2))
    return 0


def _models(sources: Sources) -> tuple[type[BaseModel], ...]:
    """Give the models of the chosen components; a wrong choice is refused together with all other problems."""
    from llamaparse_worker.app.backends import chosen_models
    from llamaparse_worker.settings import WorkerSettings, check, read
    from llamaparse_worker.settings.catalogue import ALWAYS_READ

    check(ALWAYS_READ, sources=sources)
    return tuple(dict.fromkeys((*ALWAYS_READ, *chosen_models(read(WorkerSettings, sources=sources)))))
