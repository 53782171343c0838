"""A bound on calls at once that several deployments share, such as all that serve one model."""

from __future__ import annotations


class Cap:
    """Counts the calls that run under it.

    Args:
        most: how many may run at once.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.running = 0

    @property
    def is_full(self) -> bool:
        """Whether one has to end before another may start."""
        return self.running >= self.most
