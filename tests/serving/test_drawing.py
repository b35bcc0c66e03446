"""Pictures from latents over HTTP: the same as the library and the command line draw, and each visitor's own."""

from __future__ import annotations

import asyncio
import base64
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from gan_core.exporting.wanted import Wanted
from gan_core.latent.edits import Edit, edited
from gan_core.latent.mixing import mixed
from gan_core.models import listing, loading
from gan_core.pictures.grids import to_uint8
from serving import exports
from serving.drawing import Drawer, bare_points, loaded, wish_of
from serving.sampling import ONNX
from tests.cli.commands import ok
from tests.conftest import assert_same_pictures
from tests.serving.conftest import CLASSES, STYLED, Running

VISITORS = 50


def levels_of(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image)


def drawn(server: Running, **values: object) -> np.ndarray:
    """(count, H, W, C) of a call of /v1/generate."""
    answer = server.http.post("/v1/generate", json={**values, "format": "json"})
    assert answer.status_code == 200, answer.text
    return np.array(answer.json()["images"], np.uint8)


@pytest.mark.parametrize(
    ("model", "options", "body"),
    [
        (STYLED, (), {}),
        (STYLED, ("--truncation", "0.5"), {"truncation": 0.5}),
        (CLASSES, (), {}),
        (CLASSES, ("--class", "3"), {"class": "3"}),
    ],
)
def test_a_seed_is_the_same_picture_as_on_the_command_line(
    model: str, options: tuple[str, ...], body: dict[str, object], server: Running, tmp_path: Path
) -> None:
    """By PyTorch or onnxruntime, whichever is in use by now; the next test is for onnxruntime alone."""
    ok("sample", model, "-o", tmp_path / "x.png", "-n", "12", "--seed", "5", "--width", "1", *options)
    with Image.open(tmp_path / "x.png") as image:
        wanted = np.asarray(image)
    answer = server.http.post("/v1/generate", json={"model": model, "seed": 5, "count": 12, **body})
    assert_same_pictures(levels_of(answer), wanted)
    assert answer.headers["X-Seed"] == "5"
    assert answer.headers["X-Model-SHA256"] == listing.card(model).sha256


@pytest.mark.slow
@pytest.mark.parametrize("model", [STYLED, CLASSES])
def test_onnxruntime_draws_what_pytorch_draws(model: str, server: Running) -> None:
    counter = server.service.counter(model)
    counter.export.join(280)
    assert counter.drawer.engine == ONNX
    explorer = counter.explored.explorer
    psis = (0.5, None, 1.2) if model == STYLED else (None,)
    wishes = [wish_of(explorer, bare_points(explorer, 3, seed, None), psi) for seed, psi in enumerate(psis)]
    made = counter.explored.draw(wishes)
    plain = Drawer(loaded(model))
    assert plain.engine != ONNX
    sampler = loading.load(model)
    for seed, psi in enumerate(psis):
        wanted = sampler.sample(3, seed, psi=psi)
        assert_same_pictures(made[seed], to_uint8(wanted))
        assert_same_pictures(plain.draw(wishes)[seed], to_uint8(wanted))


