from __future__ import annotations

import pytest

from llamaparse_worker.backends.genai.pauses import duration_s, rate_limits, retry_after_s
from llamaparse_worker.model.genai import Quota, RateLimits

DATE = {"date": "Fri, 20 Nov 2026 10:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "pause_s"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "1500", "retry-after": "7"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Fri, 20 Nov 2026 10:01:30 GMT", **DATE}, 90.0),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", **DATE}, 0.0),
        ({"retry-after": "Fri, 20 Nov 2026 10:01:30 GMT"}, None),  # our clock need not agree with theirs
        ({"retry-after": "nan"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow", **DATE}, None),
    ],
)
def test_a_pause_is_read_in_every_form(headers: dict[str, str], pause_s: float | None) -> None:
    assert retry_after_s(headers) == pause_s


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("17ms", 0.017),
        ("6m0s", 360.0),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400.0),
        ("34.07s", 34.07),
        ("12", 12.0),
        ("", None),
        ("s", None),
        ("1s later", None),
    ],
)
def test_a_duration_is_read(text: str, seconds: float | None) -> None:
    assert duration_s(text) == pytest.approx(seconds)


def test_quotas_of_openai_are_read() -> None:
    found = rate_limits(
        {
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": "499",
            "x-ratelimit-reset-requests": "120ms",
            "x-ratelimit-limit-tokens": "200000",
            "x-ratelimit-remaining-tokens": "0",
            "x-ratelimit-reset-tokens": "6m0s",
        }
    )

    assert found == RateLimits(Quota(500, 499, 0.12), Quota(200_000, 0, 360.0))


def test_quotas_of_anthropic_are_read_by_its_own_clock() -> None:
    found = rate_limits(
        {
            **DATE,
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "0",
            "anthropic-ratelimit-requests-reset": "2026-11-20T10:00:30Z",
            "anthropic-ratelimit-input-tokens-limit": "40000",
            "anthropic-ratelimit-output-tokens-remaining": "8000",
        }
    )

    assert found == RateLimits(
        requests=Quota(50, 0, 30.0), input_tokens=Quota(limit=40_000), output_tokens=Quota(remaining=8000)
    )


@pytest.mark.parametrize("headers", [{}, {"x-ratelimit-limit-requests": "many"}, {"content-type": "x"}])
def test_what_is_no_quota_is_none(headers: dict[str, str]) -> None:
    assert rate_limits(headers) == RateLimits()
