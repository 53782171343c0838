"""Small documents beside a large one, and a provider with a quota, through the router on a virtual clock."""

from __future__ import annotations

from random import Random
from statistics import quantiles

import anyio

from llamaparse_worker.model.deployment import Deployment, MinuteQuota
from llamaparse_worker.model.genai import CallFailed, Failure, FailureKind, GenAiAnswer, GenAiRequest, Usage
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.testing.genai import DEFAULT_DEPLOYMENT, answer, question
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.errand import Errand, Route
from llamaparse_worker.throttle.gate import Gate
from llamaparse_worker.throttle.router import Router, open_router
from simulation.clockwork import Clockwork
from support.quota import Provider

_TOKENS = 2700
_NONE_STATED = MinuteQuota()
_LARGE, _SMALL, _EVERY_S = 1000, 30, 6.0


class _Limited:
    """A model behind a quota: refuses at once, answers after a while."""

    def __init__(self, provider: Provider, random: Random) -> None:
        self._provider = provider
        self._random = random
        self.calls = 0
        self.refused = 0

    @property
    def deployment(self) -> Deployment:
        return DEFAULT_DEPLOYMENT

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        del request, timeout_s
        self.calls += 1
        pause_s = self._provider.refusal(anyio.current_time(), _TOKENS)
        if pause_s is not None:
            self.refused += 1
            await anyio.sleep(0.1)
            failure = Failure(kind=FailureKind.RATE_LIMIT, message="slow down", retry_after_s=pause_s)
            raise CallFailed(self.deployment.id, failure)
        await anyio.sleep(self._random.lognormvariate(2.0, 0.4))
        return answer(usage=Usage(input_tokens=_TOKENS - 700, output_tokens=700))


class _Story:
    """One-page documents that come one after the other, alone or beside one with a thousand pages."""

    def __init__(self, *, large: bool, stated: MinuteQuota = _NONE_STATED, estimate: int = _TOKENS) -> None:
        self._large = large
        self._budget = Budget.of(stated)
        self._estimate = estimate
        self.model = _Limited(Provider(1e6, burst_s=10), Random(1))
        self.small_s: list[float] = []
        self.large_done: list[float] = []

    def run(self) -> None:
        Clockwork(Random(0)).run(self._main())

    async def _main(self) -> None:
        gate = Gate(self.model.deployment, most=250, budget=self._budget, random=Random(2))
        routes, caps = [Route(self.model, gate)], {ModeName.BALANCED: 250}
        async with open_router(routes, caps) as router, anyio.create_task_group() as tasks:
            for _ in range(_LARGE if self._large else 0):
                tasks.start_soon(self._page, router, "large")
            for number in range(_SMALL):
                await anyio.sleep(_EVERY_S)
                tasks.start_soon(self._page, router, f"small {number}")

    async def _page(self, router: Router, flow: str) -> None:
        began = anyio.current_time()
        await router.ask(question(), Errand(mode=ModeName.BALANCED, flow=flow, tokens=self._estimate))
        ended = anyio.current_time()
        if flow == "large":
            self.large_done.append(ended)
        else:
            self.small_s.append(ended - began)


def test_documents_of_one_page_are_not_behind_a_thousand_pages_of_another() -> None:
    alone, beside = _Story(large=False), _Story(large=True)
    alone.run()
    beside.run()
    assert len(beside.small_s) == len(alone.small_s) == _SMALL
    assert quantiles(beside.small_s, n=20)[-1] <= 3 * quantiles(alone.small_s, n=20)[-1]
    assert len(beside.large_done) == _LARGE
    assert beside.model.refused <= 0.03 * beside.model.calls
    quota_s = (_LARGE + _SMALL) * _TOKENS / 1e6 * 60
    assert max(beside.large_done) <= quota_s / 0.9 + 10


def test_stated_quota_of_tokens_is_used_in_full_and_nothing_is_refused_however_much_is_reserved() -> None:
    story = _Story(large=True, stated=MinuteQuota(tokens=950_000), estimate=3 * _TOKENS)
    story.run()
    assert story.model.refused == 0
    assert len(story.large_done) == _LARGE
    quota_s = (_LARGE + _SMALL) * _TOKENS / 950_000 * 60
    assert max(story.large_done) <= quota_s / 0.9 + 10


def test_stated_quota_of_requests_is_kept_to_and_used_in_full() -> None:
    story = _Story(large=True, stated=MinuteQuota(requests=300))
    story.run()
    quota_s = (_LARGE + _SMALL) / 300 * 60
    assert 0.97 * quota_s <= max(story.large_done) <= quota_s / 0.9 + 10
