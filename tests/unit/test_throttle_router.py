"""The router: who is asked, in which order, and what becomes of a call that fails. All on a virtual clock."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint

from llamaparse_worker.errors import ModelsMisconfigured, ModelsUnavailable
from llamaparse_worker.model.deployment import Deployment, Family, Price
from llamaparse_worker.model.genai import CallFailed, Failure, FailureKind, GenAiAnswer, GenAiRequest, Usage
from llamaparse_worker.model.options import ModeName
from llamaparse_worker.testing.genai import DEFAULT_DEPLOYMENT, FakeGenAi, answer, question
from llamaparse_worker.throttle.budget import Budget
from llamaparse_worker.throttle.cap import Cap
from llamaparse_worker.throttle.errand import Errand, NobodyAnswers, NobodyToAsk, Route
from llamaparse_worker.throttle.gate import Gate
from llamaparse_worker.throttle.router import Router, open_router
from simulation.clockwork import Clockwork

CAPS = {ModeName.BALANCED: 250, ModeName.MULTIMODAL: 50, ModeName.AGENTIC: 25}
ERRAND = Errand(mode=ModeName.BALANCED, flow="document", tokens=2000)
Outcomes = Sequence[GenAiAnswer | Failure]


class Switched:
    """A model that answers while it is said to work."""

    def __init__(self, deployment: Deployment, kind: FailureKind = FailureKind.SERVER) -> None:
        self._deployment = deployment
        self._kind = kind
        self.works = False
        self.asked = 0

    @property
    def deployment(self) -> Deployment:
        return self._deployment

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        del request, timeout_s
        self.asked += 1
        if not self.works:
            raise CallFailed(self._deployment.id, failure(self._kind))
        return answer()


def failure(kind: FailureKind, *, retry_after_s: float | None = None) -> Failure:
    return Failure(kind=kind, message="not now", retry_after_s=retry_after_s)


def deployment(name: str, **changes: Any) -> Deployment:  # noqa: ANN401 - fields of the class
    return replace(DEFAULT_DEPLOYMENT, id=name, **changes)


def route(name: str, outcomes: Outcomes = (), *, most: int = 100, **changes: Any) -> Route:  # noqa: ANN401
    model = FakeGenAi(outcomes, deployment=deployment(name, **changes))
    return Route(model, Gate(model.deployment, most=most, budget=Budget(), random=Random(0)))


def asked(one: Route) -> int:
    assert isinstance(one.model, FakeGenAi)
    return len(one.model.requests)


def run(
    routes: Sequence[Route],
    story: Callable[[Router], Awaitable[object]],
    limit_s: float = 3600,
    preferred: Mapping[ModeName, str] | None = None,
    patience_s: float = 30,
) -> float:
    """Tell a story with a router; gives the seconds that it takes on its clock."""

    async def main() -> float:
        with anyio.fail_after(limit_s):
            async with open_router(routes, CAPS, preferred, patience_s=patience_s) as router:
                await story(router)
        return anyio.current_time()

    return Clockwork(Random(0)).run(main())


def test_deployment_with_the_highest_priority_is_asked() -> None:
    low, high = route("low", priority=1), route("high", priority=200)

    async def story(router: Router) -> None:
        assert (await router.ask(question(), ERRAND)).deployment.id == "high"

    run([low, high], story)
    assert asked(low) == 0


def test_next_one_is_asked_when_one_has_no_room() -> None:
    gate = anyio.Event()
    model = FakeGenAi(gate=gate, deployment=deployment("first", priority=200))
    first = Route(model, Gate(model.deployment, most=1, budget=Budget(), random=Random(0)))
    second = route("second")

    async def story(router: Router) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(router.ask, question(), ERRAND)
            await checkpoint()
            assert (await router.ask(question(), ERRAND)).deployment.id == "second"
            gate.set()

    run([first, second], story)


def test_refused_call_is_asked_again_after_the_pause() -> None:
    only = route("only", [failure(FailureKind.RATE_LIMIT, retry_after_s=30), answer()])

    async def story(router: Router) -> None:
        got = await router.ask(question(), ERRAND)
        assert [one.failure.kind for one in got.failures] == [FailureKind.RATE_LIMIT]

    assert 30 <= run([only], story) <= 40
    assert asked(only) == 2


def test_refused_call_goes_elsewhere_meanwhile() -> None:
    first = route("first", [failure(FailureKind.RATE_LIMIT, retry_after_s=30)], priority=200)

    async def story(router: Router) -> None:
        assert (await router.ask(question(), ERRAND)).deployment.id == "second"

    assert run([first, route("second")], story) < 1


@pytest.mark.parametrize(
    ("kind", "tries"),
    [
        (FailureKind.SERVER, 2),
        (FailureKind.OVERLOADED, 1),
        (FailureKind.CONFIG, 1),
        (FailureKind.QUOTA_EXHAUSTED, 1),
    ],
)
def test_failing_deployment_is_replaced_by_the_next(kind: FailureKind, tries: int) -> None:
    first = route("first", [failure(kind)], priority=200)

    async def story(router: Router) -> None:
        got = await router.ask(question(), ERRAND)
        assert got.deployment.id == "second"
        assert len(got.failures) == tries

    run([first, route("second")], story)
    assert asked(first) == tries


@pytest.mark.parametrize("kind", [FailureKind.CONFIG, FailureKind.QUOTA_EXHAUSTED])
def test_deployment_that_cannot_work_is_left_alone_for_a_minute(kind: FailureKind) -> None:
    first = route("first", [failure(kind), answer()], priority=200)

    async def story(router: Router) -> None:
        await router.ask(question(), ERRAND)
        await anyio.sleep(58)
        assert (await router.ask(question(), ERRAND)).deployment.id == "second"
        await anyio.sleep(4)
        assert (await router.ask(question(), ERRAND)).deployment.id == "first"

    run([first, route("second")], story)


@pytest.mark.parametrize("kind", [FailureKind.CONFIG, FailureKind.QUOTA_EXHAUSTED])
def test_one_call_tries_a_deployment_that_could_not_work(kind: FailureKind) -> None:
    first = route("first", [failure(kind)], priority=200)

    async def story(router: Router) -> None:
        await router.ask(question(), ERRAND)
        await anyio.sleep(61)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(router.ask, question(), ERRAND)

    run([first, route("second")], story)
    assert asked(first) == 2


def test_wrong_settings_everywhere_are_told_apart_from_an_outage() -> None:
    async def found(router: Router) -> None:
        with pytest.raises((CallFailed, NobodyAnswers)):
            await router.ask(question(), ERRAND)
        if error := router.outage(ModeName.BALANCED):
            errors.append(error)

    errors: list[ModelsUnavailable] = []
    for others in ((), (FailureKind.QUOTA_EXHAUSTED,)):
        wrong = route("wrong", [failure(FailureKind.CONFIG)], origin="OPENAI_API_KEY")
        run([wrong, *(route("empty", [failure(kind)]) for kind in others)], found)

    assert list(map(type, errors)) == [ModelsMisconfigured, ModelsUnavailable]
    assert [error.message.partition(": ")[2] for error in errors] == [
        "wrong (config: see OPENAI_API_KEY)",
        "wrong (config: see OPENAI_API_KEY), empty (quota_exhausted)",
    ]


def test_corrected_key_is_found_within_two_minutes_however_long_it_was_wrong() -> None:
    deployed = deployment("only")
    model = Switched(deployed, FailureKind.CONFIG)
    only = Route(model, Gate(deployed, most=100, budget=Budget(), random=Random(0)))

    async def story(router: Router) -> None:
        with pytest.raises(CallFailed):
            await router.ask(question(), ERRAND)
        await anyio.sleep(3600)
        assert router.outage(ModeName.BALANCED)
        assert model.asked <= 62
        model.works = True
        await anyio.sleep(80)
        assert router.outage(ModeName.BALANCED) is None

    run([only], story, limit_s=4000)


@pytest.mark.parametrize("kind", [FailureKind.CONTEXT, FailureKind.BAD_REQUEST])
def test_question_that_nobody_can_answer_is_not_passed_on(kind: FailureKind) -> None:
    second = route("second")

    async def story(router: Router) -> None:
        with pytest.raises(CallFailed):
            await router.ask(question(), ERRAND)

    run([route("first", [failure(kind)], priority=200), second], story)
    assert asked(second) == 0


def test_filtered_question_goes_to_another_family() -> None:
    routes = [
        route("one", [failure(FailureKind.FILTER)], priority=3, family=Family.OPENAI),
        route("same family", priority=2, family=Family.OPENAI),
        route("other family", priority=1, family=Family.CLAUDE),
    ]

    async def story(router: Router) -> None:
        assert (await router.ask(question(), ERRAND)).deployment.id == "other family"

    run(routes, story)
    assert asked(routes[1]) == 0


def test_nothing_falls_from_the_union_to_elsewhere() -> None:
    routes = [
        route("eu", [failure(FailureKind.CONFIG)], priority=200, in_eu=True),
        route("us", priority=100),
    ]

    async def story(router: Router) -> None:
        with pytest.raises(CallFailed):
            await router.ask(question(), ERRAND)

    run(routes, story)
    assert asked(routes[1]) == 0


def test_text_only_deployment_is_asked_in_the_mode_balanced_alone() -> None:
    async def story(router: Router) -> None:
        await router.ask(question(), ERRAND)
        with pytest.raises(NobodyToAsk):
            await router.ask(question(), replace(ERRAND, mode=ModeName.MULTIMODAL))

    run([route("eu", text_only=True)], story)


def test_outage_of_everybody_is_waited_for() -> None:
    routes = [route(name, [failure(FailureKind.SERVER)] * 12 + [answer()]) for name in ("one", "two")]
    answers: list[str] = []

    async def one(router: Router, number: int) -> None:
        got = await router.ask(question(), replace(ERRAND, flow=str(number)))
        answers.append(got.deployment.id)

    async def story(router: Router) -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(one, router, number)
            await anyio.sleep(3)
            assert f"{router.outage(ModeName.BALANCED)}" == (
                "no model of the mode balanced works: one (server), two (server)"
            )
            assert router.outage(ModeName.FAST) is None
        assert router.outage(ModeName.BALANCED) is None

    run(routes, story, patience_s=300)
    assert len(answers) == 8
    assert all(asked(one) <= 12 + 8 + 2 for one in routes)


def test_outage_that_lasts_sends_calls_away_and_is_found_to_be_over_without_any() -> None:
    broken = [failure(FailureKind.SERVER)]
    routes = [route(name, broken * 20 + [answer()]) for name in ("one", "two")]

    async def sent_away(router: Router, number: int) -> None:
        with pytest.raises(NobodyAnswers, match=r"one \(server\), two \(server\)"):
            await router.ask(question(), replace(ERRAND, flow=str(number)))

    async def story(router: Router) -> None:
        async with anyio.create_task_group() as tasks:
            for number in range(8):
                tasks.start_soon(sent_away, router, number)
        assert 20 <= anyio.current_time() <= 30
        assert router.waiting() == 0
        await anyio.sleep(300)
        assert router.outage(ModeName.BALANCED) is None
        assert max(map(asked, routes)) <= 21
        assert (await router.ask(question(), ERRAND)).failures == ()

    run(routes, story, limit_s=400)


def test_provider_that_heals_is_found_within_half_a_minute_however_long_it_was_away() -> None:
    only = route("only")
    model = Switched(only.deployment)
    only = Route(model, Gate(only.deployment, most=100, budget=Budget(), random=Random(0)))

    async def story(router: Router) -> None:
        with pytest.raises(NobodyAnswers):
            await router.ask(question(), ERRAND)
        await anyio.sleep(3600)
        assert router.outage(ModeName.BALANCED)
        model.works = True
        await anyio.sleep(12)
        assert router.outage(ModeName.BALANCED) is None

    run([only], story, limit_s=4000)


def test_deployment_that_heals_is_found_although_nobody_needs_it() -> None:
    spare = deployment("spare", priority=1)
    model = Switched(spare)
    gate = Gate(spare, most=100, budget=Budget(), random=Random(0))

    async def story(router: Router) -> None:
        for _ in range(5):
            gate.failed(0, gate.enter(0, tokens=1), failure(FailureKind.SERVER))
        assert [one.works for one in router.use().deployments] == [True, False]
        model.works = True
        await anyio.sleep(12)
        assert [one.works for one in router.use().deployments] == [True, True]

    run([route("first"), Route(model, gate)], story)


def test_pause_that_a_failing_deployment_asks_for_is_kept_to() -> None:
    deployed = deployment("only")
    model, gate = Switched(deployed), Gate(deployed, most=100, budget=Budget(), random=Random(0))

    async def story(router: Router) -> None:
        for _ in range(5):
            gate.failed(0, gate.enter(0, tokens=1), failure(FailureKind.OVERLOADED, retry_after_s=100))
        assert router.outage(ModeName.BALANCED)
        await anyio.sleep(99)
        assert model.asked == 0
        await anyio.sleep(12)
        assert model.asked > 0

    run([Route(model, gate)], story)


def test_call_that_breaks_everybody_alone_fails() -> None:
    async def story(router: Router) -> None:
        with pytest.raises(CallFailed):
            await router.ask(question(), ERRAND)

    routes = [route(name, [failure(FailureKind.SERVER)] * 2 + [answer()]) for name in ("one", "two")]
    assert run(routes, story) < 1


def test_first_call_of_an_outage_does_not_fail_as_if_it_were_at_fault() -> None:
    async def story(router: Router) -> None:
        assert len((await router.ask(question(), ERRAND)).failures) >= 4

    run([route("one", [failure(FailureKind.SERVER)] * 7 + [answer()])], story)


def test_cap_of_a_mode_holds_over_all_deployments() -> None:
    gate = anyio.Event()
    models = [FakeGenAi(gate=gate, deployment=deployment(name, profile=DEFAULT_DEPLOYMENT.profile)) for name in "ab"]
    routes = [Route(model, Gate(model.deployment, most=100, budget=Budget(), random=Random(0))) for model in models]
    errand = replace(ERRAND, mode=ModeName.AGENTIC)

    async def story(router: Router) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(router.ask, question(), errand)
            await anyio.sleep(1)
            assert sum(model.running for model in models) == CAPS[ModeName.AGENTIC]
            assert router.waiting() == 60 - CAPS[ModeName.AGENTIC]
            gate.set()

    run(routes, story)


def test_cap_of_a_model_holds_over_all_its_deployments_and_no_other() -> None:
    gate, cap = anyio.Event(), Cap(7)
    models = [FakeGenAi(gate=gate, deployment=deployment(name)) for name in ("one", "two", "other")]
    routes = [
        Route(model, Gate(model.deployment, most=20, budget=Budget(), random=Random(0), caps=caps))
        for model, caps in zip(models, ([cap], [cap], []), strict=True)
    ]

    async def story(router: Router) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(60):
                tasks.start_soon(router.ask, question(), ERRAND)
            await anyio.sleep(1)
            assert models[0].running + models[1].running == 7
            assert models[2].running == 20
            gate.set()
        assert cap.running == 0

    run(routes, story)
    assert sum(len(model.requests) for model in models) == 60


def test_mode_asks_its_preferred_model_first_and_the_others_where_that_has_no_room() -> None:
    refusal = failure(FailureKind.RATE_LIMIT, retry_after_s=30)
    routes = [route("high", priority=200), route("wanted", [answer(), refusal], priority=1, aliases=frozenset({"w"}))]
    agentic = replace(ERRAND, mode=ModeName.AGENTIC)

    async def story(router: Router) -> None:
        assert [one.id for one in router.deployments(ModeName.AGENTIC, images=True)] == ["wanted", "high"]
        assert (await router.ask(question(), agentic)).deployment.id == "wanted"
        assert (await router.ask(question(), ERRAND)).deployment.id == "high"
        assert (await router.ask(question(), agentic)).deployment.id == "high"

    run(routes, story, preferred={ModeName.AGENTIC: "w"})


def test_cancelled_calls_leave_nothing_behind() -> None:
    gate = anyio.Event()
    model = FakeGenAi(gate=gate)
    only = Route(model, Gate(model.deployment, most=2, budget=Budget(), random=Random(0)))

    async def story(router: Router) -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(router.ask, question(), ERRAND)
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
        assert router.waiting() == 0
        assert only.gate.running == 0
        gate.set()
        await router.ask(question(), ERRAND)

    run([only], story)


def test_what_calls_come_to_is_counted_by_deployment() -> None:
    priced = deployment("priced", price=Price(input=2.0, output=10.0))
    usage = Usage(input_tokens=1000, output_tokens=100)
    model = FakeGenAi([failure(FailureKind.RATE_LIMIT, retry_after_s=1), answer(usage=usage)], deployment=priced)
    only = Route(model, Gate(priced, most=10, budget=Budget(), random=Random(0)))

    async def story(router: Router) -> None:
        await router.ask(question(), ERRAND)
        (used,) = router.use().deployments
        assert (used.deployment, used.running) == ("priced", 0)
        assert used.outcomes == {"rate_limit": 1, "answered": 1}
        assert (used.input_tokens, used.output_tokens) == (1000, 100)
        assert used.cost == pytest.approx(0.003)

    run([only], story)
