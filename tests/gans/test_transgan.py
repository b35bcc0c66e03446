"""TransGAN's blocks: windows, relative positions, attention maps, and refusals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.gans.transgan import Attention, TransganHParams, _joined, _windows

TINY = recipes.get("transgan").tiny


def test_windows_are_cut_and_joined_without_loss() -> None:
    features = torch.randn(3, 5, 8, 8)
    tokens = _windows(features, 4)
    assert tokens.shape == (3 * 4, 16, 5)
    assert torch.equal(tokens[1, 0], features[0, :, 0, 4])  # the second window begins to the right of the first
    assert torch.equal(_joined(tokens, features.shape[1:]), features)


def test_a_window_as_large_as_the_map_is_attention_to_all() -> None:
    torch.manual_seed(0)
    whole, cut = Attention(8, 8, 2, grid=16), Attention(8, 8, 2, grid=4)
    assert (whole.whole, cut.whole) == (True, False)
    features = torch.randn(2, 8, 8, 8)
    changed = features.clone()
    changed[:, :, 7, 7] += 1
    for layer, reaches in ((whole, True), (cut, False)):
        torch.nn.init.normal_(layer.bias)
        moved = (layer(changed) - layer(features)).abs()[:, :, 0, 0].max()
        assert bool(moved > 1e-6) is reaches


def test_attention_agrees_with_pytorch_apart_from_the_bias_of_offsets() -> None:
    torch.manual_seed(0)
    ours = Attention(8, 4, 2, grid=4)
    theirs = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.project.weight.data, ours.project.bias.data
    theirs.out_proj.weight.data, theirs.out_proj.bias.data = ours.out.weight.data, ours.out.bias.data
    features = torch.randn(3, 8, 4, 4)
    tokens = features.flatten(2).transpose(1, 2)
    expected, _ = theirs(tokens, tokens, tokens, need_weights=False)
    assert torch.allclose(ours(features).flatten(2).transpose(1, 2), expected, atol=1e-6)
    torch.nn.init.normal_(ours.bias)
    shares = ours.shares(features)[0].reshape(16, 16)
    # from (0, 0) to (1, 2) and from (2, 1) to (3, 3) are one offset
    assert ours.offsets[0, 1 * 4 + 2] == ours.offsets[2 * 4 + 1, 3 * 4 + 3]
    assert ours.offsets[0, 6] != ours.offsets[6, 0]
    assert torch.allclose(shares.sum(1), torch.ones(16))


@pytest.mark.parametrize("size", [16, 32, 64])
def test_both_networks_show_their_attention(size: int) -> None:
    made = recipes.get("transgan").build(TINY, DataSpec({"real": (3, size, size)}))
    latents = torch.randn(2, TINY.latent_size)
    images = made["generator"](latents)
    assert images.shape == (2, 3, size, size)
    for network, given in ((made["generator"], latents), (made["discriminator"], images)):
        maps = network.attention_maps(given)
        assert maps
        for shares in maps.values():
            assert shares.shape[0] == 2
            assert shares.shape[1:3] == shares.shape[3:]
            assert torch.allclose(shares.sum((3, 4)), torch.ones(shares.shape[:3]), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"heads": 3}, "Channels must be a multiple of the number of heads"),
        ({"discriminator_channels": 24, "heads": 4}, "discriminator channels of 4 times that, got 16 and 24"),
        ({"grid_size": 12}, "The grid size must be a power of 2, got 12"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(changes: dict[str, int], says: str) -> None:
    with pytest.raises(BadValue, match=says):
        replace(TransganHParams(), **changes)
