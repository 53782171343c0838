"""The mode multimodal (``parse_page_with_lvm``): the picture of a page, with a part of its text, becomes Markdown.

The published figures grant it 1,200 calls for 1,000 pages: one a page, and a repair for one in five.
"""

from __future__ import annotations

from llamaparse_worker.mode.asking import Caps
from llamaparse_worker.mode.policy import Policy
from llamaparse_worker.mode.refining import refining
from llamaparse_worker.model.options import ModeName

MULTIMODAL = Policy(
    mode=ModeName.MULTIMODAL,
    caps=Caps(calls=3, input_tokens=40_000, output_tokens=12_000),
    sees=True,
    repairs=1,
)
component = refining(MULTIMODAL)