@pytest.mark.slow
def test_an_export_that_is_broken_or_of_another_model_is_written_anew(
    home: Path, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.service.counter(CLASSES).export.join(280)
    folder, sha256 = listing.standing(CLASSES), listing.card(CLASSES).sha256
    (path,) = (home / "exports").glob(f"{sha256[:32]}-z.onnx")
    good = path.read_bytes()
    written = []

    def export(name: str, place: Path, wanted: Wanted) -> None:
        written.append(Path(name))
        place.write_bytes(good)

    monkeypatch.setattr(exports, "export_apart", export)
    exports.session_of(folder, sha256)
    assert not written
    path.write_bytes(good[: len(good) // 2])
    exports.session_of(folder, sha256)
    assert written == [folder.resolve()]


def test_latents_of_the_client_are_drawn(server: Running) -> None:
    explorer = loaded(STYLED).explorer
    points = bare_points(explorer, 2, 9, None)
    assert points.latents is not None
    given = drawn(server, model=STYLED, latents=points.latents.tolist())
    assert_same_pictures(given, drawn(server, model=STYLED, seed=9, count=2))


def test_a_missing_seed_is_random_and_reported(server: Running) -> None:
    answers = [server.http.post("/v1/generate", json={"model": STYLED}) for _ in range(2)]
    seeds = [int(answer.headers["X-Seed"]) for answer in answers]
    assert seeds[0] != seeds[1]
    again = server.http.post("/v1/generate", json={"model": STYLED, "seed": seeds[0]})
    assert_same_pictures(levels_of(again), levels_of(answers[0]))


def test_formats_by_name_and_by_accept(server: Running) -> None:
    body = {"model": STYLED, "seed": 3, "count": 2}
    listed = drawn(server, **body)
    assert listed.shape == (2, 8, 8, 1)
    coded = server.http.post("/v1/generate", json={**body, "format": "base64"}).json()
    assert coded["seed"] == 3
    assert coded["sha256"] == listing.card(STYLED).sha256
    pictures = [Image.open(io.BytesIO(base64.b64decode(one))) for one in coded["images"]]
    assert_same_pictures(np.stack([np.asarray(one)[:, :, None] for one in pictures]), listed)
    assert pictures[0].text["Software"] == "generated by GANscope"  # type: ignore[attr-defined]
    for accept, type in (
        ("image/webp", "image/webp"), ("*/*", "image/png"), ("text/html, image/*;q=0.5", "image/png"),
        ("application/json;q=0.2, image/webp;q=0.8", "image/webp"), ("application/json", "application/json"),
    ):  # fmt: skip
        answer = server.http.post("/v1/generate", json=body, headers={"Accept": accept})
        assert answer.headers["content-type"] == type
    refused = server.http.post("/v1/generate", json=body, headers={"Accept": "text/html"})
    assert refused.status_code == 406
    assert "image/webp" in refused.json()["error"]


def test_edits_are_those_of_the_library(server: Running) -> None:
    model = loaded(STYLED)
    name = next(iter(model.directions))
    points = edited(model.explorer, model.explorer.sample(1, 4), [Edit(model.direction(name), 2.0)])
    wanted = to_uint8(model.explorer.draw(points))[0][:, :, 0]
    for edits in ({name: 2}, f"{name}*2"):
        answer = server.http.post("/v1/edit", json={"model": STYLED, "seed": 4, "edits": edits})
        assert_same_pictures(levels_of(answer), wanted)
    unedited = levels_of(server.http.post("/v1/generate", json={"model": STYLED, "seed": 4}))
    assert np.abs(unedited.astype(int) - wanted).max() > 1


def test_mixtures_are_those_of_the_library(server: Running) -> None:
    explorer = loaded(STYLED).explorer
    points = mixed(explorer, explorer.sample(1, 1), explorer.sample(1, 2), range(1, explorer.layers))
    body = {"model": STYLED, "seed_a": 1, "seed_b": 2, "band": "from", "first_layer": 1}
    answer = server.http.post("/v1/mix", json=body)
    assert_same_pictures(levels_of(answer), to_uint8(explorer.draw(points))[0][:, :, 0])
    assert answer.headers["X-Seed"] == "1,2"


def test_fifty_visitors_each_get_their_own_picture(server: Running) -> None:
    """Interleaved, of two models, by seed, class, truncation and latents: each gets the same as when it is alone."""
    bodies: list[dict[str, object]] = []
    for seed in range(VISITORS):
        body: dict[str, object] = {"model": STYLED, "seed": seed, "format": "json"}
        if seed % 3 == 1:
            body = {"model": CLASSES, "seed": seed, "class": seed % 10, "count": 1 + seed % 4, "format": "json"}
        elif seed % 3 == 2:
            body |= {"truncation": 0.5 + seed / 100}
        bodies.append(body)

    async def visit() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=120) as client:
            return await asyncio.gather(*(client.post("/v1/generate", json=body) for body in bodies * 2))

    answers = asyncio.run(visit())
    samplers = {name: loading.load(name) for name in (STYLED, CLASSES)}
    for body, answer in zip(bodies * 2, answers, strict=True):
        assert answer.status_code == 200, answer.text
        sampler = samplers[str(body["model"])]
        wanted = sampler.sample(body.get("count", 1), body["seed"], body.get("class"), body.get("truncation"))  # type: ignore[arg-type]
        assert_same_pictures(np.array(answer.json()["images"], np.uint8), to_uint8(wanted))
        assert answer.headers["X-Seed"] == str(body["seed"])
    metrics = server.http.get("/metrics").text
    batches = float(metrics.split(f'ganscope_batch_pictures_count{{model="{STYLED}"}} ')[1].split("\n")[0])
    pictures = float(metrics.split(f'ganscope_batch_pictures_sum{{model="{STYLED}"}} ')[1].split("\n")[0])
    assert pictures > batches  # some were drawn together
