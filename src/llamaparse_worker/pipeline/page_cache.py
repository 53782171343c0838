"""The cache of pages that models have refined: in the object store, for other jobs about the same document.

An entry lies at ``<prefix>/<generation>/<key>/<bytes>-<sha256>``. The key is a hash of all that decides what a mode
makes of a page. A generation is half of the age that an entry may reach, so that an old one goes as a whole, and no
clock of the store is asked. The name of an entry says its length, so that a listing tells how much there is, and its
SHA-256. Nothing here may fail a job: what cannot be read, trusted or stored is asked for again.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TypeVar

import anyio
import structlog
from anyio import to_thread
from pydantic import TypeAdapter, ValidationError

from llamaparse_worker.errors import WorkerError
from llamaparse_worker.interfaces import ObjectStore
from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.options import CacheUse, ParseOptions
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import Verdict
from llamaparse_worker.pipeline.manifest import library_versions, worker_version

CONTENT_TYPE = "application/json"
MOST_BYTES = 4 * 1024 * 1024
"""Of an entry: a larger page is not kept."""
SWEEP_S = 3600.0
"""How often each worker looks for what is too old or too much."""
_SHORT = 5_000
"""Characters of a page that becomes JSON within a millisecond: mostly sooner than a thread would begin with it."""
_WAIT_S = 5.0
"""How long a page waits for the store, to find an entry or to keep one."""
_ENTRY = re.compile(r"(?P<generation>\d{1,12})/[0-9a-f]{64}/(?P<bytes>\d{1,9})-(?P<sha256>[0-9a-f]{64})")
_WORTH_KEEPING = frozenset({Verdict.ANSWERED, Verdict.REPAIRED})
_PAGES = TypeAdapter(LaidOutPage)
R = TypeVar("R")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """What the operator set about the cache."""

    prefix: str
    max_age_s: float
    """Seconds until an entry is used no more; it may be gone after half of that."""
    max_bytes: int


@dataclass(frozen=True, slots=True)
class _Entry:
    """A stored page, as its name tells."""

    key: str
    generation: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found under a key."""

    content: bytes | None
    is_vacant: bool
    """Whether there is nothing at all, not even what cannot be used."""


class PageCache:
    """Finds, keeps and removes entries.

    Args:
        objects: where they lie.
        policy: how long, and how many.
        models: the models that may be asked: with others, pages are asked about again.
        now: seconds since 1970.
    """

    def __init__(
        self, objects: ObjectStore, policy: CachePolicy, *, models: str, now: Callable[[], float] = time.time
    ) -> None:
        self._objects = objects
        self._policy = policy
        self._models = models
        self._now = now

    def of(self, document: Spooled, options: ParseOptions, *, owner: str = "") -> DocumentCache | None:
        """Give the cache for the pages of a document; None where the job wants none. Owners share no entry."""
        if options.cache is CacheUse.NONE:
            return None
        facts = (
            owner,
            document.sha256,
            sorted(options.modes),
            options.languages,
            asdict(options.prompts),
            options.skip_simple_pages,
            options.whole_document,
            [asdict(rule) for rule in options.upgrades],
            self._models,
            worker_version(),
            library_versions(),
        )
        return DocumentCache(self, json.dumps(facts).encode(), reads=options.cache is CacheUse.USE)

    async def read(self, key: str) -> Looked:
        """Look for what is kept under a key; it counts if it is not too old and has not been changed.

        Raises:
            WorkerError: the store does not answer.
        """
        is_vacant = True
        for generation in (self._generation, self._generation - 1):
            for name in await self._objects.list(f"{self._policy.prefix}/{generation}/{key}"):
                is_vacant = False
                entry = _entry(name, self._policy.prefix)
                if entry is None or entry.size > MOST_BYTES:
                    continue
                content = await self._objects.read(name, limit_bytes=entry.size)
                if hashlib.sha256(content).hexdigest() == entry.sha256:
                    return Looked(content, is_vacant)
                log.warning("page_cache.ignored", key=name, reason="its content is not that of its name")
        return Looked(None, is_vacant)

    async def write(self, key: str, page: LaidOutPage, *, is_vacant: bool) -> None:
        """Keep a page under a key, in place of what is there, unless it is too large.

        Args:
            key: of the page as it was.
            page: what has become of it.
            is_vacant: whether there is nothing yet; else the store is asked.

        Raises:
            WorkerError: the store does not take it.
        """
        content, digest = await _quickly(_packed, page)
        if len(content) > MOST_BYTES:
            return
        folder = f"{self._policy.prefix}/{self._generation}/{key}"
        name = f"{folder}/{len(content)}-{digest}"
        await self._objects.write(name, content, content_type=CONTENT_TYPE)
        for older in () if is_vacant else await self._objects.list(folder):
            if older != name:
                await self._objects.delete(older)

    async def keep_small(self) -> None:
        """Sweep now and then; runs until it is cancelled."""
        while True:
            try:
                await self.sweep()
            except WorkerError as error:
                log.warning("page_cache.not_swept", reason=error.message)
            await anyio.sleep(SWEEP_S)

    async def sweep(self) -> None:
        """Remove what is too old, and of the rest the oldest generation first until it is no more than allowed.

        Raises:
            WorkerError: the store does not answer.
        """
        names = await self._objects.list(self._policy.prefix)
        entries = [entry for name in names if (entry := _entry(name, self._policy.prefix)) is not None]
        gone = list(_superfluous(entries, self._generation - 1, self._policy.max_bytes))
        for entry in gone:
            await self._objects.delete(entry.key)
        if gone:
            log.info("page_cache.swept", entries=len(gone), bytes=sum(entry.size for entry in gone))

    @property
    def _generation(self) -> int:
        return int(self._now() / (self._policy.max_age_s / 2))


