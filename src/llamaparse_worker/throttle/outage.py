"""Why no deployment of a mode can be asked: whether time helps, or only somebody who corrects the settings. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from llamaparse_worker.errors import ModelsMisconfigured, ModelsUnavailable
from llamaparse_worker.model.genai import FailureKind
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.errand import Route


def outage(mode: ModeName, routes: Sequence[Route]) -> ModelsUnavailable | None:
    """Give the error of jobs whose mode has these routes and no other; None where one works, or there is none."""
    if not routes or any(route.gate.works for route in routes):
        return None
    message = f"no model of the mode {mode} works: {', '.join(map(_trouble, routes))}"
    misconfigured = all(route.gate.trouble is FailureKind.CONFIG for route in routes)
    return ModelsMisconfigured(message) if misconfigured else ModelsUnavailable(message)


def _trouble(route: Route) -> str:
    kind, deployment = route.gate.trouble, route.deployment
    where = f": see {deployment.origin}" if kind is FailureKind.CONFIG and deployment.origin else ""
    return f"{deployment.id} ({kind}{where})"
