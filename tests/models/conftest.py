"""A small model that has been trained for one step."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.models import publishing
from gan_core.training.trainer import Trainer
from tests import hub_server
from tests.conftest import example

WORDS = publishing.Words("Noise", "CC0", 'Random "numbers"', "nothing", "It knows nothing.")


@pytest.fixture(scope="module")
def state() -> dict[str, object]:
    recipe = recipes.get("cgan")
    data = example(recipe)
    trainer = Trainer(recipe, recipe.tiny, data)
    trainer.train_step()
    trainer.ema.refresh()
    fields = {name: list(shape) for name, shape in data.spec.fields.items()}
    return trainer.state_dict() | {
        "recipe": "cgan", "hparams": to_dict(recipe.tiny), "spec": {"fields": fields, "classes": 3},
    }  # fmt: skip


@pytest.fixture
def model(state: dict[str, object], tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "cgan.noise"
    publishing.publish(state, "cgan.noise", WORDS, ("a", "b", "c"), "noise", folder, half=False)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[hub_server.Hub]:
    """A Hub for this process, with a user whose token has write access."""
    with hub_server.serving() as hub:
        hub_server.pointed(monkeypatch, hub, tmp_path)
        yield hub
