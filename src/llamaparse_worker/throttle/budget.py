"""A quota that the operator has stated: requests and tokens a minute, reserved before a call and corrected after it."""

from __future__ import annotations

from dataclasses import dataclass

from llamaparse_worker.model.deployment import MinuteQuota

_MINUTE_S = 60.0
_BURST_S = 5.0
"""What an unused quota may save up: providers look at shorter times than a minute."""


class Bucket:
    """A token bucket (Turner, "New directions in communications", 1986) of so many units a minute."""

    def __init__(self, per_minute: float) -> None:
        self._rate = per_minute / _MINUTE_S
        self._most = max(1.0, self._rate * _BURST_S)
        self._level = self._most
        self._at = float("-inf")

    def ready_at(self, now: float, amount: float) -> float:
        """Tell when so much is there; what is more than the bucket holds is taken when it is full, as a debt."""
        self._fill(now)
        missing = min(amount, self._most) - self._level
        return now if missing <= 0 else now + missing / self._rate

    def take(self, now: float, amount: float) -> None:
        """Take so much; give it back with a negative amount."""
        self._fill(now)
        self._level = min(self._most, self._level - amount)

    def _fill(self, now: float) -> None:
        if now > self._at:
            self._level = min(self._most, self._level + self._rate * min(now - self._at, _MINUTE_S))
            self._at = now


@dataclass(frozen=True, slots=True)
class Budget:
    """What a deployment may be asked a minute, as far as the operator has said so."""

    requests: Bucket | None = None
    tokens: Bucket | None = None

    @classmethod
    def of(cls, quota: MinuteQuota) -> Budget:
        """Give the budget of a quota, as yet unspent."""
        requests, tokens = (None if limit is None else Bucket(limit) for limit in (quota.requests, quota.tokens))
        return cls(requests, tokens)

    def ready_at(self, now: float, tokens: float) -> float:
        """Tell when a call of so many tokens may start."""
        waits = [now]
        if self.requests is not None:
            waits.append(self.requests.ready_at(now, 1))
        if self.tokens is not None:
            waits.append(self.tokens.ready_at(now, tokens))
        return max(waits)

    def reserve(self, now: float, tokens: float) -> None:
        """Take what a call may cost."""
        if self.requests is not None:
            self.requests.take(now, 1)
        if self.tokens is not None:
            self.tokens.take(now, tokens)

    def correct(self, now: float, reserved: float, spent: float) -> None:
        """Give back, or take, the difference between what was reserved and what a call has cost."""
        if self.tokens is not None:
            self.tokens.take(now, spent - reserved)
