"""Promise 24: what the self-test tells where the kernel lacks a mechanism, and where it only claims to have one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.model.document import DocumentInfo
from llamaparse_worker.model.parsing import Inspected
from llamaparse_worker.parsers import landlock, seccomp
from llamaparse_worker.parsers.confinement import Confinement
from llamaparse_worker.parsers.control import ChildLimits, Mechanism, Safeguard, SandboxPolicy
from llamaparse_worker.parsers.pool import open_parsers
from llamaparse_worker.parsers.self_test import achieved
from llamaparse_worker.parsers.settings import ParserSettings
from llamaparse_worker.testing.parsers import faulty
from support import blind
from support.daemon import daemon, environment

LIMITS = ChildLimits(
    memory_bytes=1 << 33,
    file_bytes=1 << 24,
    image_bytes=1 << 24,
    cpu_seconds=60,
    folder=None,
    sandbox=SandboxPolicy.AUTO,
)


def enforced(found: tuple[Safeguard, ...]) -> Mapping[Mechanism, bool]:
    return {one.mechanism: one.enforced for one in found}


def test_a_kernel_without_landlock_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 0)

    confinement, found = achieved(LIMITS)

    assert not enforced(found)[Mechanism.LANDLOCK]
    assert confinement.landlock_abi == 0


def test_an_architecture_without_filter_is_degraded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seccomp, "own_architecture", lambda: None)

    confinement, found = achieved(LIMITS)

    assert not enforced(found)[Mechanism.SECCOMP]
    assert confinement.architecture is None


@pytest.mark.parametrize(
    ("module", "function", "mechanism", "told"),
    [
        (landlock, "restrict", Mechanism.LANDLOCK, "listing /"),
        (seccomp, "install", Mechanism.SECCOMP, "sockets"),
    ],
)
def test_a_mechanism_that_refuses_nothing_is_found_out(
    monkeypatch: pytest.MonkeyPatch, module: object, function: str, mechanism: Mechanism, told: str
) -> None:
    monkeypatch.setattr(landlock, "abi", lambda: 1)
    monkeypatch.setattr(module, function, lambda *_: None)

    _, found = achieved(LIMITS)

    (one,) = [one for one in found if one.mechanism is mechanism]
    assert not one.enforced
    assert told in one.detail


def test_limits_that_bind_nothing_are_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llamaparse_worker.parsers.sandbox.limit", lambda _: None)

    _, found = achieved(LIMITS)

    assert not enforced(found)[Mechanism.LIMITS]


def test_off_means_limits_only() -> None:
    confinement, found = achieved(
        ChildLimits(1 << 33, 1 << 24, 1 << 24, cpu_seconds=60, folder=None, sandbox=SandboxPolicy.OFF)
    )

    assert confinement == Confinement()
    assert enforced(found) == {Mechanism.LANDLOCK: False, Mechanism.SECCOMP: False, Mechanism.LIMITS: True}


async def safeguards_told(policy: SandboxPolicy) -> Mapping[str, object]:
    settings = ParserSettings(parser_concurrency=1, parser_sandbox=policy)
    with capture_logs() as logs:
        async with open_parsers(settings, blind.TASKS, "") as pool:
            await pool.ready()
            async with pool.process() as process, process.run(faulty(""), silence_s=10) as events:
                assert [one.event async for one in events] == [Inspected(DocumentInfo("fault", 1))]
            statistics = pool.statistics()
    (told,) = [entry for entry in logs if entry["event"] == "parser.sandbox"]
    assert {one.mechanism for one in statistics.safeguards} == set(Mechanism)
    return told


@pytest.mark.anyio
async def test_what_is_missing_is_one_warning() -> None:
    told = await safeguards_told(SandboxPolicy.AUTO)

    assert told["log_level"] == "warning"
    assert str(told["landlock"]).startswith("degraded")
    assert str(told["limits"]).startswith("enforced")


@pytest.mark.anyio
async def test_require_refuses_to_start_degraded() -> None:
    settings = ParserSettings(parser_concurrency=1, parser_sandbox=SandboxPolicy.REQUIRE)

    with pytest.raises(ConfigurationError, match=r"PARSER_SANDBOX=require.*landlock"):
        async with open_parsers(settings, blind.TASKS, "") as pool:
            await pool.ready()


def test_a_path_that_is_not_there_needs_no_grant(tmp_path: Path) -> None:
    landlock_abi = landlock.abi()
    if not landlock_abi:
        pytest.skip("the kernel has no Landlock")
    _, found = achieved(
        ChildLimits(
            1 << 33, 1 << 24, 1 << 24, cpu_seconds=60, folder=str(tmp_path / "later"), sandbox=SandboxPolicy.AUTO
        )
    )

    assert enforced(found)[Mechanism.LANDLOCK]


@pytest.mark.parametrize("policy", SandboxPolicy)
def test_the_daemon_tells_what_confines_its_processes(tmp_path: Path, policy: SandboxPolicy) -> None:
    """In its metrics, and unless it was told to confine nothing in its log."""
    env = environment(tmp_path, {"PARSER_SANDBOX": policy, "LOG_FORMAT": "json"})
    expected = "0.0" if policy is SandboxPolicy.OFF else "1.0"
    missing = [one for one in achieved(replace(LIMITS, sandbox=SandboxPolicy.REQUIRE))[1] if not one.enforced]
    if missing and policy is not SandboxPolicy.OFF:
        pytest.skip(f"this kernel does not confine: {missing}")

    with daemon(env, tmp_path) as running:
        metrics = running.get("/metrics")[1]
        told = running.events("parser.sandbox")

    for mechanism in (Mechanism.LANDLOCK, Mechanism.SECCOMP):
        assert f'llamaparse_worker_sandbox_enforced{{mechanism="{mechanism}"}} {expected}' in metrics
    assert [event["level"] for event in told] == ([] if policy is SandboxPolicy.OFF else ["info"])
