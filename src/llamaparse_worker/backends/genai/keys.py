"""What proves the caller's right: fixed headers, a token of Google's, a signature of Amazon's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from anyio import Lock, to_thread

from llamaparse_worker.backends.genai.codec import HttpCall
from llamaparse_worker.model.genai import Failure, FailureKind

if TYPE_CHECKING:
    from aiobotocore.credentials import AioCredentials
    from botocore.credentials import ReadOnlyCredentials
    from google.auth.credentials import Credentials

_HIDDEN = "********"
_SECRET_LENGTH = 8
"""What is shorter, such as the `none` that some servers want for a key, protects nothing and stands in other words."""


class Keyless(Exception):
    """The right to call cannot be proved now."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Key(Protocol):
    """What a route needs beside the request."""

    async def headers(self, call: HttpCall) -> Mapping[str, str]:
        """Give the headers that prove the right to make this call.

        Raises:
            Keyless: there is no proof for now.
        """
        ...

    def hidden(self, text: str) -> str:
        """Give a provider's message without the secret, should it quote it."""
        ...


@dataclass(frozen=True, slots=True)
class FixedKey:
    """A header that is always the same, such as ``Authorization``; none for a server that asks for none."""

    name: str = ""
    value: str = field(default="", repr=False)

    async def headers(self, call: HttpCall) -> Mapping[str, str]:
        """Give the header."""
        del call
        return {self.name: self.value} if self.name else {}

    def hidden(self, text: str) -> str:
        """Hide the key."""
        secret = self.value.removeprefix("Bearer ")
        return text.replace(secret, _HIDDEN) if len(secret) >= _SECRET_LENGTH else text


def bearer(token: str) -> FixedKey:
    """Give the header of OAuth."""
    return FixedKey("authorization", f"Bearer {token}")


class GoogleKey:
    """Tokens that Google gives for an hour, renewed before they end: one renewal at a time."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._renewal = Lock()

    async def headers(self, call: HttpCall) -> Mapping[str, str]:
        """Give the token."""
        del call
        async with self._renewal:
            if not self._credentials.valid:
                await to_thread.run_sync(self._renew, abandon_on_cancel=True)
        return {"authorization": f"Bearer {self._credentials.token}"}

    def hidden(self, text: str) -> str:
        """Hide the token."""
        token = self._credentials.token
        return text.replace(token, _HIDDEN) if token else text

    def _renew(self) -> None:
        import urllib3  # noqa: PLC0415 - only for those who use Vertex AI
        from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
        from google.auth.transport.urllib3 import Request  # noqa: PLC0415

        with urllib3.PoolManager() as pool:
            try:
                self._credentials.refresh(Request(pool))
            except GoogleAuthError as error:
                kind = FailureKind.SERVER if error.retryable else FailureKind.CONFIG
                raise Keyless(Failure(kind=kind, message=f"Google gives no token: {error}"[:300])) from error


class AmazonKey:
    """Signatures (version 4) with keys of the settings, or of whatever Amazon's tools find."""

    def __init__(self, credentials: AioCredentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    async def headers(self, call: HttpCall) -> Mapping[str, str]:
        """Sign the request."""
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - only for those who use Bedrock

        try:
            frozen = await self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise Keyless(
                Failure(kind=FailureKind.CONFIG, message=f"Amazon gives no credentials: {error}"[:300])
            ) from error
        return await to_thread.run_sync(self._signed, call, frozen)

    def hidden(self, text: str) -> str:
        """Give it as it is: a signature is no secret."""
        return text

    def _signed(self, call: HttpCall, credentials: ReadOnlyCredentials) -> Mapping[str, str]:
        from botocore.auth import SigV4Auth  # noqa: PLC0415
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest(method="POST", url=call.url, headers=dict(call.headers), data=call.body)
        SigV4Auth(credentials, "bedrock", self._region).add_auth(request)
        return {name: value for name, value in request.headers.items() if name.lower() not in call.headers}