class DocumentCache:
    """The entries for one document and the options of one job."""

    def __init__(self, cache: PageCache, facts: bytes, *, reads: bool) -> None:
        self._cache = cache
        self._facts = facts
        self._reads = reads
        self._vacant: dict[int, tuple[LaidOutPage, str]] = {}
        """Pages that models are being asked about, by number, and the keys under which nothing was found."""

    async def find(self, page: LaidOutPage) -> LaidOutPage | None:
        """Give the page as an earlier job had it refined: at no cost, and its record says so."""
        if not self._reads:
            return None
        with anyio.move_on_after(_WAIT_S):
            try:
                key = await self._key(page)
                looked = await self._cache.read(key)
                if looked.is_vacant:
                    self._vacant[page.number] = page, key
                if looked.content is None:
                    return None
                found = await to_thread.run_sync(_PAGES.validate_json, looked.content)
            except (WorkerError, ValidationError) as error:
                log.warning("page_cache.ignored", page=page.number, reason=str(error))
                return None
            if found.refinement is not None:
                return replace(found, refinement=replace(found.refinement, calls=(), from_cache=True))
        return None

    async def keep(self, page: LaidOutPage, refined: LaidOutPage) -> None:
        """Keep what a mode has made of a page, if it is a model's text."""
        vacant = self._vacant_key(page)
        if refined.refinement is None or refined.refinement.verdict not in _WORTH_KEEPING:
            return
        with anyio.move_on_after(_WAIT_S):
            try:
                key = vacant or await self._key(page)
                await self._cache.write(key, refined, is_vacant=key == vacant)
            except WorkerError as error:
                log.warning("page_cache.failed", page=page.number, reason=str(error))

    def _vacant_key(self, page: LaidOutPage) -> str | None:
        """Give the key of a page if nothing was found under it, once."""
        sought, key = self._vacant.pop(page.number, (None, None))
        return key if sought is page else None

    async def _key(self, page: LaidOutPage) -> str:
        _, digest = await _quickly(partial(_packed, before=self._facts), page)
        return digest


def _packed(page: LaidOutPage, *, before: bytes = b"") -> tuple[bytes, str]:
    """Give a page in JSON, and the SHA-256 of that behind other bytes."""
    content = _PAGES.dump_json(page)
    return content, hashlib.sha256(before + content).hexdigest()


async def _quickly(work: Callable[[LaidOutPage], R], page: LaidOutPage) -> R:
    """Do something with a page, in a thread where that may take long."""
    return work(page) if len(page.text) <= _SHORT else await to_thread.run_sync(work, page)


def _entry(name: str, prefix: str) -> _Entry | None:
    found = _ENTRY.fullmatch(name.removeprefix(f"{prefix}/"))
    return found and _Entry(name, int(found["generation"]), int(found["bytes"]), found["sha256"])


def _superfluous(entries: Sequence[_Entry], oldest: int, max_bytes: int) -> Iterator[_Entry]:
    """Give the entries to remove; within a generation they go by their keys, which is by chance."""
    total = sum(entry.size for entry in entries)
    for entry in sorted(entries, key=lambda one: (one.generation, one.key)):
        if entry.generation >= oldest and total <= max_bytes:
            return
        total -= entry.size
        yield entry
