from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from llamaparse_worker.backends.broker.rabbitmq.settings import RabbitMqSettings
from llamaparse_worker.errors import ConfigurationError
from llamaparse_worker.settings import LocalSettings, LogLevel, OriginKind, Sources, WorkerSettings, check, read, trace
from llamaparse_worker.settings.catalogue import groups, known_names, misspelt


def worker(**environment: str) -> WorkerSettings:
    return read(WorkerSettings, sources=Sources(environment=environment))


def test_defaults_are_those_of_the_published_configuration() -> None:
    found = worker()
    assert (found.ocr_concurrency, found.max_extracted_images_per_pages) == (8, 30)
    assert found.pdf_job_queue_concurrency == 1
    models = (found.accurate_mode_llm_concurrency, found.multimodal_model_concurrency)
    assert (*models, found.premium_mode_model_concurrency) == (250, 50, 25)
    assert (found.broker, found.jobs, found.objects, found.plugins) == ("embedded", "sqlite", "filesystem", ())
    assert (found.host, found.port, found.api_token, found.ocr_engine) == ("127.0.0.1", 8004, None, "openvino")


@pytest.mark.parametrize(
    ("variable", "field", "component"),
    [
        ("JOB_QUEUE_ENDPOINT", "broker", "rabbitmq"),
        ("JOB_QUEUE_CONNECTION_STRING", "broker", "rabbitmq"),
        ("DATABASE_URL", "jobs", "postgres"),
        ("S3_ENDPOINT_URL", "objects", "s3"),
        ("S3_UPLOAD_BUCKET", "objects", "s3"),
        ("S3_DOCUMENT_BUCKET_NAME", "objects", "s3"),
    ],
)
def test_the_address_of_a_service_chooses_its_component(variable: str, field: str, component: str) -> None:
    sources = Sources(environment={variable: "somewhere"})
    assert getattr(read(WorkerSettings, sources=sources), field) == component
    origins = {one.name: str(one.origin) for one in trace(WorkerSettings, sources=sources)}
    assert origins[field.upper()] == f"implied by {variable}"


def test_an_address_in_a_file_chooses_the_component_too() -> None:
    assert worker(DATABASE_URL_FILE="/run/database-url").jobs == "postgres"


def test_a_chosen_component_wins_over_what_an_address_implies() -> None:
    assert worker(DATABASE_URL="postgresql://", JOBS="sqlite").jobs == "sqlite"


def test_an_alias_sets_the_variable() -> None:
    assert worker(MAX_QUEUE_CONCURRENCY="3").pdf_job_queue_concurrency == 3
    assert worker(UVICORN_PORT="9000").port == 9000
    assert worker(PORT="9000", UVICORN_PORT="9000").port == 9000


def test_names_of_one_setting_must_not_contradict_each_other() -> None:
    with pytest.raises(ConfigurationError, match="PDF_JOB_QUEUE_CONCURRENCY=1 and MAX_QUEUE_CONCURRENCY=3 contradict"):
        worker(PDF_JOB_QUEUE_CONCURRENCY="1", MAX_QUEUE_CONCURRENCY="3")


def test_a_setting_is_not_taken_from_the_environment_and_from_a_file_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"^PORT and UVICORN_PORT_FILE are both set; unset one of them$"):
        worker(PORT="1", UVICORN_PORT_FILE="/nowhere")


def test_an_alias_names_a_credential_too(tmp_path: Path) -> None:
    (tmp_path / "uvicorn_port").write_text("9000\n")
    assert read(WorkerSettings, sources=Sources(credentials=tmp_path)).port == 9000


def test_the_command_line_wins_over_an_alias_in_the_environment() -> None:
    sources = Sources(environment={"UVICORN_PORT": "9000"}, overrides={"PORT": "9001"})
    assert read(WorkerSettings, sources=sources).port == 9001


def test_every_wrong_value_is_named_with_what_is_allowed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        worker(PORT="99999", LOG_LEVEL="loud", DEBUG_MODE="perhaps", PLUGINS="csv")
    message = caught.value.message
    assert message.startswith("4 settings cannot work:")
    assert "PORT=99999: " in message
    assert "allowed: whole number from 0 to 65,535" in message
    assert "LOG_LEVEL=loud: " in message
    assert "allowed: debug, info, warning or error" in message
    assert "DEBUG_MODE=perhaps: " in message
    assert "allowed: true or false" in message
    assert "PLUGINS=csv: " in message


def test_a_wrong_value_is_named_by_the_alias_that_brought_it() -> None:
    with pytest.raises(ConfigurationError, match=r"^MAX_QUEUE_CONCURRENCY=0: "):
        worker(MAX_QUEUE_CONCURRENCY="0")


