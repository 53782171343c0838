"""The mode agentic (``parse_page_with_agent``): a draft from the picture, then looks at the places that fail a check.

What it does with a page follows from the checks and never from an answer: no model chooses what is asked next. The
published figures grant it 2,000 calls, 4 million tokens in and 2 million out for 1,000 pages.
"""

from __future__ import annotations

from llamaparse_worker.mode.asking import Caps
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.refining import refining
from llamaparse_worker.model.options import ModeName

AGENTIC = Policy(
    mode=ModeName.AGENTIC,
    caps=Caps(calls=4, input_tokens=8_000, output_tokens=4_000),
    sees=True,
    repairs=3,
    by_region=True,
)
component = refining(AGENTIC)
