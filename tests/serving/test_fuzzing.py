"""Requests that Schemathesis generates from the OpenAPI document: no 500."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fuzzing import CASES, as_json, swapped
from tests.serving.conftest import CLASSES, SOUNDS, STYLED, Running
from tests.serving.test_refusals import JSON

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


BODIES: dict[str, dict[str, Any]] = {
    "generate": {"model": STYLED, "seed": 7, "count": 2, "truncation": 0.7, "format": "json"},
    "generate ": {"model": SOUNDS, "seed": 7, "count": 2, "class": "1:0.5,0:0.5", "format": "wav"},
    "edit": {"model": STYLED, "seed": 7, "truncation": 0.7, "edits": {"PCA 1": 2.0}},
    "mix": {"model": STYLED, "seed_a": 1, "seed_b": 2, "band": "middle", "first_layer": 2},
    "evaluate": {"model": CLASSES, "samples": 1, "metrics": ["fd"], "seed": 3},  # always refused: too few samples
}


@pytest.mark.parametrize("cases", CASES)
def test_bodies(cases: int, server: Running) -> None:
    """Missing, invalid or swapped values are answered, or refused with a sentence."""
    seen: Counter[int] = Counter()
    for place, (call, body) in enumerate(BODIES.items()):
        for odd in swapped(body, cases // len(BODIES), 50 + place):
            answer = server.http.post(f"/v1/{call.strip()}", content=as_json(odd), headers=JSON)
            seen[answer.status_code] += 1
            assert answer.status_code < 500, (call, answer.text)
            assert answer.is_success or set(answer.json()) == {"error"}
            if answer.status_code == 202:
                server.http.delete(answer.headers["Location"])
    assert seen[422] > 0
    assert seen[200] > 0