def test_a_wrong_secret_is_not_quoted() -> None:
    class Secretive(BaseModel):
        code_bytes: int = Field(default=1, le=5)
        database_url: str = Field(default="", max_length=3)

    sources = Sources(environment={"CODE_BYTES": "6", "DATABASE_URL": "postgresql://me:hidden@host/jobs"})
    with pytest.raises(ConfigurationError) as caught:
        check([Secretive], sources=sources)
    assert "hidden" not in caught.value.message
    assert "DATABASE_URL=postgresql://me:********@host/jobs" in caught.value.message


def test_a_required_variable_that_is_missing_is_named() -> None:
    class Demanding(BaseModel):
        needed_url: str

    with pytest.raises(ConfigurationError, match="NEEDED_URL is required, but not set; allowed: text"):
        read(Demanding, sources=Sources())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "parse.example"])
def test_a_host_beyond_loopback_needs_a_token_or_a_clear_word(host: str) -> None:
    with pytest.raises(ConfigurationError, match=f"HOST={host}: .* set API_TOKEN"):
        worker(HOST=host)
    assert worker(HOST=host, API_TOKEN="secret-token").host == host
    assert worker(HOST=host, HTTP_OPEN="true").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    assert worker(HOST=host).host == host


def test_a_command_that_serves_nothing_does_not_mind_the_host() -> None:
    assert read(LocalSettings, sources=Sources(environment={"HOST": "0.0.0.0"})).ocr_engine == "openvino"


def test_a_token_file_that_is_missing_is_the_only_problem_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^API_TOKEN_FILE: cannot read"):
        worker(HOST="0.0.0.0", API_TOKEN_FILE="/nowhere")


def test_words_may_be_written_in_capitals() -> None:
    assert worker(LOG_LEVEL="WARNING").log_level is LogLevel.WARNING


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        worker().port = 1


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OCR_WORKERS", "OCR_WORKER"),
        ("PDF_QUEUE_CONCURRENCY", "PDF_JOB_QUEUE_CONCURRENCY"),
        ("JOB_MAX_ATTEMPT", "JOB_MAX_ATTEMPTS"),
        ("API_TOKENS_FILE", "API_TOKEN"),
        ("MULTI_MODAL_MODEL_CONCURRENCY", "MULTIMODAL_MODEL_CONCURRENCY"),
    ],
)
def test_a_misspelt_variable_is_noticed(name: str, meant: str) -> None:
    found = misspelt(Sources(environment={name: "2"}))
    assert [(one.name.removesuffix("_FILE"), one.meant) for one in found] == [(name.removesuffix("_FILE"), meant)]


def test_names_of_others_are_no_misspellings() -> None:
    others = ("PATH", "HOSTNAME", "HOME", "HTTP_PROXY", "JOB_SERVICE_URL", "JOB_QUEUE_SERVICE_HOST", "S3_PORT_443_TCP")
    ours = ("OCR_WORKER", "MAX_QUEUE_CONCURRENCY", "API_TOKEN_FILE", "LAYOUT_EXTRACTION_CONCURRENCY", "HTTP_PORT")
    assert misspelt(Sources(environment=dict.fromkeys((*others, *ours), "1"))) == ()


def test_the_variables_of_a_plugin_are_known_once_it_is_enabled() -> None:
    class Scanner(BaseModel):
        scanner_resolution: int = 300

    sources = Sources(environment={"SCANNER_RESOLUTIONS": "1", "JOB_EVENT_EXCHANGE": "none"})
    assert misspelt(sources) == ()
    assert [one.meant for one in misspelt(sources, [Scanner])] == ["SCANNER_RESOLUTION"]


def test_the_word_none_switches_events_off_and_an_empty_name_does_not() -> None:
    events = {
        text: read(RabbitMqSettings, sources=Sources(environment={"JOB_EVENT_EXCHANGE": text})).event_exchange
        for text in ("none", "", "mine")
    }
    assert events == {"none": "", "": "events.parse_raw_file_job", "mine": "mine"}


def test_every_variable_has_a_meaning_and_bounds() -> None:
    for group in groups():
        for name in group.names:
            assert group.model.model_fields[name.lower()].description, name
    assert {"MAX_QUEUE_CONCURRENCY", "JOB_QUEUE_ENDPOINT", "DATABASE_URL", "S3_ENDPOINT_URL"} <= known_names()


def test_a_default_is_reported_as_such() -> None:
    origins = {one.name: one.origin.kind for one in trace(WorkerSettings, sources=Sources(environment={"PORT": "1"}))}
    assert origins.pop("PORT") is OriginKind.ENVIRONMENT
    assert set(origins.values()) == {OriginKind.DEFAULT}
