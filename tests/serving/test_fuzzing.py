"""Requests that Schemathesis makes of the OpenAPI document: no 500."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.conftest import Running

NOT_ENDLESS = "/v1/jobs/{id}/events"


@pytest.mark.release
def test_no_request_of_the_document_is_answered_with_a_500(server: Running, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    assert server.service.ready.wait(200)  # /readyz rightly says 503 until then
    words = [
        "run", f"{server.url}/openapi.json", "--checks", "not_a_server_error", "--phases", "examples,coverage,fuzzing",
        "--max-examples", "15", "--request-timeout", "60", "--exclude-path", NOT_ENDLESS, "--seed", "0",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", *words], cwd=tmp_path, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    calls = sum(len(methods) for methods in server.http.get("/openapi.json").json()["paths"].values())
    assert f"Tested: {calls - 1}" in done.stdout
