"""The page ranges of one job as its calls tell them: who may write about each, and whether anyone else did."""

from __future__ import annotations

from dataclasses import dataclass, field

from llamaparse_worker.model.job import JobStatus, Refusal
from llamaparse_worker.model.ranges import PageRange, RangeLease
from simulation.calls import Call
from simulation.network import RANGES


@dataclass(slots=True)
class _Range:
    """One range."""

    token: str | None = None
    until: float = 0.0
    charged: int = 0
    ended: bool = False


@dataclass(slots=True)
class RangesLife:
    """All ranges of a job, from its split on."""

    job: str
    max_attempts: int
    until: float = 0.0
    """Up to when the job waits for the next of them to end."""
    wrong: list[str] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)
    """First pages of those that were given up."""
    _ranges: dict[int, _Range] = field(default_factory=dict)

    @property
    def done(self) -> bool:
        """Whether no range is left to be read."""
        return all(one.ended for one in self._ranges.values())

    def follow(self, call: Call) -> None:
        if call.name == f"{RANGES}claim":
            self._keep(call)
        match call.name.removeprefix(RANGES), call.answer:
            case "split", True:
                self._split(call)
            case "claim", RangeLease() as lease:
                self._granted(call, lease)
            case "claim", Refusal.EXHAUSTED:
                first = call.arguments[1]
                assert isinstance(first, int)
                self.lost.add(first)
                self._end(call, first)
            case "renew", JobStatus.RUNNING:
                lease_s = call.options["lease_s"]
                assert isinstance(lease_s, float)
                self._written(call).until = call.clock + lease_s
            case "finish", True:
                self._written(call)
                self._end(call, _lease(call).pages.first)
            case ("retry_later" | "release") as way, True:
                given_back = self._written(call)
                given_back.token = None
                given_back.charged -= way == "release"
            case "sweep", int():
                self._swept(call)
            case _:
                pass

    def _split(self, call: Call) -> None:
        ranges = call.arguments[1]
        assert isinstance(ranges, tuple)
        self._ranges = {one.first: _Range() for one in ranges if isinstance(one, PageRange)}
        self._keep(call)

    def _swept(self, call: Call) -> None:
        for one in self._ranges.values():
            if call.clock >= one.until:
                one.token = None

    def _granted(self, call: Call, lease: RangeLease) -> None:
        found = self._ranges[lease.pages.first]
        name = f"{self.job} from page {lease.pages.first}"
        found.charged += 1
        if found.ended:
            self.wrong.append(f"{name} was claimed after its end")
        if found.token and call.clock < found.until:
            self.wrong.append(f"{name} was claimed while another lease of it was live")
        if lease.attempt != found.charged or found.charged > self.max_attempts:
            self.wrong.append(f"{name}: attempt {lease.attempt} is number {found.charged} of {self.max_attempts}")
        lease_s = call.options["lease_s"]
        assert isinstance(lease_s, float)
        found.token, found.until = lease.token, call.clock + lease_s

    def _written(self, call: Call) -> _Range:
        lease = _lease(call)
        found = self._ranges[lease.pages.first]
        if found.token != lease.token:
            self.wrong.append(f"{self.job}: {call.name} was accepted from a stale lease of a range")
        return found

    def _end(self, call: Call, first: int) -> None:
        self._ranges[first].ended, self._ranges[first].token = True, None
        if call.name == f"{RANGES}finish":
            self._keep(call)

    def _keep(self, call: Call) -> None:
        """The job waits on. A claim may or may not keep it: nothing is taken for held that need not be."""
        keep_s = call.options["keep_s"]
        assert isinstance(keep_s, float)
        until = call.clock + keep_s
        self.until = min(self.until, until) if call.name == f"{RANGES}claim" else until


def _lease(call: Call) -> RangeLease:
    lease = call.arguments[0]
    assert isinstance(lease, RangeLease)
    return lease
