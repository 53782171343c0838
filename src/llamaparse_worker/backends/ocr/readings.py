"""How good a reading of a page is, by the confidence that its engine gives for every word."""

from __future__ import annotations

from llamaparse_worker.model.recognition import Recognition, mean_confidence

POOR = 0.8
"""Mean confidence of a character. One in five may be wrong below: hardly a word is right then."""
ENOUGH = 50
"""Characters; of fewer the mean says little, and Tesseract does not tell the script."""


def is_poor(found: Recognition) -> bool:
    """Tell whether so much is probably wrong that the page is read again."""
    return characters(found) >= ENOUGH and confidence(found) < POOR


def is_sound(found: Recognition) -> bool:
    """Tell whether there is enough text, and most of it probably right."""
    return characters(found) >= ENOUGH and confidence(found) >= POOR


def runs_across(found: Recognition) -> bool:
    """Tell whether most of the text is written across the page, rather than up or down: in words wider than high."""
    across = sum(len(word.text) for word in found.words if word.box.x1 - word.box.x0 > word.box.y1 - word.box.y0)
    return 2 * across > characters(found)


def characters(found: Recognition) -> int:
    """Count the characters."""
    return sum(len(word.text) for word in found.words)


def confidence(found: Recognition) -> float:
    """Give the mean confidence of a character; 0 for an empty reading."""
    return mean_confidence(found.words) or 0.0
