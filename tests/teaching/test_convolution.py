"""Sizes, weights and overlaps of transposed convolutions, against torch's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from gan_core.teaching import convolution


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(4, 2, 1), (3, 2, 1), (5, 3, 0), (2, 1, 0)])
def test_sizes_and_weights_are_torchs(kernel: int, stride: int, padding: int) -> None:
    layer = nn.ConvTranspose2d(3, 5, kernel, stride, padding, bias=False)
    made = layer(torch.zeros(1, 3, 7, 7))
    assert made.shape[-1] == convolution.output_size(7, kernel, stride, padding)
    assert layer.weight.numel() == convolution.convolution_weights(3, 5, kernel)
    assert nn.Linear(6, 9, bias=False).weight.numel() == convolution.dense_weights(6, 9)


@pytest.mark.parametrize("kernel", range(1, 7))
@pytest.mark.parametrize("stride", range(1, 4))
def test_writes_are_counted_by_a_layer_of_ones(kernel: int, stride: int) -> None:
    ones = torch.ones(1, 1, 9, dtype=torch.float64)
    known = torch.nn.functional.conv_transpose1d(ones, torch.ones(1, 1, kernel, dtype=torch.float64), stride=stride)
    found = convolution.writes(9, kernel, stride)
    np.testing.assert_array_equal(found, known[0, 0].numpy().astype(int))
    inside = found[kernel + stride : -(kernel + stride)]
    assert (len(set(inside.tolist())) > 1) == convolution.uneven(kernel, stride)


def test_stacked_layers_multiply_the_pattern() -> None:
    ones, kernel = torch.ones(1, 1, 6, dtype=torch.float64), torch.ones(1, 1, 3, dtype=torch.float64)
    for _layer in range(2):
        ones = torch.nn.functional.conv_transpose1d(ones, kernel, stride=2)
    np.testing.assert_array_equal(convolution.stacked(6, 3, 2, 2), ones[0, 0].numpy().astype(int))
    np.testing.assert_array_equal(convolution.stacked(6, 3, 2, 1), convolution.writes(6, 3, 2))


def test_what_the_lesson_says() -> None:
    assert convolution.output_size(8, 4, 2, 1) == 16
    assert convolution.dense_weights(8 * 8 * 64, 16 * 16 * 32) == 33_554_432
    assert convolution.convolution_weights(64, 32, 4) == 32_768
    assert not convolution.uneven(4, 2)
    assert convolution.uneven(3, 2)
    assert convolution.uneven(5, 2)
