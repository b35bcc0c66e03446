"""docs/serving.md, the OpenAPI document, the client and deploy/ are correct."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import yaml
from PIL import Image
from typer.main import get_command

from gan_core.cli import app
from gan_core.cli.serving import serve
from gan_core.client import Client, ServiceError
from gan_core.models import loading
from gan_core.pictures.grids import to_uint8
from tests.conftest import assert_same_pictures
from tests.serving.conftest import STYLED, Running

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder with the pictures that the page's commands expect."""
    levels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "face.png")
    mask = np.zeros((8, 8), np.uint8)
    mask[2:5, 2:5] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    return tmp_path


def test_every_curl_line_of_the_page_runs(server: Running, pictures: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE, re.S)
    script = "set -euo pipefail\n" + "\n".join(blocks).replace("http://127.0.0.1:8000", server.url)
    script = script.replace("curl ", "curl --fail-with-body ")
    done = subprocess.run(["bash", "-c", script], cwd=pictures, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-1000:]
    written = set(re.findall(r" -o (\S+)", script))
    assert len(written) == 17
    begin = {"one.wav": b"RIFF", "chorale.wav": b"RIFF", "molecules.json": b'{"model":', "sums.txt": b""}
    assert all((pictures / name).read_bytes().startswith(content) for name, content in begin.items())
    assert len((pictures / "sums.txt").read_text().splitlines()) == 8
    for name in written - {"face.json", "film.mp4", "metrics.json", "digits.mp4", *begin}:
        with Image.open(pictures / name) as image:
            image.load()
            assert image.format == ("WEBP" if name.endswith("webp") else "PNG")
    assert all((pictures / name).read_bytes()[4:8] == b"ftyp" for name in ("film.mp4", "digits.mp4"))
    assert (pictures / "face.json").read_text().startswith('{"model":')
    assert '"fd200_' in (pictures / "metrics.json").read_text()
    assert '"state": "done"' in done.stdout


def test_the_pages_python_runs(server: Running, pictures: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    words = [sys.executable, "-c", code.replace("http://127.0.0.1:8000", server.url)]
    done = subprocess.run(words, cwd=pictures, env=_environment(), capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr[-1000:]
    with Image.open(pictures / "larger.png") as image:
        assert image.width == 16
    with Image.open(pictures / "film.webp") as film:
        assert 12 < film.n_frames <= 24  # type: ignore[attr-defined]  # equal ones are one


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))}


def test_the_page_names_every_call_and_every_option(server: Running) -> None:
    for path in server.http.get("/openapi.json").json()["paths"]:
        assert path in PAGE or path.startswith("/v1/jobs/")
    for name in ("host", "port", "key", "rate", "model", "deadline", "queue", "studio", "proxies"):
        assert name in serve.__annotations__
        assert f"`--{name}" in PAGE


def test_the_document_has_an_example_for_every_body_and_they_work(server: Running) -> None:
    document = server.http.get("/openapi.json").json()
    calls = 0
    for path, methods in document["paths"].items():
        body = methods.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json")
        if body is None:
            continue
        for example in _schema(document, body["schema"])["examples"]:
            answer = server.http.post(path, json=example)
            assert answer.status_code in (200, 202), answer.text
            if answer.status_code == 202:
                server.http.delete(answer.headers["Location"])
            calls += 1
    assert calls >= 6
    generate = document["paths"]["/v1/generate"]["post"]["responses"]
    assert {"image/png", "image/webp", "application/json"} <= generate["200"]["content"].keys()
    assert {"401", "404", "413", "422", "429", "503"} <= generate.keys()
    assert "HTTPValidationError" not in str(document)


def _schema(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def test_the_client_gives_pictures_and_raises_the_servers_sentences(server: Running) -> None:
    shares: list[float] = []
    with Client(server.url) as client:
        assert STYLED in [one["name"] for one in client.models()]
        made = client.generate(model=STYLED, seed=4, count=2)
        wanted = to_uint8(loading.load(STYLED).sample(2, 4))[:, :, :, 0]
        assert_same_pictures(np.stack([np.asarray(one) for one in made.pictures]), wanted)
        assert made.seed == "4"
        assert client.generate(model="cgan.mnist", label="3").pictures[0].size == (8, 8)
        assert client.edit(model=STYLED, seed=1, edits={"PCA 1": 1}).seed == "1"
        assert client.mix(seed_a=1, seed_b=3).seed == "1,3"
        face, mask = made.pictures[0], Image.new("L", (8, 8), 255)
        assert client.translate(face).pictures[0].size == (8, 8)
        assert client.inpaint(face, mask).pictures[0].size == (16, 16)
        found = client.invert(face, shares.append, model=STYLED, steps=50)
        assert found.facts["state"] == "done"
        buffer = io.BytesIO()
        face.save(buffer, "PNG")
        assert client.upscale(buffer.getvalue(), scale=2).picture.width == 16
        with pytest.raises(ServiceError, match="less than or equal to 64") as caught:
            client.generate(count=65)
        assert caught.value.status == 422
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(ServiceError, match="can't be reached"):
        nobody.models()


def test_a_server_that_goes_away_during_a_job_is_a_service_error() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(202, headers={"Location": "/v1/jobs/1"})
        raise httpx.ConnectError("gone")

    with Client("http://nowhere") as client:
        client._http.close()
        client._http = httpx.Client(base_url="http://nowhere", transport=httpx.MockTransport(answer))
        with pytest.raises(ServiceError, match="can't be reached: gone"):
            client.evaluate(model="x")


def test_the_compose_file_starts_two_replicas_behind_nginx() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    one, two, nginx = (services["services"][name] for name in ("one", "two", "nginx"))
    assert one == two
    config = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")
    upstream = re.search(r"upstream ganscope \{(.*?)\}", config, re.S)
    assert upstream is not None
    assert re.findall(r"server (\w+):(\d+)", upstream.group(1)) == [("one", "8000"), ("two", "8000")]
    assert "hash $remote_addr" in upstream.group(1)  # jobs are a replica's own
    assert [one.partition(":")[2] for one in nginx["ports"]] == re.findall(r"listen (\d+)", config)
    assert f"--proxies={nginx['networks']['inside']['ipv4_address']}" in one["command"]
    assert config.count("{") == config.count("}")
    secret = services["secrets"]["keys"]["file"]
    assert secret.startswith("./")
    assert "deploy/keys" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    assert f"--key=/run/secrets/{one['secrets'][0]}" in one["command"]


def test_the_replicas_command_is_one_that_the_command_line_takes() -> None:
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    program, verb, *options = services["services"]["one"]["command"]
    assert program == "ganscope"
    command = get_command(app).commands[verb]  # type: ignore[attr-defined]
    context = command.make_context(verb, list(options))
    assert (context.params["host"], context.params["port"]) == ("0.0.0.0", 8000)


def test_the_extra_pins_what_the_tests_run_with() -> None:
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for line in extra["serve"]:
        name, _, pinned = line.partition(";")[0].partition("==")
        assert version(name) == pinned
