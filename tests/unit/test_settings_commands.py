from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from llamaparse_worker.cli import components as components_command
from llamaparse_worker.cli import config as config_command
from llamaparse_worker.components import DISTRIBUTION, Seam, installed, load
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.settings.catalogue import groups, known_names


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in known_names():
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    config_command.add(commands)
    components_command.add(commands)
    args = parser.parse_args(arguments)
    status: int = args.run(args)
    return status


def test_config_print_shows_values_with_origins_and_masks_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "password").write_text("hidden-password")
    monkeypatch.setenv("JOB_QUEUE_ENDPOINT", "amqp://queue.example:5672")
    monkeypatch.setenv("JOB_QUEUE_PASSWORD_FILE", str(tmp_path / "password"))
    assert run("config", "print", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["BROKER"] == {"value": "rabbitmq", "origin": "implied by JOB_QUEUE_ENDPOINT"}
    assert shown["JOB_QUEUE_PASSWORD"] == {"value": "********", "origin": f"file {tmp_path / 'password'}"}
    assert shown["PORT"] == {"value": "8004", "origin": "default"}
    assert "DATABASE_URL" not in shown, "PostgreSQL is not chosen"
    assert run("config", "print") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith("BROKER ")] == [
        ["BROKER", "rabbitmq", "implied", "by", "JOB_QUEUE_ENDPOINT"]
    ]
    assert len({line.split()[0] for line in lines}) == len(lines)


def test_config_print_shows_the_bounds_of_deployed_models_that_are_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_MODELS", "gpt-4o")
    monkeypatch.setenv("GPT_4O_CONCURRENCY", "12")
    monkeypatch.setenv("GEMINI_2_5_FLASH_CONCURRENCY", "7")
    assert run("config", "print", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["GPT_4O_CONCURRENCY"] == {"value": "12", "origin": "environment GPT_4O_CONCURRENCY"}
    assert "OPENAI_GPT_4O_CONCURRENCY" not in shown, "it is not set"
    assert "GEMINI_2_5_FLASH_CONCURRENCY" not in shown, "it bounds nothing"


def test_config_check_accepts_the_defaults_and_warns_about_a_misspelt_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCR_WORKERS", "4")
    assert run("config", "check") == 0
    output = capsys.readouterr()
    assert "the settings can work" in output.out
    assert output.err == "OCR_WORKERS is set, but nothing reads it: was OCR_WORKER meant?\n"


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"BROKER": "kafka"}, "BROKER=kafka is not installed; allowed: embedded, rabbitmq"),
        ({"PLUGINS": "reader:dwg"}, "PLUGINS: reader:dwg is not installed"),
        ({"ANTHROPIC_API_KEY": "k", "CLAUDE_CONCURRENCY": "0"}, "CLAUDE_CONCURRENCY=0: "),
        ({"PORT": "1e9", "PARSER_CONCURRENCY": "0"}, "2 settings cannot work:"),
        ({"BROKER": "rabbitmq", "JOB_QUEUE_ENDPOINT": "http://queue"}, "JOB_QUEUE_ENDPOINT=http://queue: "),
    ],
)
def test_config_check_refuses_what_cannot_work(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], complaint: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        run("config", "check")
    assert complaint in caught.value.message


def test_config_schema_describes_every_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("config", "schema") == 0
    properties = json.loads(capsys.readouterr().out)["properties"]
    own = {name.upper() for group in groups() for name in group.model.model_fields}
    assert set(properties) == own, "aliases are not repeated"
    assert {"MAX_QUEUE_CONCURRENCY", "UVICORN_PORT", "GEMINI_API_KEY"} <= known_names() - own
    assert properties["PORT"]["maximum"] == 65_535
    assert "title" not in properties["PORT"]


def test_components_lists_the_built_in_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("components", "--json") == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(row["seam"], row["name"]) for row in rows} >= {("broker", "embedded"), ("reader", "pdf")}
    assert [row for row in rows if row["enabled"] and row["problem"]] == []
    assert run("components") == 0
    assert "enabled" in capsys.readouterr().out


def test_the_reference_knows_the_variables_of_every_built_in_component() -> None:
    for one in installed():
        if one.distribution != DISTRIBUTION:
            continue
        if one.seam in {Seam.BROKER, Seam.JOBS, Seam.OBJECTS, Seam.GENAI, Seam.MODE}:
            names = {name.upper() for name in load(one.seam, one.name).settings.model_fields}
            assert names <= known_names(), one.key
