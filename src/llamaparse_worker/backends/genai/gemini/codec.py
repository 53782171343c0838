"""generateContent as pure functions.

Sources: the API references of the Gemini API and of Vertex AI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from llamaparse_worker.backends.genai.codec import HttpCall, HttpReply, base64_of, output_limit, packed
from llamaparse_worker.backends.genai.gemini.reply import answer, refusal
from llamaparse_worker.model.deployment import Profile
from llamaparse_worker.model.genai import Failure, GenAiAnswer, GenAiRequest, Image, Part


@dataclass(frozen=True, slots=True)
class GeminiCodec:
    """A ``Codec`` for Gemini; the model is in the address."""

    url: str
    profile: Profile
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def encode(self, request: GenAiRequest) -> HttpCall:
        """Give the request."""
        return HttpCall(self.url, {"content-type": "application/json", **self.headers}, packed(self._body(request)))

    def decode(self, reply: HttpReply) -> GenAiAnswer | Failure:
        """Give the answer or the failure."""
        return answer(reply) if reply.status == HTTPStatus.OK else refusal(reply)

    def _body(self, request: GenAiRequest) -> dict[str, object]:
        return {
            "systemInstruction": {"parts": [{"text": request.system}]},
            "contents": [{"role": "user", "parts": [_part(part) for part in request.parts]}],
            "generationConfig": self._generation(request),
        }

    def _generation(self, request: GenAiRequest) -> dict[str, object]:
        found: dict[str, object] = {"maxOutputTokens": output_limit(request, self.profile)}
        if self.profile.temperature and request.temperature is not None:
            found["temperature"] = request.temperature
        match self.profile.reasoning.get(request.reasoning):
            case str() as level:
                found["thinkingConfig"] = {"thinkingLevel": level}
            case int() as budget:
                found["thinkingConfig"] = {"thinkingBudget": budget}
            case None:
                pass
        if self.profile.schema and request.schema:
            found["responseMimeType"] = "application/json"
            found["responseJsonSchema"] = request.schema.schema
        return found


def _part(part: Part) -> dict[str, object]:
    match part:
        case Image():
            return {"inlineData": {"mimeType": part.media_type, "data": base64_of(part)}}
        case _:
            return {"text": part.text}
