"""The mode balanced (``parse_page_with_llm``): the text of a page becomes Markdown in one call, without a picture.

The published figures grant it 1,010 calls for 1,000 pages: a second call is made only for an answer that fails a check.
"""

from __future__ import annotations

from llamaparse_worker.mode.asking import Caps
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.refining import refining
from llamaparse_worker.model.options import ModeName

BALANCED = Policy(
    mode=ModeName.BALANCED,
    caps=Caps(calls=3, input_tokens=40_000, output_tokens=12_000),
    sees=False,
    repairs=1,
)
component = refining(BALANCED)
