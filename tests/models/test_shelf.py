"""Models on the shelf: written atomically, read back unchanged, and refused if anything doesn't match."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch.testing import assert_close

import gan_core
from gan_core.checkpoint import read_checkpoint, write_checkpoint
from gan_core.errors import BadCheckpoint, StoreError, UnknownName
from gan_core.gans import recipes
from gan_core.models import listing, loading, publishing
from gan_core.models.card import CARD, WEIGHTS, Card, read_card, write_card
from tests.models.conftest import WORDS


def test_a_model_comes_back_as_it_was(state: dict[str, object], model: Path) -> None:
    sampler = loading.load(str(model))
    networks = state["average"]
    assert isinstance(networks, dict)
    for name, weight in sampler.networks["generator"].state_dict().items():
        assert torch.equal(weight, networks["generator"][name])
    described = read_card(model)
    assert described.origin == 'Random "numbers"'
    assert described.class_names == ("a", "b", "c")
    assert described.fields == {"real": (1, 8, 8)}
    assert described.parameters["generator"] == sum(w.numel() for w in networks["generator"].values())
    with Image.open(model / "sample.png") as picture:
        assert picture.size == (6 * 9 - 1, 6 * 9 - 1)  # two columns for each class
    assert sampler.sample(4, seed=0).shape == (4, 1, 8, 8)


def test_half_precision_is_a_smaller_file_and_nearly_the_same_model(state: dict[str, object], tmp_path: Path) -> None:
    def made(half: bool) -> Card:
        return publishing.publish(state, "x", WORDS, ("a", "b", "c"), "noise", tmp_path / str(half), half)

    cards = [made(half) for half in (False, True)]
    assert cards[1].bytes < cards[0].bytes
    one, other = (loading.load(str(tmp_path / str(half))).sample(8) for half in (False, True))
    assert_close(one, other, atol=1e-2, rtol=0)
    assert not torch.equal(one, other)
    kept = read_checkpoint(tmp_path / "True" / WEIGHTS)["average"]["generator"]
    assert {weight.dtype for weight in kept.values() if weight.ndim > 1} == {torch.float16}
    assert torch.float16 not in {weight.dtype for weight in kept.values() if weight.ndim < 2}


def test_models_are_found_by_name(model: Path, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    model.replace(home / "models" / "cgan.noise")
    shutil.copytree(home / "models" / "cgan.noise", home / "models" / ".making-x")  # one that is being published
    assert listing.names() == ["cgan.noise"]
    assert listing.card("cgan.noise").recipe == "cgan"
    with pytest.raises(UnknownName, match=r"'cgan\.nois'\. Valid: cgan\.noise"):
        loading.load("cgan.nois")


def altered(model: Path) -> None:
    content = bytearray((model / WEIGHTS).read_bytes())
    content[-1] ^= 1
    (model / WEIGHTS).write_bytes(content)


def cut_short(model: Path) -> None:
    (model / WEIGHTS).write_bytes((model / WEIGHTS).read_bytes()[:-100])


def with_matching_hash(model: Path, content: bytes) -> None:
    (model / WEIGHTS).write_bytes(content)
    write_card(model, dataclasses.replace(read_card(model), sha256=hashlib.sha256(content).hexdigest()))


def pickled(model: Path) -> None:
    with_matching_hash(model, pickle.dumps({"average": {}}))


def of_other_networks(model: Path) -> None:
    read = read_checkpoint(model / WEIGHTS)
    read["average"]["generator"].popitem()
    sha256, _ = write_checkpoint(model / WEIGHTS, read)
    write_card(model, dataclasses.replace(read_card(model), sha256=sha256))


def spoilt(model: Path) -> None:
    read = read_checkpoint(model / WEIGHTS)
    next(iter(read["average"]["generator"].values())).view(-1)[:3] = float("nan")
    sha256, _ = write_checkpoint(model / WEIGHTS, read)
    write_card(model, dataclasses.replace(read_card(model), sha256=sha256))


def without_a_network(model: Path) -> None:
    sha256, _ = write_checkpoint(model / WEIGHTS, {"networks": {}})
    write_card(model, dataclasses.replace(read_card(model), sha256=sha256))


def without_a_field(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace('licence = "CC0"\n', ""))


def with_a_field_of_another_kind(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace("steps = 1\n", 'steps = "one"\n'))


def with_a_shape_that_is_none(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace('"real" = [1, 8, 8]', '"real" = 8'))


def with_another(old: str, new: str) -> Callable[[Path], None]:
    def damage(model: Path) -> None:
        text = (model / CARD).read_text()
        assert text.count(old) == 1
        (model / CARD).write_text(text.replace(old, new))

    return damage


def of_a_newer_format(model: Path) -> None:
    text = (model / CARD).read_text()
    (model / CARD).write_text(text.replace("format = 1", "format = 2"))


def with_half_a_card(model: Path) -> None:
    (model / CARD).write_text((model / CARD).read_text()[:40])


def without_weights(model: Path) -> None:
    (model / WEIGHTS).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (altered, "modified or truncated"),
        (cut_short, "modified or truncated"),
        (pickled, "never pickles"),
        (
            of_other_networks,
            r"can't be used\. These weights belong to another network: generator\.\S+ is missing in the weights",
        ),
        (spoilt, r"are corrupt: 3 of \d+ values of generator\..* are NaN or infinite\. Affected layers: 1 of"),
        (without_a_network, "is missing in the weights"),
        (without_a_field, "lacks licence"),
        (with_a_field_of_another_kind, "can't be read: steps"),
        (with_a_shape_that_is_none, "can't be read: fields"),
        (with_another('"real" = [1, 8, 8]', '"real" = ["1", 8, 8]'), "can't be read: fields"),
        (with_another('"real" = [1, 8, 8]', '"real" = [1, -8, 8]'), "can't be read: fields"),
        (with_another('class_names = ["a", "b", "c"]', "class_names = [1, 2, 3]"), "can't be read: class_names"),
        (with_another("steps = 1\n", "steps = true\n"), "can't be read: steps"),
        (with_another("[metrics]", '[metrics]\n"fd" = "low"'), "can't be read: metrics"),
        (with_another("[parameters]", '[parameters]\n"mapping" = [3]'), "can't be read: parameters"),
        (of_a_newer_format, "newer version of GANscope"),
        (with_half_a_card, "can't be read"),
        (without_weights, "missing"),
    ],
)
def test_damage_is_reported_and_nothing_is_loaded(model: Path, damage: Callable[[Path], None], said: str) -> None:
    damage(model)
    with pytest.raises(BadCheckpoint, match=said):
        loading.load(str(model))


def test_a_folder_without_a_card_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"card\.toml"):
        loading.load(str(tmp_path))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("mount isn't permitted")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_leaves_no_partial_file(state: dict[str, object], small_disk: Path) -> None:
    with pytest.raises(StoreError):
        publishing.publish(state, "x", WORDS, ("a", "b", "c"), "noise", small_disk / "x", half=False)
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("error", [OSError("no"), KeyboardInterrupt()])
def test_a_model_stays_where_its_successor_cannot_take_its_place(
    error: BaseException, state: dict[str, object], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former, replace = read_card(model), Path.replace

    def stopped(self: Path, target: Path) -> Path:
        if target == model and (self / WEIGHTS).is_file() and read_card(self).title == "New":
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    words = dataclasses.replace(WORDS, title="New")
    with pytest.raises((StoreError, KeyboardInterrupt)):
        publishing.publish(state, "cgan.noise", words, ("a", "b", "c"), "noise", model, half=False)
    assert read_card(model) == former
    assert loading.load(str(model)).sample(1).isfinite().all()
    assert list(model.parent.iterdir()) == [model]
    monkeypatch.undo()
    publishing.publish(state, "cgan.noise", words, ("a", "b", "c"), "noise", model, half=False)
    assert read_card(model).title == "New"
    assert list(model.parent.iterdir()) == [model]


def test_a_card_says_what_its_recipe_can_do(model: Path) -> None:
    described = read_card(model)
    assert (described.recipe_title, described.task) == (recipes.get("cgan").title, "images")
    assert "labels" in described.capabilities
    text = (model / CARD).read_text()
    older = "\n".join(line for line in text.splitlines() if not line.startswith(("recipe_title", "task", "capab")))
    (model / CARD).write_text(older)
    assert dataclasses.replace(described, recipe_title="", task="images", capabilities=()) == read_card(model)


def test_the_shelf_is_surveyed_and_damage_named(model: Path, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    shutil.copytree(model, home / "models" / "good")
    model.replace(home / "models" / "bad")
    without_a_field(home / "models" / "bad")
    cards, damaged = listing.survey()
    assert "good" in cards
    assert [(one.name, str(one.reason)) for one in damaged] == [("bad", "The model card in bad lacks licence.")]
    listing.check_weights(listing.standing("good"), cards["good"])
    altered(home / "models" / "good")
    with pytest.raises(BadCheckpoint, match="modified or truncated"):
        listing.check_weights(listing.standing("good"), cards["good"])
    with pytest.raises(UnknownName, match="Valid"):
        listing.standing(str(home / "models" / "good"))  # a link can't name a path


def test_the_shelf_can_be_listed_from_python(model: Path, home: Path) -> None:
    (home / "models").mkdir(parents=True)
    shutil.copytree(model, home / "models" / "mine")
    (home / "models" / "broken").mkdir()
    (home / "models" / "broken" / CARD).write_text("title = ")
    names = gan_core.list_models()
    assert "broken" not in names
    assert names[-1] == "mine"
    assert gan_core.card("mine") == read_card(model)
    drawing = gan_core.list_models("images")
    assert "mine" in drawing
    assert all(gan_core.card(name).task == "images" for name in drawing)
    assert [name for name in names if gan_core.card(name).task == "images"] == drawing
    with pytest.raises(UnknownName, match=r"no task named 'image'\. Valid: images"):
        gan_core.list_models("image")
