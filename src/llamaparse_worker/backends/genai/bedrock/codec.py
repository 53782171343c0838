"""Converse as pure functions.

Source: the service model of ``bedrock-runtime`` in botocore, whose JSON has bytes in Base64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from llamaparse_worker.backends.genai.bedrock.reply import answer, refusal
from llamaparse_worker.backends.genai.codec import HttpCall, HttpReply, base64_of, output_limit, packed
from llamaparse_worker.model.deployment import Profile
from llamaparse_worker.model.genai import Failure, GenAiAnswer, GenAiRequest, Image, Part


@dataclass(frozen=True, slots=True)
class BedrockCodec:
    """A ``Codec`` for whatever Bedrock runs; the model is in the address."""

    url: str
    profile: Profile
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def encode(self, request: GenAiRequest) -> HttpCall:
        """Give the request, unsigned."""
        return HttpCall(self.url, {"content-type": "application/json", **self.headers}, packed(self._body(request)))

    def decode(self, reply: HttpReply) -> GenAiAnswer | Failure:
        """Give the answer or the failure."""
        return answer(reply) if reply.status == HTTPStatus.OK else refusal(reply)

    def _body(self, request: GenAiRequest) -> dict[str, object]:
        body: dict[str, object] = {
            "system": [{"text": request.system}, *self._cache_point()],
            "messages": [{"role": "user", "content": [_part(part) for part in request.parts]}],
        }
        limit = output_limit(request, self.profile)
        inference: dict[str, object] = {"maxTokens": limit}
        output: dict[str, object] = {}
        match self.profile.reasoning.get(request.reasoning):
            case str() as effort:
                output["effort"] = effort
            case int() as budget if 0 < budget < limit:
                # Converse has no words of its own for Claude's budget, beside which no temperature may be.
                body["additionalModelRequestFields"] = {"thinking": {"type": "enabled", "budget_tokens": budget}}
            case _:
                pass
        thinks = "additionalModelRequestFields" in body
        if self.profile.temperature and request.temperature is not None and not thinks:
            inference["temperature"] = request.temperature
        if self.profile.schema and (schema := request.schema):
            wanted = {"name": schema.name, "schema": packed(schema.schema).decode()}
            output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": wanted}}
        return body | {"inferenceConfig": inference} | ({"outputConfig": output} if output else {})

    def _cache_point(self) -> tuple[dict[str, object], ...]:
        return ({"cachePoint": {"type": "default"}},) if self.profile.caches_system else ()


def _part(part: Part) -> dict[str, object]:
    match part:
        case Image():
            kind = part.media_type.removeprefix("image/")
            return {"image": {"format": kind, "source": {"bytes": base64_of(part)}}}
        case _:
            return {"text": part.text}
