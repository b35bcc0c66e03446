"""WaveGAN and SpecGAN: sizes, conditions, spectrograms; and that the feature net for sounds learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from gan_core import data
from gan_core.data.base import DataSpec
from gan_core.data.recordings import levels
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.wavegan import PUBLISHED, PhaseShuffle
from gan_core.layers.spectrum import griffin_lim, istft, mel_bands, spectrograms, stft
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models.sampler import Sampler
from gan_core.objectives.spoken import asked_for, weights_of
from gan_core.training.trainer import Trainer
from tests.conftest import example

SPOKEN = DataSpec({"wave": (2048,)}, 3, {"speaker": 2}, ("one", "two", "three"), rate=8000,
                  attribute_names={"speaker": ("ann", "bob")})  # fmt: skip
needs_digits = pytest.mark.skipif(not data.source("spoken_digits").available(), reason="no spoken digits here")


def test_the_published_size_has_the_papers_weights() -> None:
    """1802.04208, tables 3 and 4, at d = 64 with 16,384 samples of one channel and without conditions."""
    recipe = recipes.get("wavegan")
    networks = recipe.networks(recipe.settings(PUBLISHED), DataSpec({"wave": (16384,)}, rate=16000))
    kernels = {
        "generator": [(100, 16384), (25, 1024, 512), (25, 512, 256), (25, 256, 128), (25, 128, 64), (25, 64, 1)],
        "discriminator": [(25, 1, 64), (25, 64, 128), (25, 128, 256), (25, 256, 512), (25, 512, 1024), (16384, 1)],
    }  # fmt: skip
    for name, rows in kernels.items():
        weights = sum(int(np.prod(row)) + row[-1] for row in rows)  # each with a bias for every output
        assert sum(weight.numel() for weight in networks[name].parameters()) == weights
    assert sum(weight.numel() for weight in networks["generator"].parameters()) == 19_065_345
    assert sum(weight.numel() for weight in networks["discriminator"].parameters()) == 17_427_969


@pytest.mark.parametrize(("name", "unit"), [("wavegan", 1024), ("specgan", 2048)])
def test_a_length_that_does_not_fit_is_reported(name: str, unit: int) -> None:
    recipe = recipes.get(name)
    with pytest.raises(BadValue, match=f"multiple of {unit:,} samples, not 3,000|multiple of {unit} samples, not 3000"):
        recipe.build(recipe.tiny, DataSpec({"wave": (3000,)}, 2, rate=8000))


def test_phase_shuffle_moves_each_item_and_mirrors_its_ends() -> None:
    layer = PhaseShuffle(2)
    layer.generator = torch.Generator().manual_seed(1)
    given = torch.arange(6.0).expand(40, 3, 6)
    moved = layer(given)
    ways = {tuple(row) for row in moved[:, 0].int().tolist()}
    assert ways == {(2, 1, 0, 1, 2, 3), (1, 0, 1, 2, 3, 4), (0, 1, 2, 3, 4, 5), (1, 2, 3, 4, 5, 4), (2, 3, 4, 5, 4, 3)}
    assert torch.equal(moved[:, 0], moved[:, 2])  # the same for all channels
    assert torch.equal(layer.eval()(given), given)


def test_phase_shuffle_draws_where_its_features_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a GPU the run's generator of layers is one of the GPU, which draws there alone."""
    devices = []

    def randint(high: int, size: tuple[int, ...], **options: Any) -> torch.Tensor:
        devices.append(torch.device(options["device"]).type)
        return torch.zeros(size, dtype=torch.int64, device=options["device"])

    monkeypatch.setattr(torch, "randint", randint)
    assert PhaseShuffle(2)(torch.empty(4, 3, 6, device="meta")).shape == (4, 3, 6)
    assert devices == ["meta"]


def test_a_transform_and_its_inverse_give_the_sound_again() -> None:
    sounds = torch.randn(2, 2048) / 4
    torch.testing.assert_close(istft(stft(sounds)), sounds, atol=1e-4, rtol=1e-4)
    padded = torch.nn.functional.pad(sounds, (64, 64))
    expected = torch.stft(padded, 256, 128, window=torch.hann_window(256), center=False, return_complex=True)
    torch.testing.assert_close(stft(sounds), expected.transpose(1, 2), atol=1e-4, rtol=1e-4)


def test_mel_bands_are_slaneys() -> None:
    bands = mel_bands(8000)
    assert bands.shape == (129, 64)
    assert (bands.max(0) > 0).all()  # none is empty
    centres = bands.T @ np.linspace(0, 4000, 129) / bands.sum(0)
    top = 15 + np.log(4) * 27 / np.log(6.4)  # mels of 4,000 Hz
    low = np.arange(1, 25) * top / 65 * 1000 / 15  # linear below 1,000 Hz
    np.testing.assert_allclose(centres[:24], low, atol=16)  # half a bin
    assert np.diff(centres).min() > 0


