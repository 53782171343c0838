"""The smallest question that shows whether a model answers."""

from __future__ import annotations

from llamaparse_worker.model.genai import GenAiRequest, Text

PROBE = GenAiRequest(
    system="You are being tested for being there.",
    parts=(Text("Reply with the word OK and nothing else."),),
    max_output_tokens=64,
)
PROBE_TOKENS = 100
"""What it may cost."""
