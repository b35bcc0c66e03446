"""Keras generators draw the same here as in Keras (tests/shelf/keras_golden.py), and others are refused."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_core.errors import BadCheckpoint, BadData, BadValue
from gan_core.gans.sequential import SequentialGenerator, SequentialHParams, parsed, usual_layers, written
from gan_core.models import listing, loading
from gan_core.shelf import keras
from gan_core.shelf.importing import Provenance, import_keras
from tests.cli.commands import ok, refused

HERE = Path(__file__).parent / "keras"
FILES = sorted(path.name for path in HERE.glob("*.*") if path.suffix in (".keras", ".h5"))


@pytest.mark.parametrize("name", FILES)
def test_it_draws_what_keras_draws(name: str) -> None:
    golden = np.load(HERE / "golden.npz")
    found = keras.read_generator(HERE / name)
    generator = SequentialGenerator(found.layers, found.latent_size, found.shape).eval()
    generator.load_state_dict(dict(found.weights))
    with torch.no_grad():
        drawn = generator(torch.from_numpy(golden[f"{name}/latents"]))
    wanted = torch.from_numpy(golden[f"{name}/images"]).permute(0, 3, 1, 2)  # (B, H, W, C) -> (B, C, H, W)
    torch.testing.assert_close(drawn, wanted, atol=1e-5, rtol=0)
    assert drawn.std() > 0.05


def test_it_is_a_model_like_any_other(home: Path, tmp_path: Path) -> None:
    said = ok("import", HERE / "tutorial.keras", "--name", "mine", "--title", "My digits", "--licence", "CC0-1.0")
    assert "Sequential GAN, 28 px" in said
    assert "ganscope sample mine" in said
    card = listing.card("mine")
    assert (card.recipe, card.task, card.size, card.title, card.data) == ("sequential", "images", 28, "My digits", "")
    assert "tutorial.keras (sha256" in card.cost
    assert (home / "models" / "mine" / "sample.png").is_file()
    golden = np.load(HERE / "golden.npz")
    sampler = loading.load("mine")
    drawn = sampler.draw(torch.from_numpy(golden["tutorial.keras/latents"]), None)
    wanted = golden["tutorial.keras/images"].transpose(0, 3, 1, 2)
    assert np.abs(drawn.numpy() - wanted).max() <= 1e-5
    ok("sample", "mine", "-o", tmp_path / "samples.png", "--n", "4")
    assert "already exists" in refused(2, "import", HERE / "tutorial.keras", "--name", "mine")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # the exporter's own, of its internals
def test_it_is_exported_and_trained_on(tmp_path: Path) -> None:
    import_keras(HERE / "kernels.keras", "mine")
    assert "largest difference" in ok("export", "mine", "-o", tmp_path / "mine.onnx")
    ok("export", "mine", "-o", tmp_path / "mine.py")
    import_keras(HERE / "perceptron.h5", "digits", Provenance(data="digits"))
    ok("train", "--from", "digits", "--steps", "2")


def altered(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """The tutorial's file with another configuration."""
    with zipfile.ZipFile(HERE / "tutorial.keras") as old, zipfile.ZipFile(path, "w") as new:
        config = json.loads(old.read("config.json"))
        change(config)
        new.writestr("config.json", json.dumps(config))
        new.writestr("model.weights.h5", old.read("model.weights.h5"))
    return path


def setting(place: int, **values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda config: config["config"]["layers"][place]["config"].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda config: config["config"]["layers"][3].update(class_name="PReLU"), "PReLU. Supported: Dense, Conv2D"),
        (lambda config: config["config"]["layers"].clear(), "none at all"),
        (setting(-1, filters=2), "aren't square images"),
        (setting(0, batch_shape=[None, 28, 28, 1]), r"inputs of shape \(28, 28, 1\)"),
        (setting(0, batch_shape=[None, 0]), r"inputs of shape \(0,\)"),
        (setting(0, batch_shape=[None, True]), r"inputs of shape \(True,\)"),
        (setting(1, activation="cubic"), "activation = .cubic.*Supported: linear"),
        (setting(5, dilation_rate=[2, 2]), r"dilation_rate = \[2, 2\]. Supported: 1"),
        (setting(5, data_format="channels_first"), "Supported: channels_last"),
        (setting(5, strides=[1, 2]), "equal for rows and columns"),
        (setting(5, filters=5), "can't be used|layer|shape"),
        (setting(5, filters=10**9), "at least 1"),
        (setting(1, units=2**20), "don't fit together"),
        (setting(4, target_shape=[7, 7, 5]), "don't fit together.*is given 196 numbers"),
        (setting(2, epsilon="small"), "can't be read as a Keras model"),
        (lambda config: config.pop("config"), "can't be read as a Keras model"),
    ],
)  # fmt: skip
def test_other_layers_are_refused_by_name(change: Any, words: str, home: Path, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=words):
        import_keras(altered(tmp_path / "x.keras", change), "mine")
    assert not list((home / "models").glob("*"))


