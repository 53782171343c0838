"""Messages as pure functions.

Sources: Anthropic's API reference; Google's page on Claude models for the body without ``model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from llamaparse_worker.backends.genai.anthropic.reply import answer, refusal
from llamaparse_worker.backends.genai.anthropic.thinking import thinking
from llamaparse_worker.backends.genai.codec import HttpCall, HttpReply, base64_of, output_limit, packed
from llamaparse_worker.model.deployment import Profile
from llamaparse_worker.model.genai import Failure, GenAiAnswer, GenAiRequest, Image, Part


@dataclass(frozen=True, slots=True)
class AnthropicCodec:
    """A ``Codec`` for Claude: at Anthropic, or at Google, which has the model in the address."""

    url: str
    identity: Mapping[str, str]
    """What says in the body which model or which version of the protocol is meant."""
    profile: Profile
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def encode(self, request: GenAiRequest) -> HttpCall:
        """Give the request."""
        return HttpCall(self.url, {"content-type": "application/json", **self.headers}, packed(self._body(request)))

    def decode(self, reply: HttpReply) -> GenAiAnswer | Failure:
        """Give the answer or the failure."""
        return answer(reply) if reply.status == HTTPStatus.OK else refusal(reply)

    def _body(self, request: GenAiRequest) -> dict[str, object]:
        system: dict[str, object] = {"type": "text", "text": request.system}
        if self.profile.caches_system:
            system["cache_control"] = {"type": "ephemeral"}
        limit = output_limit(request, self.profile)
        thought = thinking(request, self.profile, limit)
        body: dict[str, object] = {
            **self.identity,
            "max_tokens": limit,
            "system": [system],
            "messages": [{"role": "user", "content": [_part(part) for part in request.parts]}],
        }
        if self.profile.temperature and request.temperature is not None and not thought.thinks:
            body["temperature"] = request.temperature
        if thought.parameter:
            body["thinking"] = thought.parameter
        output: dict[str, object] = {"effort": thought.effort} if thought.effort else {}
        if self.profile.schema and request.schema:
            output["format"] = {"type": "json_schema", "schema": request.schema.schema}
        return body | ({"output_config": output} if output else {})


def _part(part: Part) -> dict[str, object]:
    match part:
        case Image():
            source = {"type": "base64", "media_type": part.media_type, "data": base64_of(part)}
            return {"type": "image", "source": source}
        case _:
            return {"type": "text", "text": part.text}
