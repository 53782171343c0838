"""The OCR service and the worker with OCR, as processes."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llamaparse_worker.backends.ocr.encoding import encode
from llamaparse_worker.testing.reader import script
from support.daemon import Daemon, command, daemon, environment, until
from support.ocr import grey
from support.ocr_engine import HANGS, SLOW, as_plugin


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return environment(tmp_path, {**as_plugin(tmp_path), "SCRIPTED_OCR_TIMEOUT_SECONDS": "3"})


def posted(service: Daemon, value: int, token: str | None = None) -> tuple[int, Any]:
    """Have an image of one grey read; gives status and body."""
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="page.png"\r\n\r\n'
    body = part + encode(grey(value)) + b"\r\n--b--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{service.base_url}/ocr", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def value_of(metric: str, running: Daemon) -> float:
    found = re.search(rf"^{re.escape(metric)} (\S+)$", running.get("/metrics")[1], flags=re.MULTILINE)
    assert found, metric
    return float(found[1])


def submitted(env: dict[str, str], path: Path, *more: str) -> Any:  # noqa: ANN401 - JSON
    done = command(["submit", str(path), "--json", *more], env, cwd=path.parent)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def scans(folder: Path, *pages: str) -> Path:
    path = folder / "scans.script"
    path.write_bytes(script(*pages))
    return path


def test_the_service_answers_the_page_in_hand_before_it_ends(env: dict[str, str], tmp_path: Path) -> None:
    with daemon(env, tmp_path, program="ocr") as service, ThreadPoolExecutor() as threads:
        assert service.get_json("/health_check") == {"status": "healthy"}
        status, body = posted(service, 5)
        assert (status, body["results"][0]["text"], body["engine"]) == (200, "grey-5", "scripted")
        assert value_of("llamaparse_worker_ocr_pool_size", service) == 2
        slow = threads.submit(posted, service, SLOW)
        until(lambda: value_of("llamaparse_worker_ocr_pool_busy", service) == 1, 5)
        service.terminate()
        until(lambda: posted(service, 5)[0] == 503, 1.4)
        assert slow.result()[0] == 200
        assert service.wait() == 0, service.log()


def test_a_service_whose_threads_hang_asks_for_a_restart(env: dict[str, str], tmp_path: Path) -> None:
    env["SCRIPTED_OCR_TIMEOUT_SECONDS"] = "0.3"
    with daemon(env, tmp_path, program="ocr") as service:
        status, body = posted(service, HANGS)
        assert (status, body["error"]) == (500, "TIMEOUT")
        assert posted(service, 6)[0] == 200, "the other thread reads on"
        assert service.wait(15) == 75, service.log()
    assert "RESTART_NEEDED: 1 of 2 OCR threads hang" in service.log()


def test_without_an_engine_or_without_a_token_beyond_loopback_nothing_is_served(env: dict[str, str]) -> None:
    off = command(["ocr"], {**env, "OCR_ENGINE": "off", "PORT": "0"})
    bare = command(["ocr"], {**env, "HOST": "0.0.0.0", "PORT": "0"})

    assert (off.returncode, bare.returncode) == (78, 78)
    assert "OCR_ENGINE" in off.stderr
    assert "API_TOKEN" in bare.stderr


def test_a_worker_reads_scans_with_a_service_elsewhere(env: dict[str, str], tmp_path: Path) -> None:
    token = {"API_TOKEN": "s3cret"}
    with daemon({**env, **token}, tmp_path, program="ocr") as service:
        more = {"OCR_SERVER_URL": f"{service.base_url}/ocr", "OCR_SERVER_TOKEN": "s3cret", "OCR_ENGINE": ""}
        with daemon({**env, **more}, tmp_path) as worker:
            ending = submitted(env, scans(tmp_path, "scan", "text", "scan"), "--wait", "--output", "out")
            checked = command(["check"], {**env, **more})
            counted = {
                name: value_of(f"llamaparse_{name}", worker)
                for name in (
                    "ocr_done_total",
                    "ocr_call_duration_seconds_count",
                    "ocr_duration_seconds_count",
                    'worker_ocr_pages_total{engine="remote",outcome="read"}',
                    'worker_stage_duration_seconds_count{stage="ocr"}',
                    "worker_ocr_pool_size",
                )
            }
            pixels = value_of("llamaparse_ocr_pixels_total", worker)
            worker.terminate()
            assert worker.wait() == 0
        away = command(["check"], {**env, **more, "OCR_SERVER_URL": "http://127.0.0.1:9/ocr"})

    assert ending["status"] == "COMPLETED"
    markdown = (tmp_path / "out" / "scans.script" / "result.md").read_text()
    assert [line for line in markdown.splitlines() if "grey" in line] == ["grey-1", "grey-3"]
    assert list(counted.values()) == [2, 2, 1, 2, 1, 0]
    assert pixels > 0
    assert "ok      ocr remote: remote, 1 of 1 services" in checked.stdout
    assert away.returncode == 69
    assert "FAILED  ocr remote: no OCR service answers: 127.0.0.1:9" in away.stdout


def test_a_worker_is_ready_only_with_its_engine(env: dict[str, str], tmp_path: Path) -> None:
    away = {**env, "OCR_SERVER_URL": "http://127.0.0.1:9/ocr", "OCR_ENGINE": "remote"}
    with daemon(away, tmp_path, ready=False) as worker:
        worker.wait_event("worker.ready")
        until(lambda: json.loads(worker.get("/readyz")[1])["reasons"] == ["ocr does not answer"], 20, why=worker.log)


def test_a_worker_whose_ocr_hangs_finishes_what_it_has_and_asks_for_a_restart(
    env: dict[str, str], tmp_path: Path
) -> None:
    env["SCRIPTED_OCR_TIMEOUT_SECONDS"] = "0.3"
    document = scans(tmp_path, *["text"] * (HANGS - 1), "scan")
    with daemon(env, tmp_path) as worker:
        job = submitted(env, document)["job"]
        assert worker.wait(20) == 75, worker.log()
    status = json.loads(command(["status", job, "--json"], env).stdout)

    assert "RESTART_NEEDED: 1 of 2 OCR threads hang" in worker.log()
    assert worker.events("worker.restart_due")
    assert status["error"]["code"] == "TOO_MANY_FAILED_PAGES", "with a partial result"
    assert [(one["page"], one["error"]["code"]) for one in status["page_errors"]] == [(HANGS, "TIMEOUT")]
