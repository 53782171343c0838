"""The cache of refined pages: what is found again, for whom and how long, and what goes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from llamaparse_worker.model.document import Spooled
from llamaparse_worker.model.genai import EndReason, Usage
from llamaparse_worker.model.options import CacheUse, ModeName, ParseOptions, PromptOptions, UpgradeRule
from llamaparse_worker.model.page import LaidOutPage
from llamaparse_worker.model.refinement import ModelCall, Refinement, Verdict, usage_of
from llamaparse_worker.pipeline.page_cache import CachePolicy, DocumentCache, PageCache
from llamaparse_worker.testing.objects import MemoryObjectStore
from llamaparse_worker.wire import job_of, read_message
from support.modes import page

pytestmark = pytest.mark.anyio
HOUR = 3600.0
DOCUMENT = Spooled("/spool/a", "a.pdf", 100, "ab" * 32)
BALANCED = ParseOptions(mode=ModeName.BALANCED)
CALL = ModelCall("one", "openai", "gpt", "draft", EndReason.COMPLETE, Usage(900, 0, 400))


class Clock:
    """Says what time it is."""

    now = 1_000_000 * HOUR

    def __call__(self) -> float:
        return self.now


def opened(
    objects: MemoryObjectStore, clock: Clock | None = None, *, models: str = "openai/gpt", max_bytes: int = 1 << 20
) -> PageCache:
    policy = CachePolicy(prefix="page-cache", max_age_s=48 * HOUR, max_bytes=max_bytes)
    return PageCache(objects, policy, models=models, now=clock or Clock())


def of(
    cache: PageCache, options: ParseOptions = BALANCED, *, owner: str = "", document: Spooled = DOCUMENT
) -> DocumentCache:
    found = cache.of(document, options, owner=owner)
    assert found is not None
    return found


def refined(verdict: Verdict = Verdict.ANSWERED) -> LaidOutPage:
    return replace(page(), text="as a model has it", refinement=Refinement(verdict=verdict, calls=(CALL,)))


async def test_a_page_is_found_again_at_no_cost_and_says_where_it_is_from() -> None:
    objects = MemoryObjectStore()
    await of(opened(objects)).keep(page(), refined())
    found = await of(opened(objects)).find(page())

    expected = Refinement(verdict=Verdict.ANSWERED, from_cache=True)
    assert found == replace(refined(), refinement=expected)
    assert usage_of([expected]) == {"cached_pages": 1.0}


@pytest.mark.parametrize(
    "changed",
    [
        {"options": replace(BALANCED, mode=ModeName.AGENTIC)},
        {"options": replace(BALANCED, languages=("fr",))},
        {"options": replace(BALANCED, prompts=PromptOptions(user="Translate."))},
        {"options": replace(BALANCED, whole_document=True)},
        {"options": replace(BALANCED, skip_simple_pages=True)},
        {"options": replace(BALANCED, upgrades=(UpgradeRule(mode=ModeName.AGENTIC, table=True),))},
        {"options": replace(BALANCED, cache=CacheUse.RENEW)},
        {"owner": "another tenant"},
        {"document": replace(DOCUMENT, sha256="cd" * 32)},
    ],
)
async def test_a_page_is_not_found_where_another_answer_may_be_due(changed: dict[str, object]) -> None:
    cache = opened(MemoryObjectStore())
    await of(cache).keep(page(), refined())
    assert await of(cache, **changed).find(page()) is None  # type: ignore[arg-type] # one argument each
    assert await of(cache).find(page()) is not None


async def test_another_reading_of_the_page_or_another_model_finds_nothing() -> None:
    objects = MemoryObjectStore()
    await of(opened(objects)).keep(page(), refined())
    assert await of(opened(objects)).find(replace(page(), text="read in another way")) is None
    assert await of(opened(objects, models="openai/other")).find(page()) is None


async def test_how_results_are_written_is_no_matter() -> None:
    cache = opened(MemoryObjectStore())
    await of(cache).keep(page(), refined())
    other = replace(BALANCED, page_separator="\n", timeout_base_s=7, target_pages="1", ignored=("a",))
    assert await of(cache, other).find(page()) is not None


@pytest.mark.parametrize("verdict", [Verdict.KEPT, Verdict.SKIPPED])
async def test_a_page_without_an_answer_is_asked_about_again(verdict: Verdict) -> None:
    objects = MemoryObjectStore()
    await of(opened(objects)).keep(page(), refined(verdict))
    assert objects.objects == {}


async def test_an_entry_is_used_for_its_age_and_then_goes() -> None:
    objects, clock = MemoryObjectStore(), Clock()
    cache = opened(objects, clock)
    await of(cache).keep(page(), refined())
    clock.now += 23 * HOUR
    await cache.sweep()
    assert await of(cache).find(page()) is not None
    clock.now += 26 * HOUR
    assert await of(cache).find(page()) is None
    assert len(objects.objects) == 1
    await cache.sweep()
    assert objects.objects == {}


async def test_of_too_much_the_oldest_goes_first() -> None:
    objects, clock = MemoryObjectStore(), Clock()
    cache = opened(objects, clock, max_bytes=0)
    await of(cache).keep(page(), refined())
    size = len(next(iter(objects.objects.values())))
    cache = opened(objects, clock, max_bytes=3 * size)
    clock.now += 24 * HOUR
    for number in range(2, 5):
        await of(cache).keep(replace(page(), number=number), replace(refined(), number=number))
    objects.objects["results/job/result.md"] = b"of a job"
    await cache.sweep()

    assert await of(cache).find(page()) is None
    assert await of(cache).find(replace(page(), number=2)) is not None
    assert len(objects.objects) == 4


@pytest.mark.parametrize("content", [b"{}", b"", b"x" * 100])
async def test_what_was_changed_is_not_trusted(content: bytes) -> None:
    objects = MemoryObjectStore()
    cache = opened(objects)
    await of(cache).keep(page(), refined())
    (key,) = objects.objects
    objects.objects[key] = content
    assert await of(cache).find(page()) is None


async def test_a_store_that_is_away_costs_a_call_and_no_job() -> None:
    objects = MemoryObjectStore()
    cache = opened(objects)
    await of(cache).keep(page(), refined())
    objects.away = True
    assert await of(cache).find(page()) is None
    await of(cache).keep(page(), refined())


@pytest.mark.parametrize(
    ("fields", "use"),
    [
        ({}, CacheUse.USE),
        ({"invalidate_cache": True}, CacheUse.RENEW),
        ({"do_not_cache": True}, CacheUse.NONE),
        ({"configuration": {"disable_cache": True}}, CacheUse.NONE),
        ({"configuration": {"disable_cache": True}, "invalidate_cache": True}, CacheUse.NONE),
    ],
)
def test_a_job_says_what_it_makes_of_the_cache(fields: dict[str, object], use: CacheUse) -> None:
    body = json.dumps({"job_id": "a", "source": "b.pdf", "mode": "balanced", **fields}).encode()
    options = job_of(read_message(body)).options
    assert options.cache is use
    assert (opened(MemoryObjectStore()).of(DOCUMENT, options) is None) == (use is CacheUse.NONE)


class ListedObjects(MemoryObjectStore):
    """Counts how often keys are asked for."""

    listed = 0

    async def list(self, prefix: str) -> Sequence[str]:
        self.listed += 1
        return await super().list(prefix)


async def test_a_page_that_was_looked_for_in_vain_is_kept_without_another_look() -> None:
    objects = ListedObjects()
    cache, asked = of(opened(objects)), page()
    assert await cache.find(asked) is None
    looks = objects.listed
    await cache.keep(asked, refined())
    assert objects.listed == looks
    assert await cache.find(page()) is not None


async def test_an_entry_that_cannot_be_used_gives_way_to_the_page_that_is_kept() -> None:
    objects = MemoryObjectStore()
    await of(opened(objects)).keep(page(), refined())
    (broken,) = objects.objects
    objects.objects[broken] = b"{}"
    cache, asked = of(opened(objects)), page()
    assert await cache.find(asked) is None
    await cache.keep(asked, replace(refined(), text="as another model has it"))
    assert broken not in objects.objects
    found = await cache.find(page())
    assert found is not None
    assert found.text == "as another model has it"


async def test_a_page_that_was_read_anew_is_not_taken_for_the_one_that_was_looked_for() -> None:
    cache = of(opened(MemoryObjectStore()))
    assert await cache.find(page()) is None
    again = replace(page(), text="read in another way")
    await cache.keep(again, refined())
    assert await cache.find(again) is not None
    assert await cache.find(page()) is None


async def test_a_renewed_page_takes_the_place_of_the_older_one() -> None:
    cache = opened(MemoryObjectStore())
    await of(cache).keep(page(), refined())
    renewed = of(cache, replace(BALANCED, cache=CacheUse.RENEW))
    assert await renewed.find(page()) is None
    await renewed.keep(page(), replace(refined(), text="as it is said now"))
    found = await of(cache).find(page())
    assert found is not None
    assert found.text == "as it is said now"
