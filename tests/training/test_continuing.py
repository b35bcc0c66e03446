"""Runs that start from a model on the shelf: from exactly its weights, and refused if they don't fit."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.checkpoint import read_checkpoint, same_state, write_checkpoint
from gan_core.data.sets import avatars
from gan_core.errors import BadCheckpoint, BadData, BadValue, GanscopeError, UnknownName
from gan_core.models import listing, loading
from gan_core.models.card import WEIGHTS, Card, write_card
from gan_core.runs.store import RunState, RunStore
from gan_core.training import continuing
from gan_core.training.session import Session
from tests.made_models import make_model


@pytest.fixture
def store(home: Path) -> RunStore:
    return RunStore()


def place(described: Card) -> Path:
    return listing.standing(described.name)


def first_checkpoint(store: RunStore, id: str) -> dict[str, Any]:
    checkpoints = store.checkpoints(id)
    assert [checkpoint.step for checkpoint in checkpoints] == [0]
    return read_checkpoint(checkpoints[0].path, checkpoints[0].sha256)


@pytest.mark.parametrize("name", ["mlp_gan.x", "cgan.x", "progan.x"])
def test_the_first_checkpoint_holds_the_models_weights(store: RunStore, name: str) -> None:
    described = make_model(name)
    weights = loading.state_of(place(described), described)
    run = continuing.begin(store, place(described), steps=3)
    state = first_checkpoint(store, run.id)
    assert same_state(state["average"], weights["average"])
    assert same_state(state["networks"]["generator"], weights["average"]["generator"])
    assert same_state(state["networks"]["discriminator"], weights["networks"]["discriminator"])
    assert (state["images_seen"], state["average_updates"]) == (described.images, described.steps)
    assert (run.name, run.images_seen, run.spec.steps) == (described.title, described.images, 3)
    assert continuing.missing_networks(place(described)) == []
    one, other = loading.load(name).sample(4, seed=1), loading.from_run(store, run.id).sample(4, seed=1)
    assert torch.equal(one, other)


def test_the_run_trains_on_from_there(store: RunStore) -> None:
    described = make_model("mlp_gan.x", ema=0.9)
    run = continuing.begin(store, place(described), steps=3, name="again")
    session = Session(store, run.id).start(paused=True)
    end = time.monotonic() + 60
    while not hasattr(session, "journal") and time.monotonic() < end:
        time.sleep(0.02)
    weights = loading.state_of(place(described), described)
    assert same_state(session.trainer.networks["generator"].state_dict(), weights["average"]["generator"])
    assert same_state(session.trainer.ema.networks["generator"].state_dict(), weights["average"]["generator"])
    session.resume()
    assert session.join(60)
    run = store.get(run.id)
    assert (run.state, run.step, run.name) == (RunState.FINISHED, 3, "again")
    assert run.images_seen == described.images + 3 * described.hparams["batch_size"]


def test_networks_that_the_file_lacks_are_reinitialised(store: RunStore) -> None:
    described = make_model("infogan.x")
    assert continuing.missing_networks(place(described)) == ["recogniser"]
    folder = place(described)
    state = read_checkpoint(folder / WEIGHTS)
    sha256, size = write_checkpoint(folder / WEIGHTS, state | {"networks": {}})
    write_card(folder, dataclasses.replace(described, sha256=sha256, bytes=size))
    assert continuing.missing_networks(folder) == ["discriminator", "recogniser"]
    first = first_checkpoint(store, continuing.begin(store, folder).id)
    assert same_state(first["networks"]["generator"], state["average"]["generator"])
    assert not same_state(first["networks"]["discriminator"], state["networks"]["discriminator"])


def test_other_data_and_live_knobs_can_be_given(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatars, "COUNT", 60)
    described = make_model("mlp_gan.x", "digits")
    run = continuing.begin(store, place(described), changes={"loss": "hinge"}, data_name="digits")
    assert (run.spec.hparams["loss"], run.spec.steps) == ("hinge", described.steps)
    for given, kind, said in (
        ({"changes": {"latent_size": 7}}, BadValue, "latent_size"),
        ({"changes": {"nonsense": 7}}, UnknownName, "nonsense"),
        ({"data_name": "nonsense"}, UnknownName, "nonsense"),
        ({"data_name": "ring8"}, BadData, "points"),
    ):
        with pytest.raises(kind, match=said):
            continuing.begin(store, place(described), **given)
    assert len(store.runs()) == 1
    grey = continuing.begin(store, place(described), data_name="avatars", steps=1)  # in colour: the network is grey
    assert first_checkpoint(store, grey.id)["spec"]["fields"] == {"real": [1, 8, 8]}


def test_a_damaged_model_leaves_no_run(store: RunStore) -> None:
    described = make_model("mlp_gan.x")
    path = place(described) / WEIGHTS
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadCheckpoint, match="truncated"):
        continuing.begin(store, place(described))
    with pytest.raises(BadCheckpoint, match="truncated"):
        continuing.missing_networks(place(described))
    assert store.runs() == []


def test_a_checkpoint_that_cant_be_written_leaves_no_run(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    described = make_model("mlp_gan.x")
    folder = store.folder

    def blocked(id: str) -> Path:
        checkpoints = folder(id) / "checkpoints"
        if checkpoints.is_dir():
            checkpoints.rmdir()
            checkpoints.write_text("in the way")
        return folder(id)

    monkeypatch.setattr(store, "folder", blocked)
    with pytest.raises(GanscopeError):
        continuing.begin(store, place(described))
    assert store.runs() == []
