"""Sounds, texts, music, molecules, films, and pictures of words over HTTP: the files that `ganscope sample` writes."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from gan_core.client import Client
from gan_core.gans import recipes
from gan_core.media import media
from gan_core.models import listing, loading
from gan_core.pictures.grids import to_uint8
from serving.answers import formats_of
from serving.drawing import drawer_of
from serving.sampling import ONNX, PICTURED, SAMPLED
from tests.cli.commands import ok
from tests.conftest import assert_same_pictures
from tests.serving.conftest import (
    CLASSES,
    ENLARGING,
    FILLING,
    FILMS,
    MOLECULES,
    MUSIC,
    SOUNDS,
    STYLED,
    TEXTS,
    TRANSLATING,
    WORDS,
    Running,
)
from tests.serving.test_drawing import levels_of
from tests.serving.test_refusals import refused

SENTENCE = "a woman with red hair and glasses"


def generated(server: Running, model: str, accept: str = "*/*", **values: object) -> httpx.Response:
    return server.http.post("/v1/generate", json={"model": model, "seed": 5, **values}, headers={"Accept": accept})


@pytest.mark.parametrize(
    ("model", "wanted", "type"),
    [
        (SOUNDS, "1", "audio/wav"), (TEXTS, None, "text/plain"), (MUSIC, None, "audio/midi"),
        (MOLECULES, None, "chemical/x-daylight-smiles"), (FILMS, None, "image/gif"),
    ],
)  # fmt: skip
def test_the_default_file_is_that_of_the_command_line(
    model: str, wanted: str | None, type: str, server: Running, tmp_path: Path
) -> None:
    suffix = formats_of(listing.card(model).task)
    path = tmp_path / f"x.{next(iter(suffix))}"
    ok("sample", model, "-o", path, "-n", "2", "--seed", "5", *(("--class", wanted) if wanted else ()))
    answer = generated(server, model, count=2, **({"class": wanted} if wanted else {}))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].partition(";")[0] == type
    assert answer.content == path.read_bytes()
    assert (answer.headers["X-Seed"], answer.headers["X-Model-SHA256"]) == ("5", listing.card(model).sha256)


def test_formats_of_a_medium_by_name_and_by_accept(server: Running, tmp_path: Path) -> None:
    for format, accept, type in (
        ("mp4", "*/*", "video/mp4"), (None, "video/*", "video/mp4"), (None, "image/*", "image/gif"),
        (None, "application/json", "application/json"), (None, "image/webp", "image/webp"),
    ):  # fmt: skip
        assert generated(server, FILMS, accept, format=format).headers["content-type"] == type
    assert generated(server, MUSIC, "audio/wav").content[:4] == b"RIFF"
    ok("sample", SOUNDS, "-o", tmp_path / "x.png", "-n", "2", "--seed", "5", "--width", "1")
    with Image.open(tmp_path / "x.png") as image:
        drawn = generated(server, SOUNDS, count=2, format="png")
        np.testing.assert_array_equal(levels_of(drawn), np.asarray(image))
    refused(generated(server, SOUNDS, format="mid"), 422, "Unknown format 'mid'. Valid: wav, png, webp, json, base64.")
    refused(generated(server, SOUNDS, "video/mp4"), 406, "audio/wav, image/png")


def test_json_has_numbers_or_a_file_of_each_sample_and_what_can_be_read(server: Running) -> None:
    tokens = loading.load(TEXTS).sample(2, 5).numpy()
    listed = generated(server, TEXTS, count=2, format="json").json()
    np.testing.assert_array_equal(listed["samples"], tokens)
    lines = generated(server, TEXTS, count=2).text.splitlines()
    assert (listed["texts"], listed["shape"]) == (lines, [2, 6])
    coded = generated(server, TEXTS, count=2, format="base64").json()
    assert [base64.b64decode(one).decode() for one in coded["files"]] == [f"{line}\n" for line in lines]
    assert (coded["type"], coded["seed"]) == ("text/plain", 5)
    assert len(generated(server, MOLECULES, count=3, format="json").json()["texts"]) == 3
    assert "texts" not in generated(server, SOUNDS, format="json").json()


def test_pictures_of_a_sentence_with_and_without_truncation(server: Running) -> None:
    sampler = loading.load(WORDS)
    for psi in (None, 0.5):
        wanted = to_uint8(sampler.sample(2, 5, SENTENCE, psi))
        answer = generated(server, WORDS, count=2, format="json", truncation=psi, **{"class": SENTENCE})
        assert_same_pictures(np.array(answer.json()["images"], np.uint8), wanted)
    latents = sampler.latents(2, 5, SENTENCE)[0].tolist()
    body = {"model": WORDS, "latents": latents, "class": SENTENCE, "format": "json"}
    given = server.http.post("/v1/generate", json=body).json()["images"]
    assert_same_pictures(np.array(given, np.uint8), to_uint8(sampler.sample(2, 5, SENTENCE)))
    for wrong, words in (
        ("", "Write a sentence, such as"), ("qux", "None of these words is known: qux. Known are words such as woman"),
        (3, "Say in words what to draw"), ("hat " * 200, "up to 400 characters, not 800"),
    ):  # fmt: skip
        asked: dict[str, Any] = {"class": wrong}
        refused(generated(server, WORDS, **asked), 422, words)


@pytest.mark.slow
def test_onnxruntime_draws_pictures_of_a_sentence(server: Running) -> None:
    counter = server.service.counter(WORDS)
    counter.export.join(280)
    assert counter.drawer.engine == ONNX
    drawer: Any = drawer_of(WORDS)
    wishes = [drawer.wish(2, seed, SENTENCE, psi=psi) for seed, psi in ((1, None), (2, 0.5), (3, None))]
    exported: Any = counter.drawer
    for one, other in zip(exported.draw(wishes), drawer.draw(wishes), strict=True):
        assert_same_pictures(one, other)


def test_what_a_model_of_a_medium_does_not_take_is_refused(server: Running) -> None:
    for model, wanted, words in (
        (SOUNDS, "eleven", "There is no class 'eleven'. Valid: 0, 1."), (MUSIC, "x", "no classes to choose from"),
        (MOLECULES, "C", "is unconditional"),
    ):  # fmt: skip
        refused(generated(server, model, **{"class": wanted}), 422, words)
    refused(generated(server, FILMS, truncation=0.5), 422, "doesn't support truncation")
    body = {"model": TEXTS, "latents": [[1.0, 2.0]]}
    refused(server.http.post("/v1/generate", json=body), 422, "latents must be rows of")


def test_drafts_of_one_batch_get_their_own_samples() -> None:
    drawer: Any = drawer_of(WORDS)
    wishes = [drawer.wish(count, seed, psi=psi) for seed, (count, psi) in enumerate([(1, None), (3, 0.5), (2, None)])]
    for wish, made in zip(wishes, drawer.draw(wishes), strict=True):
        assert_same_pictures(made, drawer.draw([wish])[0])


def test_blends_are_those_of_the_library(server: Running) -> None:
    wanted = to_uint8(loading.load(CLASSES).sample(2, 5, {3: 0.5, 8: 0.5}))
    answer = generated(server, CLASSES, count=2, format="json", **{"class": "3:0.5,8:0.5"})
    assert_same_pictures(np.array(answer.json()["images"], np.uint8), wanted)


def test_the_client_gets_files_and_texts(server: Running) -> None:
    with Client(server.url) as client:
        made = client.generate(model=SOUNDS, seed=5, count=2, label="1")
        assert [file[:4] for file in made.files] == [b"RIFF"] * 2
        assert (made.type, made.pictures, made.seed) == ("audio/wav", (), "5")
        film = client.generate(model=FILMS, seed=5, format="mp4")
        assert (film.type, film.files[0][4:8]) == ("video/mp4", b"ftyp")
        assert client.generate(model=TEXTS, seed=5).texts == (generated(server, TEXTS).text.strip(),)
        shown = client.generate(model=SOUNDS, seed=5, format="png")
        assert shown.pictures[0].size == Image.open(io.BytesIO(shown.files[0])).size
        assert client.generate(model=WORDS, label=SENTENCE, format="json").pictures[0].size == (16, 16)


def test_models_state_their_calls_and_formats(server: Running) -> None:
    models = {one["name"]: one for one in server.http.get("/v1/models").json()["models"]}
    drawing = ["generate", "edit", "interpolate", "invert", "evaluate"]
    calls = {STYLED: [*drawing, "mix"], CLASSES: drawing, TRANSLATING: ["translate"], FILLING: ["inpaint"],
             ENLARGING: ["upscale"]}  # fmt: skip
    calls |= {name: ["generate"] for name in (SOUNDS, TEXTS, MUSIC, MOLECULES, FILMS, WORDS)}
    assert {name: one["calls"] for name, one in models.items()} == calls
    assert models[MUSIC]["formats"] == ["mid", "wav", "png", "webp", "json", "base64"]
    assert models[WORDS]["formats"] == ["png", "webp", "json", "base64"]


def test_all_recipes_of_the_served_tasks_draw_and_every_medium_is_served() -> None:
    assert all(recipe.draws for recipe in recipes if recipe.task in SAMPLED)
    assert {medium.task for medium in media} <= set(SAMPLED)
    drawing = {recipe.task for recipe in recipes if recipe.draws and hasattr(recipe.tiny, "latent_size")}
    assert drawing - set(SAMPLED) == {"images"}
    assert all(formats_of(task) == formats_of("images") for task in PICTURED)
