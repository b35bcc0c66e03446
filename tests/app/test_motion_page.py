"""The page Motion without a browser: its three parts, and its messages if something is missing."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from gan_core.data import environments
from gan_core.models import listing
from tests.app.pages import page, sound
from tests.made_models import make_model
from ui.classroom.motion import control, world


@pytest.fixture(autouse=True)
def shelf(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Only the user's shelf, with empty caches."""
    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "bundled")
    st.cache_data.clear()
    yield home / "models"
    st.cache_data.clear()


def pictures(test: AppTest) -> list[str]:
    """The addresses of all pictures and films."""
    return [element.proto.imgs[0].url for element in test.get("image")]


def frames_of(url: str) -> int:
    return int(getattr(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))), "n_frames", 1))


def captions(test: AppTest) -> str:
    return "\n".join(one.value for kind in (test.caption, test.info, test.markdown) for one in kind)


def test_a_part_without_a_model_leads_to_training() -> None:
    test = page("motion", part="game")
    assert "There is no model for this yet" in captions(test)
    assert any("recipe=worldgan" in link.proto.query_string for link in test.get("page_link"))


def test_films_have_two_seeds_and_a_slider_of_frames() -> None:
    make_model("mocogan.x", "test:moving_digits", latent_size=40)
    test = page("motion")
    test.number_input(key="motion-content").set_value(3)
    test.slider(key="motion-frame").set_value(16)
    sound(test.run())
    assert "Content 3, motion 0" in captions(test)
    assert "Frame 16" in captions(test)
    films = [url for url in pictures(test) if url.startswith("data:image/webp;base64,")]
    assert len(films) == 3  # in the browser they play: Streamlit would send bytes as a still JPEG


def test_an_episode_of_every_player_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "HORIZON", 30)
    make_model("gail.x", "cartpole_expert", policy_steps=1)
    test = page("motion", part="control")
    test.button_group(key="motion-player").set_value("expert")
    sound(test.run())
    assert "a return of 30 after 30 steps" in captions(test)
    assert any(url.startswith("data:image/webp") and frames_of(url) > 5 for url in pictures(test))
    assert "Averages: Model" in captions(test)
    monkeypatch.setattr(environments, "find_spec", lambda name: None)
    assert "pip install 'ganscope[control]'" in captions(page("motion", part="control")).replace("\\", "")


def test_the_game_is_played_by_keys() -> None:
    make_model("worldgan.x", "test:paddle_game")
    test = page("motion", part="game")
    assert "Frame 0" in captions(test)
    sound(test.button(key="motion-key-2").click().run())
    assert "Frame 1:" in captions(test)
    # as files, frames of a running game were deleted before the browser had fetched them
    assert [url.partition(",")[0] for url in pictures(test)] == ["data:image/png;base64"] * 2
    sound(test.button(key="motion-many").click().run())
    assert f"Frame {1 + world.AT_ONCE}" in captions(test)
    sound(test.button(key="motion-again").click().run())
    assert "Frame 0" in captions(test)


def test_the_browser_leads_back_to_another_part() -> None:
    test = page("motion", part="control")
    sound(test.button_group(key="motion-part").set_value("game").run())
    assert test.query_params["part"] == "game"
    test.query_params["part"] = "control"
    sound(test.run())
    assert test.button_group(key="motion-part").value == "control"
    assert test.query_params["part"] == "control"


def test_another_model_begins_another_game() -> None:
    make_model("worldgan.x", "test:paddle_game")
    make_model("worldgan.y", "test:paddle_game", seed=1)
    test = page("motion", part="game")
    sound(test.button(key="motion-key-2").click().run())
    assert "Frame 1:" in captions(test)
    box = test.selectbox(key="motion-world-model")
    box.set_value("worldgan.x" if box.value == "worldgan.y" else "worldgan.y")
    sound(test.run())
    assert "Frame 0" in captions(test)


def test_a_cloned_policy_has_no_rewards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "HORIZON", 5)
    make_model("gail.x", "cartpole_expert", method="cloning")
    test = page("motion", part="control")
    assert "behaviour cloning" in captions(test)
    assert "discriminator took it" not in captions(test)
    assert "Averages" not in captions(test)
    assert not test.get("plotly_chart")
