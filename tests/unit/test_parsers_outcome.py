from __future__ import annotations

import signal

import pytest

from llamaparse_worker.errors import OutOfMemory, ParserCrashed, TimeLimitExceeded
from llamaparse_worker.parsers.control import Exited, Started
from llamaparse_worker.parsers.outcome import EndReason, judge
from llamaparse_worker.parsers.protocol import OUT_OF_MEMORY_STATUS

MIB = 1 << 20
LIMIT = 1000 * MIB
STARTED = Started(number=1, pid=1, resident_bytes=20 * MIB, address_space_bytes=200 * MIB)


def exited(status: int, *, peak: int = 30 * MIB) -> Exited:
    return Exited(number=1, status=status, peak_resident_bytes=peak)


def test_a_process_that_says_so_was_out_of_memory() -> None:
    assert judge(exited(OUT_OF_MEMORY_STATUS), STARTED, memory_limit_bytes=LIMIT).reason is EndReason.OUT_OF_MEMORY


def test_a_kill_by_somebody_else_is_taken_for_the_kernel_out_of_memory() -> None:
    assert isinstance(judge(exited(-signal.SIGKILL), STARTED, memory_limit_bytes=LIMIT).error, OutOfMemory)


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGTRAP])
def test_an_abort_with_much_memory_in_use_was_a_failed_allocation(number: signal.Signals) -> None:
    ending = judge(exited(-number, peak=300 * MIB), STARTED, memory_limit_bytes=LIMIT)

    assert isinstance(ending.error, OutOfMemory)
    assert f"{LIMIT}" in ending.error.message


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGSEGV, signal.SIGTRAP])
def test_an_abort_with_little_memory_in_use_was_a_crash_and_is_named(number: signal.Signals) -> None:
    ending = judge(exited(-number), STARTED, memory_limit_bytes=LIMIT)

    assert isinstance(ending.error, ParserCrashed)
    assert number.name in ending.error.message


def test_much_memory_excuses_no_other_signal() -> None:
    ending = judge(exited(-signal.SIGTERM, peak=900 * MIB), STARTED, memory_limit_bytes=LIMIT)

    assert ending.reason is EndReason.CRASHED


@pytest.mark.parametrize(
    ("status", "text"), [(3, "exit status 3"), (0, "exit status 0"), (-signal.SIGRTMIN - 1, "signal 35")]
)
def test_an_exit_without_an_answer_was_a_crash(status: int, text: str) -> None:
    ending = judge(exited(status), STARTED, memory_limit_bytes=LIMIT)

    assert isinstance(ending.error, ParserCrashed)
    assert text in ending.error.message


def test_without_any_report_nothing_is_said_of_memory() -> None:
    assert judge(None, None, memory_limit_bytes=LIMIT).reason is EndReason.CRASHED
    assert judge(exited(-signal.SIGSEGV, peak=900 * MIB), None, memory_limit_bytes=LIMIT).reason is EndReason.CRASHED


def test_the_limit_of_cpu_time_is_a_time_limit() -> None:
    ending = judge(exited(-signal.SIGXCPU), STARTED, memory_limit_bytes=LIMIT)

    assert ending.reason is EndReason.TIME_LIMIT
    assert isinstance(ending.error, TimeLimitExceeded)
