"""The guard in front of the routes: keys, rates, headers, logs, figures."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gan_core.errors import BadCheckpoint, BadValue
from serving import logs
from serving.guard import HEADERS
from serving.service import Service
from serving.settings import Key, Settings, read_keys
from tests.serving.conftest import CLASSES, FILLING, STYLED, TRANSLATING, Running, serving

ONE, TWO = Key("one", "0123456789abcdef-one"), Key("two", "0123456789abcdef-two")


@pytest.fixture(scope="module")
def locked(shelf_home: Path) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSCOPE_HOME", str(shelf_home))
        patch.setattr("gan_core.models.listing.BUNDLED", shelf_home / "none")
        with serving(Settings(rate="", keys=(ONE, TWO), models=(STYLED,))) as running:
            yield running


def bearer(key: Key) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.secret}"}


def test_a_key_is_needed_where_there_are_keys(locked: Running) -> None:
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {ONE.secret}"}, bearer(Key("x", "é"))):
        given = [(name.encode(), value.encode()) for name, value in headers.items()]
        answer = locked.http.get("/v1/models", headers=given)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer KEY" in answer.json()["error"]
    assert locked.http.get("/metrics").status_code == 401
    assert locked.http.post("/v1/generate", json={}).status_code == 401
    for headers in (bearer(ONE), bearer(TWO), {"X-API-Key": ONE.secret}):
        assert locked.http.get("/v1/models", headers=headers).status_code == 200
    assert locked.http.get("/healthz").json()["state"] == "alive"
    assert locked.http.get("/openapi.json").status_code == 200


def test_a_job_is_seen_by_its_key_alone(locked: Running) -> None:
    body = {"model": STYLED, "seeds": [1, 2], "seconds": 0.5, "size": 128, "kind": "GIF"}
    begun = locked.http.post("/v1/interpolate", json=body, headers=bearer(ONE))
    address = begun.headers["Location"]
    for path in (address, f"{address}/events", f"{address}/result"):
        assert locked.http.get(path, headers=bearer(TWO)).status_code == 404
    assert locked.http.delete(address, headers=bearer(TWO)).status_code == 404
    assert locked.http.get(address, headers=bearer(ONE)).status_code == 200
    locked.http.delete(address, headers=bearer(ONE))


def test_a_client_that_calls_too_often_waits(shelf_home: Path) -> None:
    with serving(Settings(rate="3/minute", keys=(ONE, TWO))) as running:
        answers = [running.http.get("/v1/models", headers=bearer(ONE)) for _ in range(4)]
        assert [one.status_code for one in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 120
        assert "3 requests each minute" in answers[-1].json()["error"]
        assert running.http.get("/v1/models", headers=bearer(TWO)).status_code == 200
        assert running.http.get("/healthz").status_code == 200
        guesses = [running.http.get("/v1/models", headers=bearer(Key("x", str(place)))) for place in range(4)]
        assert [one.status_code for one in guesses] == [401, 401, 401, 429]


def test_health_and_readiness_answer_head_as_well(locked: Running) -> None:
    """Load balancers ask with HEAD and without a key."""
    for path in ("/healthz", "/readyz"):
        head, whole = locked.http.head(path), locked.http.get(path)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert head.headers["content-length"] == str(len(whole.content))
    assert locked.http.head("/healthz").status_code == 200


def test_every_answer_has_the_security_headers(server: Running) -> None:
    for answer in (
        server.http.get("/healthz"), server.http.get("/v1/none"), server.http.post("/v1/generate", json={"seed": -1}),
        server.http.post("/v1/generate", json={"model": STYLED, "seed": 1}),
    ):  # fmt: skip
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        assert len(answer.headers["x-request-id"]) == 16
        assert "server" not in answer.headers


def test_an_internal_error_is_a_sentence_and_a_traceback_in_the_log(
    server: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("serving.catalogue.Catalogue.offers", broken)
    answer = server.http.get("/v1/models")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert any(record.exc_info for record in caplog.records if record.name == "serving.guard")


def test_logs_are_json_without_keys_bodies_or_queries(locked: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    body = {"model": STYLED, "seed": 987654321, "count": 2}
    locked.http.post("/v1/generate", json=body, headers=bearer(ONE), params={"query": "hidden"})
    locked.http.get("/v1/a-made-up-address", headers={"Authorization": "Bearer wrong-secret-of-a-client"})
    clients = ("httpx", "httpcore")  # in this process, too
    records = [one for one in caplog.records if one.name.partition(".")[0] not in clients]
    lines = [logs.Lines().format(record) for record in records]
    said = [json.loads(line) for line in lines if '"request"' in line]
    drawn = next(one for one in said if one["route"] == "/v1/generate")
    assert (drawn["status"], drawn["client"], drawn["model"], drawn["pictures"]) == (200, "key one", STYLED, 2)
    assert drawn["milliseconds"] > 0
    for secret in (ONE.secret, TWO.secret, "987654321", "hidden", "wrong-secret", "a-made-up-address"):
        assert not [line for line in lines if secret in line]


def test_a_traceback_is_one_line_of_json() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "x.py", 1, "bad %s", ("luck",), sys.exc_info())
    line = logs.Lines().format(record)
    assert "\n" not in line
    assert json.loads(line)["message"] == "bad luck"
    assert "ValueError: two" in json.loads(line)["traceback"]


def test_figures_have_routes_and_no_text_of_clients(server: Running) -> None:
    server.http.post("/v1/generate", json={"model": STYLED, "seed": 1})
    server.http.get("/v1/an-address-that-is-made-up")
    server.http.request("BREW", "/v1/models")
    text = server.http.get("/metrics").text
    assert 'ganscope_requests_total{route="/v1/generate",status="200"}' in text
    assert f'ganscope_waiting_pictures{{model="{STYLED}"}} 0.0' in text
    assert "ganscope_request_seconds_bucket" in text
    assert "made-up" not in text


@pytest.mark.slow
def test_ready_once_its_models_are_open(server: Running) -> None:
    server.service.ready.wait(280)
    assert server.http.get("/readyz").json() == {"state": "ready"}
    models = {one["name"]: one for one in server.http.get("/v1/models").json()["models"]}
    assert models[STYLED]["engine"] == "onnx"
    assert models[STYLED]["calls"] == ["generate", "edit", "interpolate", "invert", "evaluate", "mix"]
    server.service.ready.clear()
    try:
        answer = server.http.get("/readyz")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    finally:
        server.service.ready.set()


def test_a_model_that_does_not_open_stops_neither_the_others_nor_the_service(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(Settings(models=(CLASSES, FILLING, STYLED, TRANSLATING)))
    tried = []

    def counter(name: str) -> None:
        tried.append(name)
        raise BadCheckpoint("It is damaged.") if name == CLASSES else RuntimeError("not known")

    monkeypatch.setattr(service, "counter", counter)
    service.warm()
    assert tried == [CLASSES, STYLED]  # the others can't draw
    assert service.ready.is_set()
    for words in ("damaged", f"{FILLING} can't be used for /v1/generate", "not known"):
        assert words in caplog.text


def test_a_client_that_leaves_is_removed_from_the_queue(server: Running) -> None:
    counter = server.service.counter(STYLED)
    with counter.explored.explorer.lock:  # nothing is drawn by PyTorch meanwhile
        session, counter.drawer._session = counter.drawer._session, None
        try:
            for seed in (1, 2):
                with pytest.raises(httpx.ReadTimeout):
                    server.http.post("/v1/generate", json={"model": STYLED, "seed": seed}, timeout=0.5)
            end = time.monotonic() + 20
            while not all(one.future.done() for one in list(counter.line._waiting)):
                assert time.monotonic() < end
                time.sleep(0.05)
        finally:
            counter.drawer._session = session
    assert server.http.post("/v1/generate", json={"model": STYLED, "seed": 3}).status_code == 200


def test_keys_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# ours\n\none {ONE.secret}\ntwo\t{TWO.secret}\n")
    assert read_keys(path) == (ONE, TWO)
    assert ONE.secret not in repr(Settings(keys=read_keys(path)))
    for text, words in (
        ("one short", "at least 16"), (f"one {ONE.secret} more", "Line 1"), ("", "1 to 10000 keys, not 0"),
        (f"one {ONE.secret}\none {TWO.secret}", "two keys named one"), (f"{ONE.secret}", "a name and a secret"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(BadValue, match=words) as caught:
            read_keys(path)
        assert ONE.secret not in str(caught.value)
    with pytest.raises(BadValue, match="can't be read"):
        read_keys(tmp_path / "none")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"port": 70_000}, "port must be between 0 and 65535"),
        ({"longest": 0.0}, "deadline must be between 1 and 600"),
        ({"places": 0}, "queue must be"),
        ({"rate": "often"}, "'often' is no rate. Valid, for example"),
    ],
)
def test_settings_out_of_range(values: dict[str, object], words: str) -> None:
    with pytest.raises(BadValue, match=words):
        Settings(**values)  # type: ignore[arg-type]
