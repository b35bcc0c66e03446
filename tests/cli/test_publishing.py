"""`ganscope models publish`: a run becomes a model of the user's own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from gan_core.data import source
from gan_core.data.catalogue import is_own
from gan_core.errors import BadValue
from gan_core.models import listing, loading
from gan_core.models.naming import place_of
from gan_core.models.weights import averaged_weights, read_weights
from gan_core.runs.store import RunState, RunStore
from gan_core.shelf.own import default_name
from tests.cli.commands import TINY, make_run, ok, refused
from tests.made_models import make_model
from tests.made_runs import trained


def test_a_published_run_draws_what_the_run_drew(store: RunStore, tmp_path: Path) -> None:
    run = trained(store, "cgan", name="My first digits!")
    said = json.loads(ok("models", "publish", "My first digits!", "--limits", "No sevens.", "--json"))
    assert (said["run"], said["model"], said["name"]) == (run, "My-first-digits", "My-first-digits")
    assert Path(said["folder"]) == listing.standing("My-first-digits")
    assert (said["title"], said["limits"], said["data"]) == ("My first digits!", "No sevens.", "digits")
    assert said["steps"] == 2
    assert said["classes"][:3] == ["0", "1", "2"]
    assert said["licence"] == json.loads(ok("data", "show", "digits", "--json"))["licence"]
    made, wanted = loading.load("My-first-digits"), loading.from_run(store, run)
    torch.testing.assert_close(made.sample(5, 3, 1), wanted.sample(5, 3, 1), rtol=0, atol=0)
    assert "My-first-digits" in ok("models")
    assert "A model named My-first-digits already exists" in refused(2, "models", "publish", run)
    text = ok("models", "publish", run, "--name", "digits.half", "--title", "Half", "--half")
    assert "ganscope models show digits.half" in text
    assert listing.card("digits.half").bytes < said["bytes"]
    assert loading.load("digits.half").sample(2).isfinite().all()


def test_a_card_does_not_reveal_where_own_pictures_are(store: RunStore, tmp_path: Path) -> None:
    folder = tmp_path / "private pictures"
    for place in range(12):
        where = folder / ("cats" if place % 2 else "dogs")
        where.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 20 * place, np.uint8)).save(where / f"{place}.png")
    words = ("train", "mlp_gan", "--data", folder, "--size", "8", "--steps", "1", *TINY)
    run = json.loads(ok(*words, "--json"))["run"]
    card = json.loads(ok("models", "publish", run, "--json"))
    assert card["model"] == f"mlp_gan.{run}"
    assert card["data"] == ""
    assert "not included" in card["origin"]
    held = listing.standing(card["model"])
    assert "private" not in (held / "card.toml").read_text(encoding="utf-8")
    assert ok("sample", card["model"], "-o", tmp_path / "x.png") is not None
    assert data_in(averaged_weights(store, run), tmp_path) == "your own"


def test_exported_weights_name_the_part_of_a_data_set_that_was_learnt(store: RunStore, tmp_path: Path) -> None:
    run = json.loads(ok("train", "mlp_gan", "--data", "half:digits", "--steps", "1", *TINY, "--json"))["run"]
    assert data_in(averaged_weights(store, run), tmp_path) == "half:digits"


def test_exported_weights_can_be_built_again(store: RunStore, tmp_path: Path) -> None:
    """Networks for texts depend on the vocabulary, which the header holds."""
    run = trained(store, "text_mle", data="arithmetic", size=source("arithmetic").size)
    (tmp_path / "x.safetensors").write_bytes(averaged_weights(store, run))
    built, wanted = read_weights(tmp_path / "x.safetensors"), loading.from_run(store, run)
    assert built.spec.to_state() == wanted.spec.to_state()
    assert torch.equal(built.sample(3, 1), wanted.sample(3, 1))


def data_in(weights: bytes, folder: Path) -> str:
    (folder / "exported.safetensors").write_bytes(weights)
    with safe_open(folder / "exported.safetensors", "pt") as file:
        return str(file.metadata()["data"])


@pytest.mark.parametrize(
    ("reference", "own"),
    [
        ("digits", False), ("test:mnist", False), ("half:train:mnist", False), ("drawn:a", False),
        ("folder:x", True), ("half:zip:x.zip", True), ("train:folder+pad:x", True), ("text:x", True),
        ("test:text:x", True), ("sounds:x", True), ("smiles:x", True), ("shards:x-{0..1}.tar", True),
        ("quarter:shards:x.tar", True),
    ],
)  # fmt: skip
def test_data_are_the_users_own_whatever_part_is_named(reference: str, own: bool) -> None:
    assert is_own(reference) is own


def test_a_translator_is_published_with_its_outputs_for_held_out_pictures(store: RunStore) -> None:
    words = ["channels=2", "blocks=1", "batch_size=2"]
    run = json.loads(
        ok("train", "pix2pix", "--data", "digits_coloured", "--size", "8", "--steps", "1",
           *[word for one in words[::2] for word in ("--set", one)], "--json")
    )["run"]  # fmt: skip
    ok("models", "publish", run, "--name", "colours")
    with Image.open(listing.standing("colours") / "sample.png") as picture:
        assert picture.width >= 3 * 8


def test_runs_that_cannot_be_published_are_refused(store: RunStore) -> None:
    assert "There is no run named 'nothing'" in refused(2, "models", "publish", "nothing")
    empty = make_run(store, "empty")
    assert "The run empty has no checkpoint yet." in refused(1, "models", "publish", empty)
    for state in (RunState.RUNNING, RunState.QUEUED):
        token = store.claim(empty)
        store.set_state(empty, token, state)
        assert f"The run empty is {state.value}. Stop or pause it first." in refused(1, "models", "publish", empty)
        store.set_state(empty, token, RunState.STOPPED)
        store.release(empty, token)
    run = trained(store, "mlp_gan")
    for wrong in ("../elsewhere", "a b", ".hidden", "x" * 65):
        assert "is not a valid model name" in refused(2, "models", "publish", run, "--name", wrong)
    make_model("mlp_gan.taken")
    assert "already exists" in refused(2, "models", "publish", run, "--name", "mlp_gan.taken")
    assert listing.names() == ["mlp_gan.taken"]
    checkpoint = store.checkpoints(run)[-1].path
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert str(checkpoint.name) in refused(1, "models", "publish", run, "--name", "broken")
    assert listing.names() == ["mlp_gan.taken"]


def test_names_are_sanitised(store: RunStore) -> None:
    for name, wanted in (("Sunny day", "Sunny-day"), ("...", ""), ("日本", ""), ("a" * 80, "a" * 64)):
        run = store.get(make_run(store, name))
        assert default_name(run) == (wanted or f"mlp_gan.{run.id}")
    with pytest.raises(BadValue, match="not a valid model name"):
        place_of("")
