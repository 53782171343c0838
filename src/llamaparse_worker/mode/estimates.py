"""How many tokens something takes, without a tokenizer: every provider counts in its own way."""

from __future__ import annotations

import math

_LETTERS_A_TOKEN, _OTHERS_A_TOKEN = 4.0, 1.5
"""Characters a token, in ASCII and beyond: common figures of providers, on the safe side."""
_PIXELS_A_TOKEN = 750
"""What Anthropic documents for pictures; some others take less."""
_LEAST_OUTPUT, _MOST_OUTPUT, _OUTPUT_OF_UNREAD = 2000, 8000, 4000
_TIMES_THE_PAGE, _MORE = 2.5, 1000


def tokens_in(text: str) -> int:
    """Estimate the tokens of a text."""
    letters = len(text) if text.isascii() else sum(map(str.isascii, text))
    return math.ceil(letters / _LETTERS_A_TOKEN + (len(text) - letters) / _OTHERS_A_TOKEN)


def tokens_of_picture(longest_side: int, shape: float) -> int:
    """Estimate the tokens of a picture; ``shape`` is its shorter side as a share of the longer one."""
    return math.ceil(longest_side * longest_side * shape / _PIXELS_A_TOKEN)


def output_limit(page_text: str) -> int:
    """Give the most tokens that an answer for a page may take: tags and marks cost more than the text itself."""
    if not page_text.strip():
        return _OUTPUT_OF_UNREAD
    return int(min(_MOST_OUTPUT, max(_LEAST_OUTPUT, _TIMES_THE_PAGE * tokens_in(page_text) + _MORE)))
