"""The way of a request to a provider and back, once: no second try is hidden here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TypeVar

import aiohttp
import anyio
from yarl import URL

from llamaparse_worker.backends.bodies import piece_of
from llamaparse_worker.backends.genai.codec import Codec, HttpCall, HttpReply
from llamaparse_worker.backends.genai.keys import Key, Keyless
from llamaparse_worker.computing import computed
from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import CallFailed, Failure, FailureKind, GenAiAnswer, GenAiRequest, Image

In = TypeVar("In")
Out = TypeVar("Out")

ANSWER_BYTES = 8 * 1024**2
"""Twenty times the longest answer that a model gives; what is longer is none."""
_CONNECT_S = 5.0
_LARGE = 64 * 1024
"""Characters or bytes of JSON: less is a matter of a tenth of a millisecond."""
_KEEP_S = 4.0
"""How long a connection is kept: less than servers do, so that none is used that is being closed."""
_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})


class Client:
    """One HTTP client for all deployments of a worker."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def send(self, call: HttpCall) -> HttpReply | Failure:
        """Send a request; gives the reply, or why there is none. The time is bounded by the caller."""
        try:
            async with self._session.post(
                URL(call.url, encoded=True), data=call.body, headers=call.headers, allow_redirects=False
            ) as answer:
                body = bytearray()
                while piece := await piece_of(answer):
                    body += piece
                    if len(body) > ANSWER_BYTES:
                        return _broken(f"gave more than {ANSWER_BYTES} bytes")
                headers = {name.lower(): value for name, value in answer.headers.items()}
                return HttpReply(answer.status, headers, bytes(body))
        except aiohttp.ClientConnectorCertificateError as error:
            certificate = type(error.certificate_error).__name__
            return Failure(kind=FailureKind.CONFIG, message=f"the certificate is not trusted ({certificate})")
        except aiohttp.InvalidURL:
            return Failure(kind=FailureKind.CONFIG, message="the address is none")
        except (aiohttp.ClientError, TimeoutError) as error:
            return _broken(f"cut the connection or cannot be reached ({type(error).__name__})")


class DeployedModel:
    """A ``GenAi``: a protocol on a route, with a key, through the client."""

    def __init__(self, deployment: Deployment, codec: Codec, key: Key, client: Client) -> None:
        self._deployment = deployment
        self._codec = codec
        self._key = key
        self._client = client

    @property
    def deployment(self) -> Deployment:
        """What the settings say about it."""
        return self._deployment

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        """Send one request, once."""
        found: GenAiAnswer | Failure | None = self._unfit(request)
        if found is None:
            with anyio.move_on_after(timeout_s):
                found = await self._asked(request)
        match found:
            case GenAiAnswer():
                return found
            case None:
                raise CallFailed(self._deployment.id, _broken(f"gave no answer within {timeout_s:g} s"))
            case _:
                raise CallFailed(self._deployment.id, found)

    async def _asked(self, request: GenAiRequest) -> GenAiAnswer | Failure:
        large = any(isinstance(part, Image) or len(part.text) > _LARGE for part in request.parts)
        call = await _off_loop(self._codec.encode, request, large=large)
        try:
            headers = {**call.headers, **await self._key.headers(call)}
        except Keyless as keyless:
            return keyless.failure
        match await self._client.send(HttpCall(call.url, headers, call.body)):
            case HttpReply() as reply:
                return self._without_key(await _off_loop(self._codec.decode, reply, large=len(reply.body) > _LARGE))
            case failure:
                return failure

    def _without_key(self, found: GenAiAnswer | Failure) -> GenAiAnswer | Failure:
        match found:
            case Failure():
                return replace(found, message=self._key.hidden(found.message))
            case _:
                return found

    def _unfit(self, request: GenAiRequest) -> Failure | None:
        """Say what of a request the profile forbids and cannot be left out."""
        profile = self._deployment.profile
        for image in (part for part in request.parts if isinstance(part, Image)):
            if not profile.images or image.media_type not in _IMAGES:
                message = f"{self._deployment.model_id} takes no images of type {image.media_type}"
                return Failure(kind=FailureKind.BAD_REQUEST, message=message)
            if len(image.content) > profile.max_image_bytes:
                message = f"an image of {len(image.content)} bytes; {profile.max_image_bytes} are taken"
                return Failure(kind=FailureKind.CONTEXT, message=message)
        return None


@asynccontextmanager
async def open_client() -> AsyncIterator[Client]:
    """Yield the client: as many connections as there are calls, which are bounded elsewhere, and no proxy."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    ) as session:
        yield Client(session)


async def _off_loop(work: Callable[[In], Out], of: In, *, large: bool) -> Out:
    """Leave long work to a thread; short work would wait longer for one than it takes, with the call's slot held."""
    return await computed(work, of) if large else work(of)


def _broken(what: str) -> Failure:
    return Failure(kind=FailureKind.SERVER, message=f"the provider {what}")
