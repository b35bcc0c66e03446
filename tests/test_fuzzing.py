"""Untrusted input is read, or refused with a sentence: never a traceback, whatever its content."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_core.checkpoint import read_checkpoint
from gan_core.data.user import drawn_points
from gan_core.errors import GanscopeError
from gan_core.latent.explorer import Explorer
from gan_core.latent.files import read_directions, write_directions
from gan_core.latent.ganspace import pca
from gan_core.models import listing, loading
from gan_core.models.card import CARD, WEIGHTS, read_card
from gan_core.shelf.keras import read_generator
from tests.fuzzing import CASES, damaged, garbled, swapped
from tests.made_models import make_model
from ui.classroom.train.setup import from_query
from ui.studio.models import cache
from ui.studio.requests.uploads import clean, picture_of
from ui.studio.view import view

KERAS = Path(__file__).parent / "shelf" / "keras" / "tutorial.keras"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with directions, on a shelf of its own."""
    folder = tmp_path_factory.mktemp("shelf") / "models" / "stylegan2.x"
    make_model("stylegan2.x", folder=folder)
    explorer = Explorer(loading.load(str(folder)))
    write_directions(folder / "directions.safetensors", explorer, pca(explorer, 3))
    return folder


@pytest.mark.parametrize("cases", CASES)
def test_cards(cases: int, model: Path, tmp_path: Path) -> None:
    read = 0
    for content in damaged((model / CARD).read_bytes(), cases):
        (tmp_path / CARD).write_bytes(content)
        with suppress(GanscopeError):
            read_card(tmp_path)
            read += 1
    assert 0 < read < cases


@pytest.mark.parametrize("cases", CASES)
def test_weights(cases: int, model: Path, tmp_path: Path) -> None:
    refused = 0
    path = tmp_path / WEIGHTS
    for content in damaged((model / WEIGHTS).read_bytes()[:6_000], cases, 1):
        path.write_bytes(content)
        try:
            read_checkpoint(path)
        except GanscopeError:
            refused += 1
    assert refused > cases // 2


@pytest.mark.parametrize("cases", CASES)
def test_a_card_and_weights_that_do_not_fit(cases: int, model: Path, tmp_path: Path) -> None:
    """The card's numbers are changed, the weights are intact."""
    card = (model / CARD).read_text(encoding="utf-8")
    (tmp_path / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes())
    lines = card.splitlines()
    for place, line in enumerate(garbled(lines, cases // 20, 2)):
        changed = [*lines]
        changed[place * 7 % len(lines)] = line
        (tmp_path / CARD).write_text("\n".join(changed), encoding="utf-8")
        with suppress(GanscopeError):
            loading.load(str(tmp_path))


@pytest.mark.parametrize("cases", CASES)
def test_files_of_directions(cases: int, model: Path, tmp_path: Path) -> None:
    explorer = Explorer(loading.load(str(model)))
    refused = 0
    path = tmp_path / "directions.safetensors"
    for content in damaged((model / path.name).read_bytes(), cases, 3):
        path.write_bytes(content)
        try:
            read_directions(path, explorer)
        except GanscopeError:
            refused += 1
    assert refused > cases // 2


def pictures() -> Iterator[bytes]:
    """A picture in each of four formats."""
    levels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    for format in ("PNG", "JPEG", "WEBP", "GIF"):
        buffer = io.BytesIO()
        Image.fromarray(levels).save(buffer, format)
        yield buffer.getvalue()


@pytest.mark.filterwarnings("ignore")  # Pillow's, of odd metadata
@pytest.mark.parametrize("cases", CASES)
def test_uploads(cases: int) -> None:
    refused = 0
    for seed, content in enumerate(pictures()):
        for odd in damaged(content, cases // 4, 10 + seed):
            try:
                clean(picture_of(odd))
            except GanscopeError:
                refused += 1
    assert refused > 0


@pytest.mark.parametrize("cases", CASES)
def test_links(cases: int, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_HOME", str(model.parents[1]))
    cache.models.clear()
    links = [
        "model=stylegan2.x&seed=7&psi=0.7&edits=PCA 1*2,PCA 2*-1.5@0-2", "seed=3&class=1&point=z:1,2",
        "lang=zh&tab=mix",
    ]  # fmt: skip
    for odd in garbled(links, cases // 2, 20):
        shown, problems = view.parsed(odd)
        assert shown is not None
        assert shown.model == "stylegan2.x"
        assert all(str(problem) for problem in problems)
    cache.models.clear()
    settings = [
        "recipe=dcgan&data=digits&size=16&steps=6000&loss=hinge&seed=3",
        "recipe=points&penalty=r1&layers=dense 3",
    ]
    for odd in garbled(settings, cases // 4, 21):
        setup, problems = from_query(dict(part.partition("=")[::2] for part in odd.split("&")))
        assert setup.recipe
        assert all(str(problem) for problem in problems)
    for odd in garbled(["0.1, 0.2\n0.3, 0.4\n-1 2", "x,y\n1,2"], cases // 4, 22):
        with suppress(GanscopeError):
            drawn_points.parse(odd)


@pytest.mark.parametrize("cases", CASES)
def test_keras_files(cases: int, tmp_path: Path) -> None:
    """Their configurations; HDF5 itself handles the arrays."""
    with zipfile.ZipFile(KERAS) as archive:
        config, weights = json.loads(archive.read("config.json")), archive.read("model.weights.h5")
    refused = 0
    path = tmp_path / "x.keras"
    for odd in swapped(config, cases, 30):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", json.dumps(odd))
            archive.writestr("model.weights.h5", weights)
        try:
            read_generator(path)
        except GanscopeError:
            refused += 1
    assert 0 < refused < cases


def test_a_damaged_model_leaves_the_others_on_the_shelf(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_HOME", str(model.parents[1]))
    for place, content in enumerate(damaged((model / CARD).read_bytes(), 10, 40)):
        folder = model.parent / f"damaged.{place}"
        folder.mkdir()
        (folder / CARD).write_bytes(content)
    cards, _damaged = listing.survey()
    assert "stylegan2.x" in cards
