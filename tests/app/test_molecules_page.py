"""The page Molecules, without a browser."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import streamlit as st

from gan_core import data, paths
from gan_core.models import explaining
from gan_core.runs.store import RunStore
from tests.app.pages import page
from tests.conftest import example
from ui.classroom.molecules import page as molecules

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)
    monkeypatch.setattr("gan_core.models.explaining.SEEDS", 2)


@pytest.fixture
def model(store: RunStore) -> str:
    """An almost untrained model on the shelf."""
    from gan_core.gans import recipes
    from gan_core.knobs import to_dict
    from gan_core.models import publishing
    from gan_core.training.trainer import Trainer

    recipe = recipes.get("molgan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    trainer.train_step()
    state = trainer.state_dict() | {
        "recipe": recipe.name, "hparams": to_dict(recipe.tiny), "spec": trainer.spec.to_state(),
    }  # fmt: skip
    words = publishing.Words("Chains", "CC0-1.0", "Nothing", "a blink", "all")
    publishing.publish(state, "molgan.tiny", words, (), "molecules", paths.home() / "models" / "molgan.tiny", False)
    return "molgan.tiny"


def texts(test: AppTest) -> str:
    return "\n".join(element.value for kind in (test.markdown, test.caption, test.info, test.subheader, test.error)
                     for element in kind)  # fmt: skip


def test_molecules_are_drawn_counted_and_explained(model: str) -> None:
    test = page("molecules")
    assert not test.error, [one.value for one in test.error]
    assert [metric.label for metric in test.metric] == ["Valid", "Different", "New"]
    assert test.metric[0].value.endswith("/ 12")
    place = next(place for place, caption in enumerate(captions(test)) if len(caption) > 5)
    test.button(key=f"why-{place}").click().run()
    assert not test.exception
    assert not test.error, [one.value for one in test.error]
    said = texts(test)
    assert f"Why is molecule {place + 1} fake?" in said
    assert "better than chance" in said
    assert "explain_node" in said
    test.number_input(key="molecules-seed").set_value(5).run()
    assert "Why is molecule" not in texts(test)


def captions(test: AppTest) -> list[str]:
    """Those of the molecules, by their numbers, which are escaped: markdown would make lists of them."""
    return [
        caption.value.replace("\\", "") for caption in test.caption if caption.value.partition("\\.")[0].isdecimal()
    ]


def test_without_a_model_it_says_how_to_make_one(store: RunStore) -> None:
    assert "Train MolGAN" in page("molecules").info[0].value


def test_without_the_extra_the_command_is_named(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from gan_core.data import chemistry

    chemistry.rdkit.cache_clear()
    monkeypatch.setitem(sys.modules, "rdkit", None)
    test = page("molecules")
    assert "ganscope[graphs]" in test.error[0].value.replace("\\", "")


def counting() -> Callable[..., int]:
    """A function that says how often it was called before."""
    calls = iter(range(9))
    return lambda *_given: next(calls)


def test_a_model_published_again_is_explained_and_ranked_anew(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "discriminator_of", lambda name: None)
    monkeypatch.setattr(explaining, "explain", counting())
    monkeypatch.setattr(explaining, "scores", counting())
    monkeypatch.setattr(data, "load", lambda name: SimpleNamespace(arrays={"molecule": np.zeros((10, 2, 2))}))
    content = np.zeros((2, 2), np.int64).tobytes()
    assert [molecules._explained("a", sha256, content, 2) for sha256 in ("1", "1", "2")] == [0, 0, 1]
    assert [molecules._real_scores("a", sha256, "molecules") for sha256 in ("1", "1", "2")] == [0, 0, 1]


def test_data_that_are_added_later_are_used(store: RunStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(explaining, "discriminator_of", lambda name: None)
    monkeypatch.setattr(explaining, "scores", lambda *_given: np.array([0.0, 2.0, 3.0, 4.0]))
    monkeypatch.setattr(data, "load", lambda name: SimpleNamespace(arrays={"molecule": np.zeros((10, 2, 2))}))
    card: Any = SimpleNamespace(sha256="1", data="molecules")
    there = False
    monkeypatch.setattr(data, "source", lambda name: SimpleNamespace(available=lambda: there))
    assert molecules._rank("a", card, 1.0) is None
    there = True
    assert molecules._rank("a", card, 1.0) == 0.75


def test_another_model_forgets_the_chosen_molecule(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(molecules, "_why", lambda *_given: st.markdown("explained"))
    monkeypatch.setattr(molecules, "_here", lambda reference: False)  # reading the data takes seconds
    shelf = paths.home() / "models"
    shutil.copytree(shelf / model, shelf / "molgan.other")
    card = shelf / "molgan.other" / "card.toml"
    card.write_text(card.read_text().replace(f'name = "{model}"', 'name = "molgan.other"'))
    test = page("molecules")
    assert "explained" in texts(test.button(key="why-0").click().run())
    box = test.selectbox(key="molecules-model")
    box.set_value(model if box.value == "molgan.other" else "molgan.other")
    assert "explained" not in texts(test.run())
