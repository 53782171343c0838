"""Which components are installed, which of them may be used, and how one is loaded.

Built-ins and plugins are found the same way: entry points, one group a seam. What this distribution brings may always
be used; anything else only when the allow-list (PLUGINS) names it. A plugin that is not enabled is never imported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.metadata import Distribution, EntryPoint, distribution, distributions
from typing import Literal, overload

from pydantic import BaseModel

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.interfaces import Broker, Component, GenAi, JobStore, Mode, ObjectStore, Ocr
from llamaparse_worker.mode.component import ModelMode

DISTRIBUTION = "llamaparse-worker"
_GROUP = "llamaparse_worker."


class Seam(StrEnum):
    """The places where components plug in; the entry point group is ``llamaparse_worker.<seam>``."""

    BROKER = "broker"
    JOBS = "jobs"
    OBJECTS = "objects"
    READER = "reader"
    OCR = "ocr"
    GENAI = "genai"
    MODE = "mode"
    WRITER = "writer"


@dataclass(frozen=True, slots=True)
class InstalledComponent:
    """An entry point of an installed distribution. Nothing of it has been imported."""

    seam: Seam
    name: str
    distribution: str
    version: str
    enabled: bool
    target: str
    """``module:attribute``, as parser processes load readers and writers."""

    @property
    def key(self) -> str:
        """How the allow-list names it."""
        return f"{self.seam}:{self.name}"


def installed(allowed: Sequence[str] = ()) -> tuple[InstalledComponent, ...]:
    """Give everything that is installed, by seam; ``enabled`` says whether it may be used."""
    found: dict[tuple[str, str], InstalledComponent] = {}
    for owner in distributions():
        for one in _offered(owner, allowed):
            found.setdefault((one.key, one.distribution), one)  # the first on the path is the one that is imported
    order = list(Seam)
    return tuple(sorted(found.values(), key=lambda one: (order.index(one.seam), one.name, one.distribution)))


def enabled(seam: Seam, allowed: Sequence[str] = ()) -> tuple[InstalledComponent, ...]:
    """Give the components of a seam that may be used: plugins first, in the order of the allow-list.

    Raises:
        ConfigurationError: the allow-list names a component that is not installed, or that two distributions offer.
    """
    own = tuple(one for one in _own() if one.seam is seam)
    plugins = tuple(_plugin(key, installed(allowed)) for key in allowed if key.partition(":")[0] == seam)
    return (*dict.fromkeys(plugins), *own)


def find(seam: Seam, name: str, allowed: Sequence[str] = ()) -> InstalledComponent:
    """Give the component that a variable chose.

    Raises:
        ConfigurationError: there is none of this name, or it is installed but not enabled.
    """
    usable = enabled(seam, allowed)
    for one in usable:
        if one.name == name:
            return one
    variable = _VARIABLES.get(seam, seam.upper())
    for one in installed(allowed):
        if (one.seam, one.name) == (seam, name):
            message = f"{variable}={name}: {one.distribution} is installed but not enabled; add {one.key} to PLUGINS"
            raise ConfigurationError(message)
    choices = ", ".join([one.name for one in usable]) or "nothing is installed for it"
    raise ConfigurationError(f"{variable}={name} is not installed; allowed: {choices}")


_VARIABLES = {Seam.OCR: "OCR_ENGINE"}
"""Seams whose variable is not simply called like the seam."""


@overload
def load(seam: Literal[Seam.BROKER], name: str, allowed: Sequence[str] = ()) -> Component[BaseModel, Broker]: ...
@overload
def load(seam: Literal[Seam.JOBS], name: str, allowed: Sequence[str] = ()) -> Component[BaseModel, JobStore]: ...
@overload
def load(seam: Literal[Seam.OBJECTS], name: str, allowed: Sequence[str] = ()) -> Component[BaseModel, ObjectStore]: ...
@overload
def load(seam: Literal[Seam.OCR], name: str, allowed: Sequence[str] = ()) -> Component[BaseModel, Ocr]: ...
@overload
def load(
    seam: Literal[Seam.GENAI], name: str, allowed: Sequence[str] = ()
) -> Component[BaseModel, Sequence[GenAi]]: ...
@overload
def load(
    seam: Literal[Seam.MODE], name: str, allowed: Sequence[str] = ()
) -> Component[BaseModel, Mode] | ModelMode[BaseModel]: ...
def load(seam: Seam, name: str, allowed: Sequence[str] = ()) -> Component[BaseModel, object] | ModelMode[BaseModel]:
    """Import the component that a variable chose.

    Raises:
        ConfigurationError: as ``find``; or its module cannot be imported, or offers no ``Component``.
    """
    chosen = find(seam, name, allowed)
    offered = _imported(chosen)
    if seam is Seam.MODE and isinstance(offered, ModelMode):
        return offered
    if not isinstance(offered, Component):
        raise ConfigurationError(f"{chosen.key} of {chosen.distribution}: {chosen.target} is not a Component")
    return offered


def targets(seam: Literal[Seam.READER, Seam.WRITER], allowed: Sequence[str] = ()) -> tuple[str, ...]:
    """Give ``module:attribute`` of all enabled readers or writers; parser processes import them.

    Raises:
        ConfigurationError: as ``enabled``.
    """
    return tuple(one.target for one in enabled(seam, allowed))


def failure(component: InstalledComponent) -> str | None:
    """Import a component to see whether that works; gives what is wrong, or None."""
    try:
        _imported(component)
    except ConfigurationError as error:
        return error.message
    return None


def _imported(component: InstalledComponent) -> object:
    entry = EntryPoint(name=component.name, value=component.target, group=f"{_GROUP}{component.seam}")
    try:
        return entry.load()
    except _IMPORT_FAILURES as error:
        message = f"{component.key} of {component.distribution} {component.version} cannot be imported: {error!r}"
        raise ConfigurationError(message) from error


def _plugin(key: str, known: Collection[InstalledComponent]) -> InstalledComponent:
    offers = [one for one in known if one.key == key]
    if not offers:
        raise ConfigurationError(f"PLUGINS: {key} is not installed; `llamaparse-worker components` lists what is")
    if len(offers) > 1:
        owners = " and ".join(one.distribution for one in offers)
        raise ConfigurationError(f"PLUGINS: {key} is offered by {owners}; uninstall one of them")
    return offers[0]


@cache
def _own() -> tuple[InstalledComponent, ...]:
    return tuple(_offered(distribution(DISTRIBUTION), ()))


def _offered(owner: Distribution, allowed: Sequence[str]) -> Iterator[InstalledComponent]:
    entries = [(entry.group.removeprefix(_GROUP), entry) for entry in owner.entry_points if _is_ours(entry)]
    if not entries:
        return
    name, version = owner.name, owner.version  # each reads all that is said of the distribution
    for seam, entry in entries:
        yield InstalledComponent(
            seam=Seam(seam),
            name=entry.name,
            distribution=name,
            version=version,
            enabled=name == DISTRIBUTION or f"{seam}:{entry.name}" in allowed,
            target=entry.value,
        )


def _is_ours(entry: EntryPoint) -> bool:
    return entry.group.startswith(_GROUP) and entry.group.removeprefix(_GROUP) in _SEAMS


_SEAMS = frozenset(Seam)
_IMPORT_FAILURES = (
    ImportError,
    SyntaxError,
    AttributeError,
    NameError,
    TypeError,
    ValueError,
    LookupError,
    OSError,
    RuntimeError,
)
"""What the top level of somebody else's module can be expected to raise."""
