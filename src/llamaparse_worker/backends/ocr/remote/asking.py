"""One page at one OCR service: the request, and what each answer means."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from aiohttp import hdrs
from anyio import to_thread
from pydantic import ValidationError

from llamaparse_worker.backends.bodies import piece_of
from llamaparse_worker.backends.ocr.pool import checked
from llamaparse_worker.backends.ocr.remote.fleet import Server
from llamaparse_worker.errors import InvalidOption, PageUnreadable, TimeLimitExceeded, WorkerError
from llamaparse_worker.model.recognition import Recognition
from llamaparse_worker.wire.recognition import RecognitionAnswer, recognition_of

ENGINE = "remote"
_OURS = "llamaparse-worker"
_ANSWER_BYTES = 32 * 1024**2
"""A page of a hundred thousand words; what is longer is none."""
_DETAIL_LENGTH = 200
_DEFAULT_REST_S = 1.0
_REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it is sent."""

    content: bytes
    dpi: float
    languages: tuple[str, ...]


class Unfit(Exception):
    """The service is at fault: it does not answer, in time, or with anything that makes sense."""

    def __init__(self, reason: str, *, hung: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hung = hung


class Full(Exception):
    """The service takes no more pages for now."""

    def __init__(self, rest_s: float) -> None:
        super().__init__(f"full for {rest_s:g} s")
        self.rest_s = rest_s


class NotRead(Exception):
    """The service could not read this page; another may."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Refused(Exception):
    """The service finds the request wrong, as every other of its kind would."""

    def __init__(self, error: WorkerError) -> None:
        super().__init__(error.message)
        self.error = error


async def ask(client: aiohttp.ClientSession, server: Server, page: Page) -> Recognition:
    """Have one page read.

    Raises:
        Unfit, Full, NotRead, Refused: as they say.
        TimeLimitExceeded: reading the page took the service too long, which it would anywhere.
    """
    try:
        async with client.post(server.url, data=_form(page, server), allow_redirects=False) as answer:
            server.is_ours = answer.headers.get(hdrs.SERVER) == _OURS
            body = await _body(answer)
    except TimeoutError:
        raise Unfit("gave no answer in time", hung=True) from None
    except aiohttp.ClientError as error:
        raise Unfit(f"cut the connection or cannot be reached ({type(error).__name__})") from error
    if answer.status != HTTPStatus.OK:
        raise _failure(answer, body)
    return await to_thread.run_sync(_understood, body, page.dpi)


def _form(page: Page, server: Server) -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field("file", io.BytesIO(page.content), filename="image.png", content_type="image/png")
    languages = page.languages if server.is_ours else page.languages[:1]  # the open form knows one
    if languages:
        form.add_field("language", ",".join(languages))
    return form


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    found = bytearray()
    while piece := await piece_of(answer):
        found += piece
        if len(found) > _ANSWER_BYTES:
            raise Unfit("gave an answer without end")
    return bytes(found)


def _understood(body: bytes, dpi: float) -> Recognition:
    try:
        answer = RecognitionAnswer.model_validate_json(body)
        return checked(recognition_of(answer, dpi, engine=ENGINE))
    except (ValidationError, PageUnreadable):  # their texts quote the page
        raise Unfit("gave an answer that makes no sense") from None


def _failure(answer: aiohttp.ClientResponse, body: bytes) -> Exception:
    code, detail = _explained(body)
    match answer.status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Full(_rest_s(answer.headers.get(hdrs.RETRY_AFTER, "")))
        case status if status in _REFUSALS:
            wrong = InvalidOption if code == InvalidOption.code else PageUnreadable
            return Refused(wrong(f"the OCR service refuses the page: {detail or status}"))
        case HTTPStatus.INTERNAL_SERVER_ERROR if code == TimeLimitExceeded.code:
            return TimeLimitExceeded(f"the OCR service did not read a page in time: {detail}")
        case HTTPStatus.INTERNAL_SERVER_ERROR:
            return NotRead(detail or "no reason given")
        case status:
            return Unfit(f"answers {status}")


def _explained(body: bytes) -> tuple[str, str]:
    """Give code and text of an error; services that know only ``error`` put their text there."""
    try:
        found = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    code = str(found.get("error", ""))
    return code, " ".join(str(found.get("detail", code)).split())[:_DETAIL_LENGTH]


def _rest_s(header: str) -> float:
    """Read Retry-After in seconds; its other form, a date, needs clocks that agree."""
    return float(header) if header.isascii() and header.isdigit() else _DEFAULT_REST_S
