"""The form in which a client sends a page image: ``file``, and ``language`` any number of times."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from llamaparse_worker.http.answers import error_answer

FORM_BYTES = 64 * 1024
"""What a form may have beside its image."""
_LANGUAGE_BYTES = 1024
_MULTIPART = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class PageForm:
    """A page image as it was sent."""

    content: bytes
    languages: tuple[str, ...]
    """LlamaParse's codes; none means that the engine chooses."""


async def read_form(request: web.Request, *, image_bytes: int, within_s: float) -> PageForm | web.Response:
    """Read the form, or give the answer that refuses it: 400, 408, 411 or 413.

    The middleware has compared Content-Length with the largest body. A body without it is refused, so that nothing of
    unknown size is ever read.
    """
    if request.content_length is None:
        return _refusal(411, "send the form with a Content-Length")
    if request.content_type != _MULTIPART:
        return _refusal(400, f"send the image as the part `file` of {_MULTIPART}")
    try:
        with anyio.fail_after(within_s):
            return await _parts(request, image_bytes)
    except TimeoutError:
        return _refusal(408, f"the form was not sent within {within_s:g} s")
    except (ValueError, RuntimeError, AssertionError, HttpProcessingError):  # what aiohttp raises over broken forms
        return _refusal(400, "the form cannot be read")


async def _parts(request: web.Request, image_bytes: int) -> PageForm | web.Response:
    content: bytes | None = None
    languages: list[str] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            return _refusal(400, "a part of the form is a form itself")
        if part.name == "file" and content is None:
            content = await _read(part, image_bytes)
            if content is None:
                return _refusal(413, f"an image has at most {image_bytes} bytes (OCR_MAX_IMAGE_BYTES)")
        elif part.name == "language":
            text = await _read(part, _LANGUAGE_BYTES)
            if text is None:
                return _refusal(400, "language: too long")
            languages += [code.strip() for code in text.decode().split(",")]
        else:
            await part.release()
    if not content:
        return _refusal(400, "the form has no image: send it as the part `file`")
    return PageForm(content, tuple(dict.fromkeys(filter(None, languages))))


async def _read(part: BodyPartReader, limit_bytes: int) -> bytes | None:
    """Read a part; None when it is longer than allowed."""
    found = bytearray()
    while chunk := await part.read_chunk():
        found += chunk
        if len(found) > limit_bytes:
            return None
    return bytes(found)


def _refusal(status: int, detail: str) -> web.Response:
    answer = error_answer(status, detail)
    answer.force_close()  # the rest of the form is not wanted
    return answer
