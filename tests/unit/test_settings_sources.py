from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.settings import Found, Origin, OriginKind, Sources, read, trace


class Sample(BaseModel):
    token: SecretStr | None = None
    size_bytes: int = 10
    roots: tuple[Path, ...] = ()
    endpoint: str = ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "secrets").mkdir()
    return tmp_path


def origin(sources: Sources, name: str) -> Origin:
    return {one.name: one.origin for one in trace(Sample, sources=sources)}[name]


def test_a_stronger_source_wins_over_every_weaker_one(folder: Path) -> None:
    (folder / "secrets/token").write_text("from-secrets")
    secrets = Sources(secrets=folder / "secrets")
    assert read(Sample, sources=secrets).token == SecretStr("from-secrets")
    (folder / "credentials/TOKEN").write_text("from-credential")
    credentials = Sources(secrets=folder / "secrets", credentials=folder / "credentials")
    assert read(Sample, sources=credentials).token == SecretStr("from-credential")
    (folder / "file").write_text("from-file\n")
    file = Sources(credentials=folder / "credentials", environment={"TOKEN_FILE": str(folder / "file")})
    assert read(Sample, sources=file).token == SecretStr("from-file")
    environment = Sources(credentials=folder / "credentials", environment={"TOKEN": "from-environment"})
    assert read(Sample, sources=environment).token == SecretStr("from-environment")
    commanded = Sources(environment={"TOKEN": "from-environment"}, overrides={"TOKEN": "from-command"})
    assert read(Sample, sources=commanded).token == SecretStr("from-command")


def test_every_value_knows_where_it_came_from(folder: Path) -> None:
    secret = folder / "secrets/token"
    secret.write_text("x")
    credential = folder / "credentials/size_bytes"
    credential.write_text("11")
    sources = Sources(
        environment={"ROOTS": "/a"},
        overrides={"ENDPOINT": "here"},
        credentials=folder / "credentials",
        secrets=folder / "secrets",
    )
    assert origin(sources, "TOKEN") == Origin(OriginKind.SECRET, str(secret))
    assert origin(sources, "SIZE_BYTES") == Origin(OriginKind.CREDENTIAL, str(credential))
    assert origin(sources, "ROOTS") == Origin(OriginKind.ENVIRONMENT, "ROOTS")
    assert origin(sources, "ENDPOINT") == Origin(OriginKind.COMMAND_LINE)
    assert origin(Sources(), "ENDPOINT") == Origin(OriginKind.DEFAULT)


def test_a_variable_set_directly_and_as_a_file_is_refused(folder: Path) -> None:
    sources = Sources(environment={"TOKEN": "a", "TOKEN_FILE": str(folder / "file")})
    with pytest.raises(ConfigurationError, match="TOKEN and TOKEN_FILE are both set"):
        read(Sample, sources=sources)


def test_an_empty_value_counts_as_unset(folder: Path) -> None:
    (folder / "file").write_text("from-file")
    sources = Sources(environment={"TOKEN": "", "TOKEN_FILE": str(folder / "file"), "SIZE_BYTES": ""})
    found = read(Sample, sources=sources)
    assert (found.token, found.size_bytes) == (SecretStr("from-file"), 10)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"\n", "is empty"), (b"\xff\xfe", "is not UTF-8"), (b"x" * 70_000, "more than 65536 bytes")],
)
def test_a_file_that_holds_no_usable_value_is_refused(folder: Path, content: bytes, complaint: str) -> None:
    (folder / "file").write_bytes(content)
    with pytest.raises(ConfigurationError, match=f"TOKEN_FILE: .*{complaint}"):
        read(Sample, sources=Sources(environment={"TOKEN_FILE": str(folder / "file")}))


def test_a_missing_file_is_refused_with_its_path(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"TOKEN_FILE: cannot read /.*/nowhere: No such file"):
        read(Sample, sources=Sources(environment={"TOKEN_FILE": str(folder / "nowhere")}))


def test_an_unusable_file_matters_only_where_no_stronger_source_has_a_value(folder: Path) -> None:
    (folder / "secrets/token").write_text("\n")
    (folder / "secrets/SIZE_BYTES").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError) as caught:
        read(Sample, sources=Sources(secrets=folder / "secrets"))
    assert "2 settings cannot work" in caught.value.message
    assert f"TOKEN: {folder}/secrets/token is empty" in caught.value.message
    assert f"SIZE_BYTES: {folder}/secrets/SIZE_BYTES is not UTF-8 text" in caught.value.message
    sources = Sources(secrets=folder / "secrets", environment={"TOKEN": "a", "SIZE_BYTES": "1"})
    assert read(Sample, sources=sources).size_bytes == 1


def test_a_variable_in_lower_case_is_somebody_elses() -> None:
    assert read(Sample, sources=Sources(environment={"endpoint": "theirs"})).endpoint == ""


def test_what_is_read_is_frozen_even_where_the_model_is_not() -> None:
    with pytest.raises(ValueError, match="frozen"):
        read(Sample, sources=Sources()).size_bytes = 1


def test_spaces_of_a_secret_are_kept_and_those_of_a_number_dropped() -> None:
    found = read(Sample, sources=Sources(environment={"TOKEN": " a b ", "SIZE_BYTES": " 12 "}))
    assert (found.token, found.size_bytes) == (SecretStr(" a b "), 12)


@pytest.mark.parametrize(("text", "size"), [("4096", 4096), ("2KiB", 2048), ("1.5 MiB", 1_572_864), ("1gib", 1 << 30)])
def test_sizes_are_numbers_of_bytes_or_carry_a_unit(text: str, size: int) -> None:
    assert read(Sample, sources=Sources(environment={"SIZE_BYTES": text})).size_bytes == size


def test_lists_are_separated_by_commas() -> None:
    found = read(Sample, sources=Sources(environment={"ROOTS": "/a, /b,,"}))
    assert found.roots == (Path("/a"), Path("/b"))


def test_secrets_and_passwords_in_addresses_are_never_shown() -> None:
    sources = Sources(environment={"TOKEN": "hidden-token", "ENDPOINT": "amqp://guest:hidden-word@host:5672"})
    shown = {one.name: one.value for one in trace(Sample, sources=sources)}
    assert shown["TOKEN"] == "********"
    assert shown["ENDPOINT"] == "amqp://guest:********@host:5672"
    assert "hidden" not in repr(Found("TOKEN", "hidden-token", Origin(OriginKind.ENVIRONMENT)))


def test_the_process_is_read_with_its_credentials_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "credentials/token").write_text("from-credential")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder / "credentials"))
    monkeypatch.setenv("SIZE_BYTES", "77")
    found = read(Sample, overrides={"ENDPOINT": "there"})
    assert (found.token, found.size_bytes, found.endpoint) == (SecretStr("from-credential"), 77, "there")
