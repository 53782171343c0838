"""Chat completions as pure functions.

Sources: the API reference of OpenAI, and of Azure for the filter's error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from llamaparse_worker.backends.genai.codec import HttpCall, HttpReply, base64_of, output_limit, packed
from llamaparse_worker.backends.genai.openai.reply import answer, refusal
from llamaparse_worker.model.deployment import Profile
from llamaparse_worker.model.genai import Failure, GenAiAnswer, GenAiRequest, Image, Part


@dataclass(frozen=True, slots=True)
class OpenAiCodec:
    """A ``Codec`` for OpenAI and all who speak its protocol."""

    url: str
    model: str
    profile: Profile
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def encode(self, request: GenAiRequest) -> HttpCall:
        """Give the request."""
        return HttpCall(self.url, {"content-type": "application/json", **self.headers}, packed(self._body(request)))

    def decode(self, reply: HttpReply) -> GenAiAnswer | Failure:
        """Give the answer or the failure."""
        return answer(reply) if reply.status == HTTPStatus.OK else refusal(reply)

    def _body(self, request: GenAiRequest) -> dict[str, object]:
        body: dict[str, object] = {
            "model": self.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": _content(request.parts)},
            ],
            self.profile.token_field.value: output_limit(request, self.profile),
        }
        if self.profile.temperature and request.temperature is not None:
            body["temperature"] = request.temperature
        effort = self.profile.reasoning.get(request.reasoning)
        if isinstance(effort, str):  # a number of tokens is nothing that this protocol can say
            body["reasoning_effort"] = effort
        if self.profile.schema and (schema := request.schema):
            wanted = {"name": schema.name, "strict": True, "schema": schema.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return body


def _content(parts: Iterable[Part]) -> list[dict[str, object]]:
    return [_part(part) for part in parts]


def _part(part: Part) -> dict[str, object]:
    match part:
        case Image():
            return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{base64_of(part)}"}}
        case _:
            return {"type": "text", "text": part.text}
