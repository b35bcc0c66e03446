"""Measurements stored with a model: equal to the library's own functions, and refused if they don't fit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from torch.testing import assert_close

from gan_core.errors import BadCheckpoint, BadValue
from gan_core.latent.attributes import learn, measure
from gan_core.latent.bands import EDGES, band_layers
from gan_core.latent.explorer import Explorer
from gan_core.latent.ganspace import pca
from gan_core.latent.measured import measure_model, read_measured, write_measured
from gan_core.latent.mixing import band_changes
from tests.latent.models import colour_classifier, explorer


@pytest.fixture(scope="module")
def model() -> Explorer:
    return explorer("stylegan2", latent_size=8, w_size=8)


def test_what_is_written_is_what_was_measured(model: Explorer, tmp_path: Path) -> None:
    classifier = colour_classifier(model)
    directions = [*learn(model, classifier, 300), *pca(model, 2)]
    measured = measure_model(model, directions, classifier, seed=3)
    assert set(measured.leakage.directions) == {one.name for one in directions if one.kind == "attribute"}
    by_hand = measure(model, directions[: len(measured.leakage.directions)], classifier, seed=3)
    assert_close(measured.leakage.moves, by_hand.moves)
    layers = {name: band_layers(model.layers, name) for name in EDGES}
    bands = [(found.start, found.stop) for found in layers.values() if found]
    assert list(measured.bands.values()) == band_changes(model, classifier, bands, seed=3)
    write_measured(tmp_path / "measured.json", model, measured)
    read = read_measured(tmp_path / "measured.json", model)
    assert read.leakage.values == tuple(classifier.names)
    assert_close(read.leakage.moves, measured.leakage.moves, atol=6e-4, rtol=0)
    assert {name: band.words for name, band in read.bands.items()} == {
        name: band.words for name, band in measured.bands.items()
    }


def test_nothing_named_can_not_be_measured(model: Explorer) -> None:
    with pytest.raises(BadValue, match="no directions to measure"):
        measure_model(model, pca(model, 2), colour_classifier(model))


def test_bands_are_two_layers_for_each_size() -> None:
    assert [list(band_layers(10, name)) for name in EDGES] == [[0, 1, 2], [3, 4, 5, 6], [7, 8, 9]]
    assert [list(band_layers(4, name)) for name in EDGES] == [[0, 1, 2], [3], []]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "f" * 64}, "was measured for other weights"),
        ({"recipe": "dcgan"}, "was measured for other weights"),
        ({"format": "ganscope.measured.9"}, "can't be read"),
        ({"moves": [[1.0]]}, "can't be read"),
        ({"moves": "x"}, "can't be read"),
        ({"bands": {"coarse": {"layers": [0]}}}, "can't be read"),
        ({"bands": []}, "can't be read"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(model: Explorer, tmp_path: Path, change: dict, says: str) -> None:
    classifier, path = colour_classifier(model), tmp_path / "measured.json"
    write_measured(path, model, measure_model(model, learn(model, classifier, 64), classifier))
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadCheckpoint, match=says):
        read_measured(path, model)


def test_a_missing_or_broken_file_is_refused(model: Explorer, tmp_path: Path) -> None:
    for content in (None, b"", b"[1]", b"\xff"):
        if content is not None:
            (tmp_path / "measured.json").write_bytes(content)
        with pytest.raises(BadCheckpoint, match=r"measured.json can't be read"):
            read_measured(tmp_path / "measured.json", model)