def test_a_tone_comes_back_from_its_spectrogram() -> None:
    time = torch.arange(8192) / 8000
    tones = torch.stack([0.5 * torch.sin(2 * np.pi * hertz * time) for hertz in (250.0, 1000.0)])
    pictures = spectrograms(tones, 8000)
    assert pictures.shape == (2, 1, 64, 64)
    heard = griffin_lim(pictures, 8000)
    strongest = torch.fft.rfft(heard).abs().argmax(1) * 8000 / 8192
    torch.testing.assert_close(strongest, torch.tensor([250.0, 1000.0]), atol=20.0, rtol=0)
    torch.testing.assert_close(heard.square().mean(1), tones.square().mean(1), atol=0.02, rtol=0)
    silent = griffin_lim(torch.full((1, 1, 64, 16), -1.0), 8000)
    assert float(silent.abs().max()) < 1e-4


def test_a_request_becomes_weights_of_class_and_speaker() -> None:
    everything = asked_for(SPOKEN, 6, None)
    assert {(row[:3].argmax().item(), row[3:].argmax().item()) for row in everything} == {
        (said, by) for said in range(3) for by in range(2)
    }  # all pairs, once each
    assert asked_for(SPOKEN, 1, "two bob").tolist() == [[0, 1, 0, 0, 1]]
    assert asked_for(SPOKEN, 2, "ann")[:, 3].tolist() == [1, 1]
    assert asked_for(SPOKEN, 2, 1)[:, 1].tolist() == [1, 1]
    half = asked_for(SPOKEN, 1, {"one ann": 1.0, "three bob": 1.0})
    assert half.tolist() == [[0.5, 0, 0.5, 0.5, 0.5]]
    assert weights_of(torch.tensor([2]), 1, (3, 2), half).tolist() == [[0, 0, 1, 0.5, 0.5]]
    for asked, message in (
        ("two carl", "no speaker 'carl'. Valid: ann"),
        ("nine", "no class 'nine'"),
        (7, "between|class"),
    ):
        with pytest.raises(BadValue, match=message):
            asked_for(SPOKEN, 1, asked)
    assert torch.equal(asked_for(SPOKEN, 1, "one ann:0.5, three bob:0.5"), half)
    with pytest.raises(BadValue, match="is not a valid blend"):
        asked_for(SPOKEN, 1, "one ann:much")
    with pytest.raises(BadValue, match="non-negative"):
        asked_for(SPOKEN, 1, {"one": 0.0})


@pytest.mark.parametrize("name", ["wavegan", "specgan"])
def test_sounds_follow_class_speaker_and_seed(name: str) -> None:
    recipe = recipes.get(name)
    sampler = Sampler(recipe, recipe.tiny, SPOKEN, {k: v.eval() for k, v in recipe.build(recipe.tiny, SPOKEN).items()})
    one, again, other = (sampler.sample(2, seed=3, label=label) for label in ("one ann", "one ann", "one bob"))
    assert torch.equal(one, again)
    assert one.shape == (2, 2048)
    assert not torch.equal(one, other)
    assert not torch.equal(one, sampler.sample(2, seed=3, label="two ann"))


def test_silence_is_noticed_while_training() -> None:
    recipe = recipes.get("specgan")
    trainer = Trainer(recipe, recipe.tiny, example(recipe))
    loudness = trainer.train_step().observed["loudness"]
    assert 0 < float(loudness) < 10
    with torch.no_grad():
        trainer.networks["generator"].layers[-2].bias.fill_(-20)  # type: ignore[index, union-attr, operator]
        trainer.networks["generator"].layers[-2].weight.zero_()  # type: ignore[index, union-attr, operator]
    assert float(trainer.train_step().observed["loudness"]) < 0.05


@pytest.mark.slow
@needs_digits
def test_a_feature_net_learns_digits_and_speakers() -> None:
    """On takes that it was not trained on; 10 % and 17 % are chance."""
    net = trained_judge(steps=300)
    unseen = data.load("test:spoken_digits_pictures")
    right = (net.answers(unseen.arrays["real"]) == unseen.arrays["attributes"]).mean(0)
    assert right[0] >= 0.85, right
    assert right[1] >= 0.85, right
    # it is as accurate with Griffin-Lim's phases
    waves = torch.from_numpy(data.load("test:spoken_digits").arrays["wave"][::3])
    heard = levels(griffin_lim(spectrograms(waves, 8000), 8000).numpy())
    assert (net.answers(heard)[:, 0] == unseen.arrays["attributes"][::3, 0]).mean() >= 0.8


def trained_judge(steps: int) -> FeatureNet:
    recipe = recipes.get("feature_net")
    hparams = recipe.settings({
        "channels": 8, "max_channels": 64, "batch_size": 32, "augment": 0.3, "schedule": "cosine", "decay_steps": steps,
    })  # fmt: skip
    trainer = Trainer(recipe, hparams, data.load("spoken_digits_pictures"))
    for _ in range(steps):
        trainer.train_step()
    trainer.ema.refresh()
    return FeatureNet("digits", Sampler(recipe, hparams, trainer.spec, trainer.ema.networks))
