"""What every deployment of a model must do, as tests: subclass the class of this module and give its fixtures."""

from __future__ import annotations

import anyio
import pytest

from llamaparse_worker.interfaces import GenAi
from llamaparse_worker.model.genai import CallFailed, EndReason, FailureKind
from llamaparse_worker.testing.genai import question


@pytest.mark.anyio
class GenAiConformance:
    """Fixtures: ``genai`` answers every question, ``throttled`` has no room for any, ``hanging`` never answers."""

    async def test_it_answers_with_text_and_with_what_that_cost(self, genai: GenAi) -> None:
        found = await genai.ask(question(), timeout_s=20)

        assert found.text
        assert found.end is EndReason.COMPLETE
        assert found.usage.input_tokens > 0
        assert found.usage.output_tokens > 0

    async def test_it_says_which_deployment_it_is(self, genai: GenAi) -> None:
        assert genai.deployment.id
        assert genai.deployment.is_called(genai.deployment.model_id)

    async def test_it_answers_many_at_once(self, genai: GenAi) -> None:
        texts: list[str] = []

        async def ask() -> None:
            texts.append((await genai.ask(question(), timeout_s=20)).text)

        async with anyio.create_task_group() as calls:
            for _ in range(20):
                calls.start_soon(ask)

        assert len(texts) == 20

    async def test_a_failure_names_the_deployment_and_its_kind(self, throttled: GenAi) -> None:
        with pytest.raises(CallFailed, match=throttled.deployment.id) as failed:
            await throttled.ask(question(), timeout_s=20)

        assert failed.value.deployment_id == throttled.deployment.id
        assert failed.value.failure.kind is FailureKind.RATE_LIMIT

    async def test_the_time_limit_is_kept(self, hanging: GenAi) -> None:
        with anyio.fail_after(5), pytest.raises(CallFailed) as failed:
            await hanging.ask(question(), timeout_s=0.1)

        assert (failed.value.failure.kind, failed.value.failure.status) == (FailureKind.SERVER, None)

    async def test_a_cancelled_call_ends_at_once(self, hanging: GenAi) -> None:
        with anyio.fail_after(5), anyio.move_on_after(0.1) as scope:
            await hanging.ask(question(), timeout_s=60)

        assert scope.cancelled_caught
