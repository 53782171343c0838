"""Asking a model."""

from __future__ import annotations

from typing import Protocol

from llamaparse_worker.model.deployment import Deployment
from llamaparse_worker.model.genai import GenAiAnswer, GenAiRequest


class GenAi(Protocol):
    """One model at one provider. It neither waits for its turn nor tries again: both are its caller's."""

    @property
    def deployment(self) -> Deployment:
        """What the settings say about it."""
        ...

    async def ask(self, request: GenAiRequest, *, timeout_s: float) -> GenAiAnswer:
        """Send one request, once.

        An answer that was cut off, filtered or refused is an answer: see its ``end``. What the profile of the
        deployment does not allow is left out; an image that it does not allow is a ``bad_request`` and not sent.

        Args:
            request: what is asked.
            timeout_s: seconds from here to the last byte of the answer.

        Raises:
            CallFailed: there is no answer; its ``failure`` says of which kind.
        """
        ...
