"""Samples that aren't pictures: how they are shown, stored and played, and that runs on them train like any other."""

from __future__ import annotations

import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from gan_core import data
from gan_core.data.base import DataSet, DataSpec
from gan_core.gans import Recipe
from gan_core.gans.mlp_gan import MlpHParams
from gan_core.media import audio, media, medium_of, text
from gan_core.media.base import features
from gan_core.models.sampler import Sampler
from gan_core.models.showing import sheet
from gan_core.objectives.adversarial import Adversarial
from gan_core.training.previews import previewer
from gan_core.training.trainer import Trainer
from gan_core.training.variety import examiner

RATE, LENGTH = 8000, 4096
SOUNDS = DataSpec({"wave": (LENGTH,)}, rate=RATE)
TEXTS = DataSpec({"tokens": (6,)}, vocabulary=("", "a", "b", " "))


def tone(hertz: float) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(LENGTH) / RATE).astype(np.float32)


def test_every_task_of_a_medium_has_fields_and_words() -> None:
    for medium in media:
        assert medium.task in data.base.FIELDS
        assert medium.words
        assert all(suffix.startswith(".") for suffix in medium.suffixes)
    assert medium_of("images") is None


@pytest.mark.parametrize(
    ("fields", "task"),
    [
        ({"real": (3, 8, 8)}, "images"), ({"real": (2,)}, "points"), ({"wave": (9,)}, "audio"),
        ({"real": (3, 8, 8), "caption": (5,)}, "captions"), ({"a": (1, 8, 8), "b": (1, 8, 8)}, "unpaired"),
    ],
)  # fmt: skip
def test_the_task_follows_from_the_fields(fields: dict[str, tuple[int, ...]], task: str) -> None:
    spec = DataSpec(fields, vocabulary=("", "x"), rate=7)
    assert spec.task == task
    assert DataSpec.from_state(spec.to_state()) == spec


def test_a_sound_is_written_as_16_bits_at_its_rate(tmp_path: Path) -> None:
    loud = np.stack([tone(1000), 3 * tone(500)])
    audio.write(loud, SOUNDS, tmp_path / "two.wav")
    with wave.open(str(tmp_path / "two.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert len(heard) == 2 * LENGTH + round(audio.PAUSE * RATE)  # a pause between the two
    np.testing.assert_allclose(heard[:LENGTH] / 32767, tone(1000), atol=1e-4)
    assert heard[-LENGTH:].max() == 32767  # clipped, not wrapped around
    piece = audio.pieces(loud, SOUNDS)[0]
    assert isinstance(piece.content, bytes)
    with wave.open(BytesIO(piece.content)) as file:
        assert file.getnframes() == LENGTH


def test_the_spectrogram_shows_a_tone_at_its_height() -> None:
    rows = audio.levels(tone(1000)).argmax(0)
    # 64 bands up to 4,000 Hz, the lowest at the bottom
    np.testing.assert_allclose(rows[4:-4], audio.SPECTRUM - 1 - 1000 / 4000 * audio.SPECTRUM, atol=1.01)
    assert audio.pictures(tone(300)[None], SOUNDS).shape == (1, audio.WAVE + audio.SPECTRUM, audio.WIDTH, 3)


def test_sounds_that_differ_in_phase_alone_are_alike() -> None:
    shifted = np.stack([tone(700), np.roll(tone(700), 5), tone(2900)])
    seen = features(audio.AUDIO, shifted, SOUNDS)
    assert np.linalg.norm(seen[0] - seen[1]) < 0.2 * np.linalg.norm(seen[0] - seen[2])


def test_a_text_ends_at_its_first_end(tmp_path: Path) -> None:
    tokens = np.array([[1, 2, 3, 1, 0, 2], [2, 2, 2, 2, 2, 2]])
    text.write(tokens, TEXTS, tmp_path / "two.txt")
    assert (tmp_path / "two.txt").read_text() == "ab a\nbbbbbb\n"
    longer = DataSpec({"tokens": (3,)}, vocabulary=("", "red", "hat"))
    assert [piece.content for piece in text.pieces(np.array([[1, 2, 0]]), longer)] == ["red hat"]
    drawn = text.pictures(tokens, TEXTS)
    assert drawn.shape[0] == 2
    assert drawn.min() < 100  # something is printed


class Speaker(nn.Module):
    def __init__(self, latents: int) -> None:
        super().__init__()
        self.layer = nn.Linear(latents, LENGTH)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.layer(z))


class Listener(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(LENGTH, 1)

    def forward(self, sounds: torch.Tensor) -> torch.Tensor:
        return self.layer(sounds).squeeze(1)  # type: ignore[no-any-return]


def toy() -> Recipe:
    hparams = MlpHParams(latent_size=4, batch_size=4)
    return Recipe(
        name="speaker", title="Speaker", task="audio", paper="1802.04208", year=2018,
        networks=lambda hparams, spec: {"generator": Speaker(hparams.latent_size), "discriminator": Listener()},
        objective=Adversarial, hparams=hparams, tiny=hparams, data="spoken_digits",
    )  # fmt: skip


def test_a_run_of_sounds_is_previewed_and_examined() -> None:
    sounds = np.stack([tone(100 + 60 * number) for number in range(40)])
    trainer = Trainer(toy(), toy().hparams, DataSet("tones", {"wave": sounds}, rate=RATE))
    for _ in range(3):
        trainer.train_step()
    assert previewer(trainer)().startswith(b"\x89PNG")
    look = examiner(trainer, "tones")
    assert look is not None
    assert 0 < look()["variety"] < 10
    sampler = Sampler(trainer.recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    assert torch.equal(sampler.sample(3, seed=5), sampler.sample(3, seed=5))
    assert sheet(sampler, sampler.sample(5)).width > 4 * audio.WIDTH


def test_spoken_digits_are_of_equal_loudness_and_split_by_takes() -> None:
    source = data.source("spoken_digits")
    if not source.available():
        pytest.skip("GANSCOPE_DATA holds no spoken digits")
    train, test = data.load("spoken_digits"), data.load("test:spoken_digits")
    assert (len(train), len(test)) == (2400, 300)
    assert train.spec == source.spec(source.size)
    np.testing.assert_allclose(np.abs(train.arrays["wave"]).max(1), 0.95, atol=1e-3)
    assert (np.bincount(test.arrays["label"]) == 30).all()
    assert data.size_of("spoken_digits") == 8192
    assert data.task_of("test:spoken_digits") == "audio"
