from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, ValidationError

from llamaparse_worker.errors import InvalidJob, InvalidOption, every_error
from llamaparse_worker.model.job import JobStatus
from llamaparse_worker.wire import JobEvent, JobMessage, job_of, outbox_event, read_message, select_pages
from support.contracts import DEAD_LETTERS, EVENTS, JOB_QUEUE, asyncapi, job_event_schema, job_message_schema
from support.generate import CONTRACTS, DOCS, examples, stale

EXAMPLES = sorted((CONTRACTS / "examples").glob("*.json"))
BODIES = re.compile(r'\{\\?"job_id\\?": \\?"[^{}]*\\?"\}')


def validator() -> Draft202012Validator:
    return Draft202012Validator(job_message_schema())


def body(**changes: object) -> bytes:
    return json.dumps({"job_id": "a", "source": "b.pdf", **changes}).encode()


def test_generated_files_are_what_the_code_says() -> None:
    assert stale() == (), "run `make generate`"


def test_the_schema_is_a_valid_one_with_a_versioned_name() -> None:
    schema = job_message_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "urn:llamaparse-worker:job-message:1"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_golden_example_is_accepted_by_schema_and_worker(path: Path) -> None:
    validator().validate(json.loads(path.read_text()))
    assert read_message(path.read_bytes()).job_id


def test_the_minimal_example_fills_in_the_defaults() -> None:
    found = read_message((CONTRACTS / "examples/minimal.json").read_bytes())
    assert found == JobMessage(job_id="invoice-2026-0417", source="uploads/invoice-2026-0417.pdf")


@pytest.mark.parametrize(
    ("changes", "path", "kind"),
    [
        ({"configuration": {"tierr": "fast"}}, "configuration.tierr", InvalidOption),
        ({"configuration": {"page_ranges": {"max_pages": 0}}}, "configuration.page_ranges.max_pages", InvalidOption),
        ({"mode": "turbo"}, "mode", InvalidOption),
        ({"colour": "red"}, "colour", InvalidJob),
        ({"job_id": "../etc"}, "job_id", InvalidJob),
        ({"source": ""}, "source", InvalidJob),
        ({"version": "2"}, "version", InvalidJob),
        ({"deadline": "2026-12-31T18:00:00"}, "deadline", InvalidJob),
    ],
)
def test_what_the_contract_does_not_allow_is_refused_by_name(
    changes: Mapping[str, object], path: str, kind: type[InvalidJob]
) -> None:
    with pytest.raises(InvalidJob, match=f"^{re.escape(path)}: ") as caught:
        read_message(body(**changes))
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    "changes", [{"configuration": {"tierr": "fast"}}, {"mode": "turbo"}, {"colour": "red"}, {"job_id": "../etc"}]
)
def test_the_schema_refuses_what_the_worker_refuses(changes: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError):
        validator().validate(json.loads(body(**changes)))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_raise_anything_but_an_invalid_job(raw: bytes) -> None:
    with suppress(InvalidJob):
        read_message(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(JobMessage.model_fields)), JSON))
def test_no_values_raise_anything_but_an_invalid_job(values: dict[str, object]) -> None:
    with suppress(InvalidJob):
        found = read_message(json.dumps({"job_id": "a", "source": "b", **values}).encode())
        assert read_message(found.model_dump_json().encode()) == found


def references(node: object) -> Iterator[str]:
    match node:
        case dict():
            if isinstance(target := node.get("$ref"), str):
                yield target
            for child in node.values():
                yield from references(child)
        case list():
            for child in node:
                yield from references(child)


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document: Any = asyncapi(examples())
    targets = sorted(set(references(document)))
    assert "./job-message.schema.json" in targets
    for target in targets:
        node = document
        if target.startswith("./"):
            assert (CONTRACTS / target).is_file()
            continue
        for part in target.removeprefix("#/").split("/"):
            node = node[part]


def test_the_asyncapi_document_names_queues_headers_and_every_error_code() -> None:
    document: Any = asyncapi(examples())
    channels = document["channels"]
    assert (channels["jobs"]["address"], channels["deadLetters"]["address"]) == (JOB_QUEUE, DEAD_LETTERS)
    assert channels["jobs"]["x-queue-arguments"]["x-queue-type"] == "quorum"
    assert channels["events"]["bindings"]["amqp"]["exchange"]["name"] == EVENTS
    assert {one["code"]: one["retryable"] for one in document["x-error-codes"]} == {
        kind.code: kind.retryable for kind in every_error()
    }
    assert "traceparent" in document["components"]["messages"]["parseJob"]["headers"]["properties"]


def test_an_event_follows_its_published_schema() -> None:
    event = JobEvent(job_id="a", status=JobStatus.FAILED, attempt=1, project_id="p", error_code="TIMEOUT")
    Draft202012Validator(job_event_schema()).validate(json.loads(outbox_event(event).body))
    document: Any = asyncapi(examples())
    assert event.kind.removeprefix("job.") in document["channels"]["events"]["parameters"]["outcome"]["enum"]


def test_every_message_in_the_how_to_is_accepted() -> None:
    bodies = BODIES.findall((DOCS / "messages.md").read_text())
    assert len(bodies) >= 5
    for found in bodies:
        assert read_message(found.replace("\\", "").encode()).source


def test_every_python_snippet_compiles() -> None:
    snippets = re.findall(r"```python\n(.*?)```", (DOCS / "messages.md").read_text(), re.DOTALL)
    assert len(snippets) == 2
    for snippet in snippets:
        compile(snippet, "messages.md", "exec")


@pytest.mark.parametrize("source", ["s3://[x/y", "s3://", "s3://bucket", "ftp://x/y", "/etc/hosts", "a/../b"])
def test_a_source_that_cannot_be_read_is_an_invalid_job(source: str) -> None:
    message = read_message(json.dumps({"job_id": "a", "source": source}).encode())
    with suppress(InvalidJob):
        job_of(message)


@given(pages=st.text("0123456789-, ٣", max_size=30) | st.integers(4000, 6000).map(lambda size: "9" * size))
def test_any_page_range_is_read_or_refused(pages: str) -> None:
    body = {"job_id": "a", "source": "k", "configuration": {"page_ranges": {"target_pages": pages}}}
    try:
        job = job_of(read_message(json.dumps(body).encode()))
        select_pages(job.options, 10)
    except InvalidJob:
        return
