"""The pages Space and Few labels without a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from gan_core import data
from gan_core.gans import recipes
from gan_core.runs.store import RunStore
from tests.app.pages import page, sound
from tests.conftest import example
from tests.made_models import make_model
from tests.made_runs import make_run
from ui.classroom.labels import page as labels
from ui.classroom.shell import generators, warm
from ui.classroom.sound import page as sounds
from ui.classroom.space import page as space


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    st.cache_data.clear()
    st.cache_resource.clear()
    yield
    st.cache_data.clear()
    st.cache_resource.clear()


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.title, test.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def test_space_says_how_to_get_a_model_of_scenes() -> None:
    make_model("mlp_gan.x")
    assert "There is no model of scenes yet" in texts(page("space"))


def test_choices_of_runs_can_be_told_apart(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two unnamed runs of one recipe have the recipe's title and the ends of their ids, on every page with runs."""
    warm.now()  # recipes' titles are known once recipes are loaded
    recipe = recipes.get("mlp_gan").title
    runs = [make_run(store) for _ in range(2)]
    monkeypatch.setattr(space, "_is_scene", lambda run: True)
    monkeypatch.setattr(RunStore, "checkpoints", lambda store, run: [SimpleNamespace(sha256="x", step=10)])
    monkeypatch.setattr(data, "task_of", lambda reference: "audio")
    for words in (space._choices(), generators.offered("images"), sounds._runs()):
        titles = [title for key, title in words.items() if "run:" in str(key)]
        assert len(set(titles)) == 2, titles
        assert all(recipe in title for title in titles), titles
        assert all(any(run[-4:] in title for run in runs) for title in titles)


def test_a_scene_is_turned_filmed_and_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as few:  # not all 3,000 views
        few.setattr(data, "load", lambda name, size: example(recipes.get("triplane")))
        make_model("triplane.x", "solids")
    test = page("space")
    assert "Rendered in" in texts(test)
    assert len(test.get("image")) == 2  # the picture and its depth
    test.slider(key="space-yaw").set_value(-120)
    sound(test.run())
    sound(test.button(key="space-turn").click().run())
    assert [one for one in test.get("download_button") if "WebP" in one.proto.label], texts(test)
    assert test.get("image")[-1].proto.imgs[0].url.startswith("data:image/webp;")  # plays
    sound(test.button(key="space-mesh").click().run())
    assert "triangles" in texts(test) or "no surface" in texts(test)
    sound(test.slider(key="space-pitch").set_value(30).run())
    assert "triangles" in texts(test) or "no surface" in texts(test)  # the mesh is the same at every height
    monkeypatch.setattr(space, "_version", lambda key: "newer")  # a run has gone on
    sound(test.run())
    assert not test.get("download_button")
    assert "triangles" not in texts(test)


def test_a_film_has_the_size_of_the_view(monkeypatch: pytest.MonkeyPatch) -> None:
    def turn(scene: Any, path: Path, pitch: float, side: int, size: int) -> None:
        path.write_bytes(f"{pitch} {size}".encode())

    monkeypatch.setattr("gan_core.views.turning.turn", turn)
    view: Any = SimpleNamespace(pitch=20, depth=np.zeros((64, 64)))
    assert space._film(None, view) == b"20 64"  # type: ignore[arg-type]


def test_few_labels_shows_what_was_measured() -> None:
    test = page("labels")
    text = texts(test)
    assert "Few labels" in text
    assert "Labels from ten pictures" in text
    assert "A domain without labels" in text
    missing = {"segmentation", "adaptation"} - {*labels.measured()}
    assert {element.value for element in test.code} == {f"python -m benchmarks.{name} --keep" for name in missing}
