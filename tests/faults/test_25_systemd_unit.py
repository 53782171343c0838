"""Promise 25: the unit, judged by systemd itself, and the files of a deployment, judged by the settings."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from llamaparse_worker.settings import Sources, WorkerSettings, check
from llamaparse_worker.settings.catalogue import groups, known_names
from llamaparse_worker.settings.fields import is_secret

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "systemd" / "llamaparse-worker@.service"
ENVIRONMENT = ROOT / "systemd" / "llamaparse-worker.env"
CONTAINERFILE = ROOT / "Containerfile"
MOST_EXPOSED = 20
"""In tenths, as systemd-analyze counts: 2.0."""
FOREIGN = {"OMP_THREAD_LIMIT", "MALLOC_ARENA_MAX", "PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
"""Variables for libraries and the interpreter."""


def directives(name: str) -> Sequence[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), flags=re.MULTILINE)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists here."""
    path = tmp_path / UNIT.name
    path.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text()))
    return path


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed: apt-get install systemd")
    return subprocess.run([program, *arguments], check=False, capture_output=True, text=True, timeout=30)


def test_systemd_reads_the_unit_without_complaint(unit: Path) -> None:
    result = analyze("verify", "--man=no", unit)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_unit_exposes_less_than_the_gate_allows(unit: Path) -> None:
    result = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager", unit)
    assert result.returncode == 0, result.stdout


def test_the_unit_waits_longer_for_the_end_than_the_worker_for_its_jobs() -> None:
    (stop,) = directives("TimeoutStopSec")
    assert float(stop) > WorkerSettings.model_fields["grace_period"].default + 10


def test_a_wrong_setting_is_not_tried_again_and_everything_else_is() -> None:
    assert directives("Restart") == ["always"]
    assert directives("RestartPreventExitStatus") == ["78"]


def test_parser_processes_may_confine_themselves() -> None:
    allowed = {call for line in directives("SystemCallFilter") if not line.startswith("~") for call in line.split()}
    assert allowed >= {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"}


def test_every_variable_of_the_unit_is_known_and_works() -> None:
    given = dict(pair.split("=", 1) for line in directives("Environment") for pair in line.split())
    check_works({name: value for name, value in given.items() if name not in FOREIGN})


def test_every_credential_of_the_unit_is_a_known_secret() -> None:
    names = {entry.partition(":")[0] for entry in directives("LoadCredential")}
    secrets = {name for group in groups() for name in group.names if is_secret(group.model.model_fields[name.lower()])}
    assert "API_TOKEN" in names
    assert names <= secrets


def test_every_line_of_the_environment_example_is_known_and_works_when_it_is_taken() -> None:
    given = dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", ENVIRONMENT.read_text(), flags=re.MULTILINE))
    assert given["HOST"] == "0.0.0.0"
    secrets = {"API_TOKEN": "token", "JOB_QUEUE_PASSWORD": "word", "AWS_SECRET_ACCESS_KEY": "secret"}
    check_works(given | secrets)


def test_every_variable_of_the_image_is_known_and_none_opens_it() -> None:
    text = CONTAINERFILE.read_text()
    instruction = re.search(r"(?ms)^ENV PATH=(?:.*?\\\n)*.*?$", text)
    assert instruction is not None
    names = set(re.findall(r"([A-Z0-9_]+)=", instruction.group()))
    assert names <= known_names() | FOREIGN
    assert names.isdisjoint({"API_TOKEN", "HTTP_OPEN", "HOST"})
    assert re.findall(r"(?m)^USER (.*)$", text) == ["1000:0"]


def test_every_variable_of_the_kubernetes_deployment_is_known_and_works() -> None:
    text = (ROOT / "config" / "kubernetes" / "worker.yaml").read_text()
    pairs = re.findall(r"- name: ([A-Z0-9_]+)\n\s+value: (.*)$", text, flags=re.MULTILINE)
    given = {name: value.strip('"') for name, value in pairs}
    named = set(re.findall(r"--from-literal=([A-Z0-9_]+)=", text))
    assert named >= {"API_TOKEN", "AWS_SECRET_ACCESS_KEY"}
    check_works(given | dict.fromkeys(named, "postgresql://db/worker"))


def check_works(given: dict[str, str]) -> None:
    assert given
    assert set(given) <= known_names()
    check({group.model for group in groups()}, sources=Sources(environment=given))
