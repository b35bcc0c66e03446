"""The Sound page, without a browser."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from gan_core import data
from gan_core.data.base import DataSpec
from gan_core.errors import BadData
from gan_core.gans import recipes
from gan_core.media import audio
from gan_core.models.sampler import Sampler
from tests.made_models import make_model
from ui.classroom.sound import page as sound

PAGE = Path(__file__).parents[2] / "pages" / "sound.py"
needs_digits = pytest.mark.skipif(not data.source("spoken_digits").available(), reason="no spoken digits here")


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def page() -> AppTest:
    return checked(AppTest.from_file(str(PAGE), default_timeout=120).run())


def checked(test: AppTest) -> AppTest:
    assert not test.exception, [error.message for error in test.exception]
    assert not test.error, [error.value for error in test.error]
    return test


@needs_digits
def test_without_a_model_real_recordings_are_played_and_the_page_says_how_to_get_one() -> None:
    test = page()
    assert "Train SpecGAN or WaveGAN" in test.info[0].value
    assert test.selectbox(key="sound-source").options == ["Real recordings"]
    test.selectbox(key="sound-said").set_value(3)
    test.selectbox(key="sound-by").set_value(4)
    checked(test.run())
    assert "**3 theo**" in [element.value for element in test.markdown]


@needs_digits
def test_a_models_sounds_are_played_with_neighbours_and_interpolations() -> None:
    make_model("specgan.sounds", "spoken_digits")
    test = page()
    assert test.selectbox(key="sound-source").value == "model:specgan.sounds"
    words = [element.value for element in test.markdown]
    assert "**0 george**" in words
    assert "**Nearest real recordings**" in words
    test.selectbox(key="sound-said").set_value(7)
    test.selectbox(key="between-by-other").set_value(5)
    checked(test.run())
    assert "**7 george**" in [element.value for element in test.markdown]


def without_recordings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("GANSCOPE_DATA", str(folder))
    assert not sound.has_recordings()


def test_without_recordings_and_models_the_page_says_how_to_get_both(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_recordings(monkeypatch, tmp_path)
    test = page()
    assert "Train SpecGAN or WaveGAN" in test.info[0].value
    assert "GANSCOPE_DATA" in test.info[1].value
    assert not test.selectbox


@needs_digits
def test_a_model_needs_no_recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    make_model("specgan.sounds", "spoken_digits")
    without_recordings(monkeypatch, tmp_path)
    test = page()
    assert test.selectbox(key="sound-source").options == ["Tiny SpecGAN"]
    words = [element.value for element in test.markdown]
    assert "**0 george**" in words
    assert "**Nearest real recordings**" not in words
    assert "no real recordings" in test.info[0].value


def test_an_interpolation_ends_at_both_sounds() -> None:
    recipe = recipes.get("specgan")
    spec = DataSpec({"wave": (2048,)}, 2, {"speaker": 2}, ("yes", "no"), rate=8000,
                    attribute_names={"speaker": ("ann", "bob")})  # fmt: skip
    networks = {name: network.eval() for name, network in recipe.build(recipe.tiny, spec).items()}
    sampler = Sampler(recipe, recipe.tiny, spec, networks)
    found = sound.way(sampler, (1, "yes ann"), (2, "no bob"), 5)
    assert found.labels == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    for place, (seed, said) in ((0, (1, "yes ann")), (4, (2, "no bob"))):
        expected = sampler.sample(1, seed, said).numpy()[0]
        np.testing.assert_allclose(found.waves[place], expected, atol=1e-3)
    assert len(np.unique(found.waves.round(6), axis=0)) == 5


def test_a_visitors_recording_becomes_sounds_or_is_refused_with_a_reason() -> None:
    tone = 0.5 * np.sin(np.arange(8000 * 3) / 3).astype(np.float32)
    found, clipped = sound.own(audio.wav(tone, 8000), "three.wav")
    assert found.waves.shape == (3, 8192)
    assert not clipped
    with pytest.raises(BadData, match=r"'photo\.wav' can't be used: not a sound file"):
        sound.own(b"\x89PNG", "photo.wav")
    with pytest.raises(BadData, match="silent"):
        sound.own(audio.wav(0 * tone, 8000), "quiet.wav")


def test_a_checkpoint_of_a_run_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    st.cache_resource.clear()
    checkpoints = [SimpleNamespace(sha256="one")]
    read = []
    monkeypatch.setattr(sound, "store", lambda: SimpleNamespace(checkpoints=lambda id: checkpoints))
    monkeypatch.setattr("gan_core.models.loading.from_run", lambda store, id: read.append(id))
    sound.sampler_of("run:abc")
    sound.sampler_of("run:abc")
    assert read == ["abc"]
    checkpoints.append(SimpleNamespace(sha256="two"))
    sound.sampler_of("run:abc")
    assert read == ["abc", "abc"]
    st.cache_resource.clear()


def test_the_newer_of_file_and_recording_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(content: bytes, name: str) -> None:
        raise BadData("'{name}' was heard.", name=name)

    def script() -> None:
        from ui.classroom.sound import page

        page._own()

    monkeypatch.setattr(sound, "own", refuse)
    test = AppTest.from_function(script, default_timeout=60).run()
    test.file_uploader(key="sound-own").set_value(("sent.wav", b"RIFF", "audio/wav")).run()
    assert "sent" in test.error[0].value
    test.audio_input(key="sound-recorded").set_value(("spoken.wav", b"RIFF", "audio/wav")).run()
    assert "spoken" in test.error[0].value
    test.file_uploader(key="sound-own").set_value(("again.wav", b"RIFF", "audio/wav")).run()
    assert "again" in test.error[0].value
    test.file_uploader(key="sound-own").set_value(None).run()
    assert "spoken" in test.error[0].value