def test_branches_and_other_files_are_refused(home: Path, tmp_path: Path) -> None:
    def branched(config: dict[str, Any]) -> None:
        config["class_name"] = "Functional"
        for layer in config["config"]["layers"]:
            layer["inbound_nodes"] = []

    with pytest.raises(BadCheckpoint, match="has branches"):
        keras.read_generator(altered(tmp_path / "branched.keras", branched))
    content = (HERE / "tutorial.keras").read_bytes()
    for name, part in (("cut.keras", content[:2000]), ("cut.h5", content[:500]), ("empty.h5", b"")):
        (tmp_path / name).write_bytes(part)
        with pytest.raises(BadCheckpoint, match="can't be read as a Keras model"):
            keras.read_generator(tmp_path / name)
    with zipfile.ZipFile(HERE / "tutorial.keras") as archive:
        (tmp_path / "weights.h5").write_bytes(archive.read("model.weights.h5"))
    with pytest.raises(BadCheckpoint, match="weights without the layers"):
        keras.read_generator(tmp_path / "weights.h5")
    with pytest.raises(BadCheckpoint, match="doesn't exist"):
        keras.read_generator(tmp_path / "none.keras")
    with pytest.raises(BadData, match="channels"):
        import_keras(HERE / "upsampling.keras", "mine", Provenance(data="digits"))
    assert "leave out --size" in refused(2, "import", HERE / "tutorial.h5", "--name", "x", "--size", "64")
    both = refused(1, "import", HERE / "tutorial.h5", HERE / "tutorial.keras", "--name", "x")
    assert "one at a time" in both
    assert not list((home / "models").glob("*"))


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    import h5py

    with zipfile.ZipFile(HERE / "tutorial.keras") as archive:
        config, content = archive.read("config.json"), io.BytesIO(archive.read("model.weights.h5"))
    raw = tmp_path / "raw.bin"
    raw.write_bytes(bytes(4 * 6 * 196))
    with h5py.File(content, "r+") as file:
        del file["layers/dense/vars/0"]
        file.create_dataset("layers/dense/vars/0", (6, 196), "float32", external=[(str(raw), 0, h5py.h5f.UNLIMITED)])
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", config)
        archive.writestr("model.weights.h5", content.getvalue())
    with pytest.raises(BadCheckpoint, match="lie in another file"):
        keras.read_generator(tmp_path / "x.keras")


def test_layers_are_written_as_they_are_read() -> None:
    text = "dense 12 no_bias; batch_norm 0.001 0.2; leaky_relu 0.3; reshape 2 2 3; upsample 2 nearest; tanh"
    assert written(parsed(text)) == text
    assert SequentialGenerator(text, 5, (3, 4, 4))(torch.zeros(2, 5)).shape == (2, 3, 4, 4)
    for shape in ((1, 28, 28), (3, 18, 18)):
        assert SequentialGenerator(usual_layers(shape), 5, shape)(torch.zeros(2, 5)).shape == (2, *shape)
    with pytest.raises(BadValue, match="Unknown layer"):
        SequentialHParams(layers="dance")
    for wrong, words in (
        ("dance 3", "Unknown layer 'dance'. Valid: dense, conv"), ("", "between 1 and 200"),
        ("dense 1.5", "whole numbers"), ("dense 4; leaky_relu", "between 0 and 100"),
        ("conv 3 3 1 same", "needs an image"), ("dense 48; reshape 4 4 3; dense 2", "needs a vector"),
        ("dense 48; reshape 4 4 3; conv 3 3 1 full", "needs one of: same, valid"),
        ("dense 48; reshape 4 4 3; conv 3 5 1 valid", "larger than its input"),
        ("dense 1000000; dense 1000000", "at most 100,000,000"), ("dense 27; reshape 3 3 3", "give 3 x 3 x 3"),
    ):  # fmt: skip
        with pytest.raises(BadValue, match=words.replace("(", r"\(")):
            SequentialGenerator(wrong, 5, (3, 4, 4))
