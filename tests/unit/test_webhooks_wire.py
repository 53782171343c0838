from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from llamaparse_worker.errors import InvalidJob
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.model.webhook import OwedCall, WebhookEvent
from llamaparse_worker.wire import EventPages, JobEvent, job_of, outbox_event, read_message, request_of, signature

SECRET = "It's a Secret to Everybody"  # of the example in GitHub's documentation of its webhooks


def message(*webhooks: Mapping[str, Any], **more: object) -> bytes:
    return json.dumps({"job_id": "job-1", "source": "a.pdf", "webhooks": webhooks, **more}).encode()


def ended(status: JobStatus = JobStatus.COMPLETED, *, failed: int = 0) -> JobEvent:
    terminal = {"job_id": "job-1", "status": status, "attempt": 1, "project_id": "p"}
    return JobEvent.model_validate({**terminal, "pages": EventPages(total=3, done=3, failed=failed)})


def owed(body: bytes, *, position: int = 0, event: JobEvent | None = None) -> OwedCall:
    told = outbox_event(event or ended(), job_of(read_message(body)).webhooks)
    call = next(one for one in told.calls if one.position == position)
    return OwedCall(event_id=told.id, call=call, job_id="job-1", tries=0, age=timedelta(), message=body)


def test_a_signature_is_that_of_a_published_example() -> None:
    found = signature(SECRET, b"Hello, World!")

    assert found == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (ended(), WebhookEvent.SUCCESS),
        (ended(failed=1), WebhookEvent.PARTIAL_SUCCESS),
        (ended(JobStatus.FAILED, failed=3), WebhookEvent.ERROR),
        (ended(JobStatus.CANCELLED), WebhookEvent.CANCELLED),
    ],
)
def test_each_end_of_a_job_has_its_event(event: JobEvent, kind: WebhookEvent) -> None:
    body = message({"url": "https://a.example/"}, {"url": "https://b.example/", "events": [kind]})
    others = sorted(set(WebhookEvent) - {kind})
    told = outbox_event(event, job_of(read_message(body)).webhooks)
    deaf = outbox_event(event, job_of(read_message(message({"url": "https://a.example/", "events": others}))).webhooks)

    assert [(call.host, call.event) for call in told.calls] == [("a.example", kind), ("b.example", kind)]
    assert deaf.calls == ()


def test_a_request_tells_the_event_and_is_signed_over_its_raw_body() -> None:
    body = message(
        {
            "url": "https://hooks.example/path?key=1",
            "output_format": "json",
            "headers": {"Authorization": "Bearer token"},
            "signing_secret": SECRET,
        }
    )
    call = owed(body)
    request = request_of(call, job_of(read_message(body)).webhooks[0])
    told = json.loads(request.body)

    assert request.url == "https://hooks.example/path?key=1"
    assert told.keys() == {"event_id", "event_type", "timestamp", "data"}
    assert (told["event_id"], told["event_type"]) == (call.event_id, "parse.success")
    assert told["data"] == {"id": "job-1", "job_id": "job-1"}
    assert isinstance(told["timestamp"], float)
    assert request.headers["X-Webhook-Event-ID"] == call.event_id
    assert request.headers["X-Webhook-Event-Type"] == "parse.success"
    assert request.headers["LC-Signature"] == signature(SECRET, request.body)
    assert request.headers["Authorization"] == "Bearer token"
    assert request.headers["User-Agent"].startswith("llamaparse-worker")


def test_the_format_string_is_a_json_string_that_holds_the_event() -> None:
    request = request_of(owed(body := message({"url": "https://a.example/"})), job_of(read_message(body)).webhooks[0])

    assert json.loads(json.loads(request.body))["event_type"] == "parse.success"
    assert "LC-Signature" not in request.headers


