"""Whom a call may go to: by its mode and what it holds, by preference and priority, and by what has failed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llamaparse_worker.model.genai import FailureKind
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.throttle.errand import Route

_TRIES_OF_A_BROKEN_ONE = 2
_ITS_OWN_FAULT = {FailureKind.CONTEXT, FailureKind.BAD_REQUEST}
"""The question cannot be answered as it is, by nobody."""


class Choice:
    """The deployments that there are, and which of them are for whom.

    Args:
        routes: all of them, each with its gate.
        preferred: the model that a mode asks before all others, by any of its names.
    """

    def __init__(self, routes: Sequence[Route], preferred: Mapping[ModeName, str]) -> None:
        self.routes = tuple(sorted(routes, key=lambda route: -route.deployment.priority))
        self._preferred = {
            (mode, route.deployment.id)
            for mode, name in preferred.items()
            for route in routes
            if route.deployment.is_called(name)
        }

    def able(self, mode: ModeName, *, images: bool) -> tuple[Route, ...]:
        """Give those that can serve a mode, with images or without, the preferred first."""
        able = (
            route
            for route in self.routes
            if (mode is ModeName.BALANCED or not route.deployment.text_only)
            and (route.deployment.profile.images or not images)
        )
        return tuple(sorted(able, key=lambda route: not self._is_preferred(route, mode)))

    def open_to(self, mode: ModeName, *, images: bool) -> tuple[Route, ...]:
        """Give those that may: what would go to one in the EU first goes nowhere else."""
        able = self.able(mode, images=images)
        return tuple(route for route in able if route.deployment.in_eu or not able[0].deployment.in_eu)

    def first_open(self, mode: ModeName, routes: Sequence[Route], now: float, tokens: float) -> tuple[float, Route]:
        """Give when and whom a call of so many tokens may ask first; now, by preference, priority, then free slots."""
        at = [(route.gate.opens_at(now, tokens), route) for route in routes]
        open_now = [route for opens_at, route in at if opens_at <= now]
        if not open_now:
            return min(at, key=lambda pair: pair[0])

        def rank(route: Route) -> tuple[bool, int, int]:
            preferred = self._is_preferred(route, mode)
            return preferred, route.deployment.priority, route.gate.at_once - route.gate.running

        return now, max(open_now, key=rank)

    def _is_preferred(self, route: Route, mode: ModeName) -> bool:
        return (mode, route.deployment.id) in self._preferred


def left_after(failed: Route, kind: FailureKind, routes: tuple[Route, ...], *, times: int) -> tuple[Route, ...]:
    """Give those that a call may still go to after a failure; ``times``: how often that one has failed with it."""
    if kind in _ITS_OWN_FAULT:
        return ()
    if kind is FailureKind.RATE_LIMIT:
        return routes
    if kind is FailureKind.SERVER and times < _TRIES_OF_A_BROKEN_ONE:
        return routes
    if kind is FailureKind.FILTER:
        return tuple(other for other in routes if other.deployment.family is not failed.deployment.family)
    return tuple(other for other in routes if other is not failed)
