"""What is fed with untrusted bytes. A target returns, or raises ``AssertionError`` or what nobody should raise.

Errors that are documented for a function are its answer, and are asserted to be well formed. ``tests/unit`` feeds the
targets for seconds with Hypothesis, ``make fuzz`` for as long as wanted, guided by coverage.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from pydantic import ValidationError

from fuzz.http import answer_to
from llamaparse_worker.backends.objects.addresses import is_name, literal, refusal
from llamaparse_worker.backends.objects.guard import judged
from llamaparse_worker.backends.objects.sources import bucket_and_key, file_path
from llamaparse_worker.errors import InvalidJob, InvalidPageRange, SourceForbidden, WorkerError
from llamaparse_worker.model.dead_letter import death_of, without_death
from llamaparse_worker.model.job import SourceKind
from llamaparse_worker.parsers.protocol import BrokenProtocol, FrameBuffer, FrameKind, decode_event, encode_event
from llamaparse_worker.pipeline import blob
from llamaparse_worker.pipeline.file_kind import file_kind
from llamaparse_worker.wire import job_of, read_message, select_pages
from llamaparse_worker.wire.configuration import ParseConfiguration
from llamaparse_worker.wire.options import options_of
from llamaparse_worker.wire.recognition import RecognitionAnswer

Target = Callable[[bytes], None]

_PAGES = 500
_EXCEPTIONS = frozenset({"wiki.intern", "files.intern:8443"})
_LONGEST_ERROR = 20_000


def message(data: bytes) -> None:
    """Read a queue message, down to the source it names."""
    try:
        job = job_of(read_message(data), traceparent=None)
    except InvalidJob as error:
        _is_well_formed(error)
        return
    assert job.id.isascii()
    assert "/" not in job.id
    assert job.file_name
    assert not job.output_prefix.startswith("/")
    source(job.source.location.encode("utf-8", "surrogatepass"))


def options(data: bytes) -> None:
    """Read a parse configuration, and select pages with what it says."""
    try:
        found = options_of(ParseConfiguration.model_validate_json(data))
        pages = select_pages(found, _PAGES)
    except (ValidationError, InvalidJob):
        return
    _are_pages(pages)


def page_range(data: bytes) -> None:
    """Read a list of pages."""
    text = data.decode("utf-8", "replace")
    try:
        configuration = ParseConfiguration.model_validate({"page_ranges": {"target_pages": text}})
        pages = select_pages(options_of(configuration), _PAGES)
    except (ValidationError, InvalidPageRange):
        return
    _are_pages(pages)
    wanted = {page for part in text.split(",") for page in _numbers(part)}
    assert set(pages) == wanted & set(range(1, _PAGES + 1))


def _numbers(part: str) -> range:
    first, _, last = part.partition("-")
    return range(int(first), min(int(last or first), _PAGES) + 1)


def _are_pages(pages: tuple[int, ...]) -> None:
    assert pages
    assert list(pages) == sorted(set(pages))
    assert 1 <= pages[0] <= pages[-1] <= _PAGES


def source(data: bytes) -> None:
    """Take a source apart by its kind."""
    text = data.decode("utf-8", "replace")
    if not text:
        return
    try:
        job = job_of(read_message(json.dumps({"job_id": "job", "source": text}).encode()))
        match job.source.kind:
            case SourceKind.FILE:
                path = file_path(job.source.location)
                assert path.is_absolute()
                assert "\0" not in str(path)
            case SourceKind.S3:
                bucket, key = bucket_and_key(job.source.location)
                assert "/" not in bucket
                assert {".", ".."}.isdisjoint(key.split("/"))
            case SourceKind.OBJECT:
                assert not job.source.location.startswith("/")
            case SourceKind.HTTPS:
                address(data)
    except InvalidJob as error:
        _is_well_formed(error)


def address(data: bytes) -> None:
    """Judge a web address: what passes is HTTPS to a public address, a plain name or an exception."""
    text = data.decode("utf-8", "replace")
    try:
        url = judged(text, _EXCEPTIONS)
    except SourceForbidden as error:
        _is_well_formed(error)
        return
    host = (url.raw_host or "").lower()
    assert url.scheme == "https"
    assert url.user is None
    if host in _EXCEPTIONS or f"{host}:{url.port}" in _EXCEPTIONS:
        return
    assert url.port == 443
    found = literal(host)
    assert is_name(host) if found is None else refusal(found) is None
    if found is not None:
        assert ip_address(host).is_global
    # What is sent leads to the host that was judged.
    again = judged(str(url), _EXCEPTIONS)
    assert (again.raw_host, again.port) == (url.raw_host, url.port)


def dead_letter(data: bytes) -> None:
    """Read the headers of a dead letter that anybody may have written."""
    lines = data.decode("utf-8", "replace").split("\n")
    headers = {name: text for name, _, text in (line.partition(":") for line in lines)}
    death = death_of(headers)
    assert death.code
    assert death.attempt >= 0
    again = death_of(death.headers())
    assert (again.code, again.message, again.attempt, again.worker) == (
        death.code,
        death.message,
        death.attempt,
        death.worker,
    )
    assert not any(name.startswith("x-error-") for name in without_death(headers))


def pages_on_disk(data: bytes) -> None:
    """Read a blob of pages that a killed process left, and append to it."""
    path = _scratch() / "pages.blob"
    path.write_bytes(data)
    found = blob.index(path)
    with path.open("rb") as file:
        for stored in found:
            assert stored.frame.end <= len(data)
            try:
                blob.read_page(file, stored)
            except ValidationError:
                continue


def frames(data: bytes) -> None:
    """Hear what a parser process says that a document has taken over."""
    buffer = FrameBuffer()
    buffer.feed(data)
    try:
        while (found := buffer.next()) is not None:
            if found.kind is FrameKind.EVENT:
                event = decode_event(found.payload)
                assert decode_event(encode_event(event)) == event
    except BrokenProtocol:
        return


def event(data: bytes) -> None:
    """Hear one event of such a process, without the frame around it."""
    try:
        found = decode_event(data)
    except BrokenProtocol:
        return
    assert decode_event(encode_event(found)) == found


def recognition(data: bytes) -> None:
    """Read the answer of an OCR service."""
    try:
        RecognitionAnswer.model_validate_json(data)
    except ValidationError:
        return


def kind(data: bytes) -> None:
    """Name a file by its first bytes."""
    assert file_kind(data)


def http(data: bytes) -> None:
    """Send bytes to the port: no answer is an error of the server, or opens what asks for the token."""
    answer = answer_to(data)
    assert b" 500 " not in answer.split(b"\r\n", 1)[0]
    assert b"Traceback" not in answer
    assert b"llamaparse_worker_starts" not in answer


def _is_well_formed(error: WorkerError) -> None:
    assert error.message
    assert len(error.message) < _LONGEST_ERROR


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


TARGETS: Mapping[str, Target] = {
    found.__name__: found
    for found in (
        message,
        options,
        page_range,
        source,
        address,
        dead_letter,
        pages_on_disk,
        frames,
        event,
        recognition,
        kind,
        http,
    )
}
