"""What a protocol is: a request as bytes, and bytes as an answer or a failure. Pure."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from llamaparse_worker.model.deployment import Profile
from llamaparse_worker.model.genai import Failure, GenAiAnswer, GenAiRequest, Image


@dataclass(frozen=True, slots=True)
class HttpCall:
    """A POST request, but for what proves the caller's right."""

    url: str
    """Encoded as it goes out."""
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class HttpReply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Names in small letters."""
    body: bytes = field(repr=False)


class Codec(Protocol):
    """One protocol on one route, for one model."""

    def encode(self, request: GenAiRequest) -> HttpCall:
        """Give the request as it is sent; what the profile does not allow is left out."""
        ...

    def decode(self, reply: HttpReply) -> GenAiAnswer | Failure:
        """Give what a reply means; one that makes no sense is a failure of the server."""
        ...


def packed(body: Mapping[str, object]) -> bytes:
    """Give JSON; halves of surrogate pairs, which broken fonts bring and UTF-8 cannot say, become question marks."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def base64_of(image: Image) -> str:
    """Give the image as all protocols want it."""
    return base64.b64encode(image.content).decode("ascii")


def output_limit(request: GenAiRequest, profile: Profile) -> int:
    """Give the most output tokens that the request wants and the model allows."""
    return min(request.max_output_tokens, profile.max_output_tokens or request.max_output_tokens)
