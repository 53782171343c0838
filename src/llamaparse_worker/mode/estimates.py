"""How many tokens something takes, without a tokenizer: every provider counts in its own way."""

from __future__ import annotations

import math
from collections.abc import Sequence

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


def output_limit_of(page_texts: Sequence[str]) -> int:
    """Give the most tokens that an answer for several pages may take, each as if it were asked about by itself."""
    read = "\n".join(page_texts)
    unread = sum(_OUTPUT_OF_UNREAD for text in page_texts if not text.strip())
    return int(max(_LEAST_OUTPUT, _TIMES_THE_PAGE * tokens_in(read) + _MORE)) + unread


def fit_one_answer(page_texts: Sequence[str], most: int | None) -> bool:
    """Tell whether an answer for several pages is none too long; ``most`` is what models may answer with at most.

    What is asked is shorter than its answer but for pictures, so question and answer fit into a context of 32,000.
    """
    return output_limit_of(page_texts) <= min(_MOST_OUTPUT, most or _MOST_OUTPUT)
