"""The best decoder and the best denoiser against the trainer's functions, samples and the numbers of the lesson."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan_core.gans import diffusion
from gan_core.objectives import denoising, variational
from gan_core.teaching import collapse, generative


def ring(count: int) -> np.ndarray:
    return collapse.RING.draw(np.random.default_rng(0), count)


def test_noise_is_added_as_the_trainer_adds_it() -> None:
    np.testing.assert_allclose(generative.kept(), denoising.kept(generative.LEVELS).numpy(), rtol=1e-5)
    points, noise = ring(5), np.random.default_rng(1).standard_normal((5, 2))
    share = torch.full((5,), 0.3, dtype=torch.float64)
    ours = denoising.add_noise(torch.from_numpy(points), torch.from_numpy(noise), share)
    np.testing.assert_allclose(generative.add_noise(points, noise, 0.3), ours.numpy())
    back = denoising.denoised(ours, torch.from_numpy(noise), share)
    np.testing.assert_allclose(back.numpy(), points)
    for steps in (1, 3, 50):
        assert generative.descent(steps) == diffusion.descent(generative.LEVELS, steps)


@pytest.mark.parametrize("share", [0.95, 0.5, 0.1])
def test_no_other_guess_of_the_clean_point_is_better(share: float) -> None:
    """The best denoiser is a regression: its error is uncorrelated with any function of its input."""
    points = ring(100_000)
    noise = np.random.default_rng(1).standard_normal(points.shape)
    noisy = generative.add_noise(points, noise, share)
    error = points - generative.clean(noisy, share)
    for function in (noisy, np.sin(2 * noisy), np.abs(noisy)):
        assert np.abs((error * function).mean(0)).max() < 0.02
    np.testing.assert_allclose(
        generative.add_noise(generative.clean(noisy, share), generative.noise_in(noisy, share), share), noisy
    )


def test_one_pass_is_the_mean_and_many_are_the_ring() -> None:
    noise = np.random.default_rng(0).standard_normal((collapse.SAMPLES, 2))
    once, often = generative.sample(noise, 1), generative.sample(noise, 50)
    assert np.abs(once).max() < 0.1
    assert collapse.covered(once) == 0
    assert collapse.covered(often) == 8
    assert collapse.shares(often).sum() > 0.95


def test_the_decoder_gives_the_mean_of_what_shares_a_latent() -> None:
    latents = np.random.default_rng(0).standard_normal(200_000)
    spread = 0.2
    modes = np.random.default_rng(1).integers(8, size=len(latents))
    seen = generative.PLACES[modes] + spread * latents  # the latents that the encoder gives to the modes
    error = collapse.RING.centres[modes] - generative.decoded(seen, spread)
    for function in (seen, np.cos(3 * seen)):
        assert np.abs((error * function[:, None]).mean(0)).max() < 0.02
    sharp, blurred = (collapse.shares(generative.decoded(latents[:2500], s)).sum() for s in (0.02, 0.3))
    assert sharp > 0.8 > 0.3 > blurred


def test_the_kl_term_is_the_trainers() -> None:
    mean, spread = np.array([0.3, -1.2]), np.array([0.5, 1.5])
    ours = variational.kl_to_normal(torch.from_numpy(mean)[None], torch.from_numpy(2 * np.log(spread))[None])
    assert generative.kl_to_normal(mean, spread) == pytest.approx(float(ours))
    assert generative.kl_to_normal(np.zeros(3), np.ones(3)) == 0
