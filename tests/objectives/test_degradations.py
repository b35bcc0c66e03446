"""Damage that an enlarging network learns from: repeatable, bounded, and as strong as requested."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan_core.objectives.degradations import blurred, compressed, degraded
from gan_core.objectives.fidelity import psnr


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def smooth() -> Tensor:
    """Colour ramps (8, 3, 24, 24) in [-1, 1]."""
    line = torch.linspace(-0.8, 0.8, 24)
    return torch.stack([line[:, None].expand(24, 24), line[None].expand(24, 24), torch.zeros(24, 24)]).repeat(
        8, 1, 1, 1
    )


def test_a_seed_damages_alike_and_stays_in_range(smooth: Tensor) -> None:
    first = degraded(smooth, generator(), 1.0, 1.0, 40.0, 20)
    assert torch.equal(first, degraded(smooth, generator(), 1.0, 1.0, 40.0, 20))
    assert first.shape == smooth.shape
    assert first.abs().max() <= 1
    assert not torch.equal(first, degraded(smooth, generator(1), 1.0, 1.0, 40.0, 20))


def test_the_share_is_damaged_and_the_rest_is_left_alone(smooth: Tensor) -> None:
    images = smooth.repeat(50, 1, 1, 1)
    after = degraded(images, generator(), 0.25, 0.0, 20.0, 100)
    touched = (after != images).flatten(1).any(1).float().mean()
    assert 0.19 < float(touched) < 0.31
    assert torch.equal(degraded(images, generator(), 0.0, 1.0, 20.0, 30), images)


def test_noise_has_the_spread_that_was_asked(smooth: Tensor) -> None:
    """Strengths are uniform up to the limit, so that the mean variance is a third of the limit's square."""
    images = torch.zeros(400, 1, 16, 16)
    variance = (degraded(images, generator(), 1.0, 0.0, 25.5, 100) * 127.5).var()
    assert float(variance) == pytest.approx(25.5**2 / 3, rel=0.12)


def test_a_gaussian_keeps_the_mean_and_spreads_a_dot() -> None:
    dot = torch.zeros(2, 1, 21, 21)
    dot[:, :, 10, 10] = 1
    after = blurred(dot, torch.tensor([0.0, 1.5]))
    torch.testing.assert_close(after[0], dot[0])
    places = torch.arange(21.0) - 10
    across = after[1, 0].sum(0)
    torch.testing.assert_close(across.sum(), torch.tensor(1.0))
    assert float((across * places**2).sum()) == pytest.approx(1.5**2, rel=0.03)


@pytest.mark.parametrize("channels", [1, 3])
def test_worse_quality_is_further_from_the_truth(channels: int) -> None:
    image = (torch.rand(1, 32, 32, generator=generator()) * 2 - 1).repeat(channels, 1, 1)
    near, far = (float(psnr(compressed(image, quality)[None], image[None])) for quality in (90, 10))
    assert near > far + 3