def test_webhooks_of_the_configuration_follow_those_of_the_message() -> None:
    given = {
        "webhook_url": "https://two.example:8443/",
        "webhook_events": ["parse.error"],
        "webhook_headers": {"X-Team": "finance"},
        "webhook_output_format": "json",
        "webhook_signing_secret": "secret",
    }
    body = message({"url": "https://one.example/"}, configuration={"webhook_configurations": [given]})

    job = job_of(read_message(body))
    one, two = job.webhooks
    assert (one.host, two.host) == ("one.example", "two.example:8443")
    assert set(two.events) == {WebhookEvent.ERROR}
    assert (two.secret, dict(two.headers)) == ("secret", {"X-Team": "finance"})
    assert job.options.ignored == ()
    call = owed(body, position=1, event=ended(JobStatus.FAILED))
    assert json.loads(request_of(call, two).body)["event_type"] == "parse.error"


def test_a_webhook_that_will_never_be_called_is_named_among_what_has_no_effect() -> None:
    job = job_of(read_message(message({"url": "https://a.example/", "events": ["parse.pending", "parse.running"]})))

    assert job.options.ignored == ("webhooks.events",)


@pytest.mark.parametrize(
    ("webhook", "named"),
    [
        ({"url": "http://a.example/"}, "webhooks.0.url"),
        ({"url": "a.example/hook"}, "webhooks.0.url"),
        ({"url": "https:///hook"}, "webhooks.0.url"),
        ({"url": "https://user:word@a.example/"}, "webhooks.0.url"),
        ({"url": "https://a.example:99999/"}, "webhooks.0.url"),
        ({"url": "https://[::1/"}, "webhooks.0.url"),
        ({"url": "https://a.example/" + "x" * 2048}, "webhooks.0.url"),
        ({}, "webhooks.0.url"),
        ({"url": "https://a.example/", "events": []}, "webhooks.0.events"),
        ({"url": "https://a.example/", "events": ["extract.success"]}, "webhooks.0.events.0"),
        ({"url": "https://a.example/", "headers": {"Content-Length": "1"}}, "webhooks.0.headers"),
        ({"url": "https://a.example/", "headers": {"LC-Signature": "forged"}}, "webhooks.0.headers"),
        ({"url": "https://a.example/", "headers": {"X": "one\r\nHost: two"}}, "webhooks.0.headers"),
        ({"url": "https://a.example/", "headers": {"X: Y": "one"}}, "webhooks.0.headers"),
        ({"url": "https://a.example/", "headers": {"X": "ё"}}, "webhooks.0.headers"),
        ({"url": "https://a.example/", "output_format": "xml"}, "webhooks.0.output_format"),
        ({"url": "https://a.example/", "signing_secret": ""}, "webhooks.0.signing_secret"),
        ({"url": "https://a.example/", "colour": "blue"}, "webhooks.0.colour"),
    ],
)
def test_a_webhook_that_cannot_work_refuses_the_message_without_telling_its_content(
    webhook: Mapping[str, Any], named: str
) -> None:
    with pytest.raises(InvalidJob, match=f"^{named}: ") as refused:
        read_message(message(webhook))
    assert "forged" not in refused.value.message
    assert "word" not in refused.value.message


def test_a_message_names_ten_webhooks_at_most() -> None:
    one = {"url": "https://a.example/"}
    assert len(read_message(message(*[one] * 10)).webhooks) == 10
    with pytest.raises(InvalidJob, match="webhooks"):
        read_message(message(*[one] * 11))


def test_nothing_that_is_secret_stands_in_what_a_program_prints_of_it() -> None:
    webhook = {"url": "https://a.example/?key=k9x", "headers": {"A": "k9x"}, "signing_secret": "k9x"}
    v2 = {f"webhook_{name}": value for name, value in webhook.items()}
    body = message(webhook, configuration={"webhook_configurations": [v2]})
    found = read_message(body)
    job = job_of(found)
    call = owed(body)

    assert "k9x" not in f"{found!r}{job!r}{call!r}{request_of(call, job.webhooks[0])!r}"
