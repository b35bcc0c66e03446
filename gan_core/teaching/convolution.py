"""Geometry of transposed convolutions: sizes, numbers of weights, and the number of writes to each output place.

On a line, input i of a transposed convolution with kernel k, stride s and padding p writes outputs i s - p to
i s - p + k - 1. Where k isn't a multiple of s, places are written unequally often, which gives a checkerboard.
"""

from __future__ import annotations

import numpy as np


def output_size(inputs: int, kernel: int, stride: int, padding: int) -> int:
    """(n - 1) s - 2 p + k."""
    return (inputs - 1) * stride - 2 * padding + kernel


def writes(inputs: int, kernel: int, stride: int) -> np.ndarray:
    """The number of inputs that write to each output place on a line, without padding, (output_size,)."""
    found = np.zeros(output_size(inputs, kernel, stride, 0), dtype=int)
    for place in range(inputs):
        found[place * stride : place * stride + kernel] += 1
    return found


def uneven(kernel: int, stride: int) -> bool:
    """Whether places far from the border are written unequally often: k isn't a multiple of s."""
    return kernel % stride != 0


def stacked(inputs: int, kernel: int, stride: int, layers: int) -> np.ndarray:
    """The number of paths from all inputs to each output place through several layers."""
    paths = np.ones(inputs, dtype=int)
    for _layer in range(layers):
        spread = np.zeros(output_size(len(paths), kernel, stride, 0), dtype=int)
        for place, count in enumerate(paths):
            spread[place * stride : place * stride + kernel] += count
        paths = spread
    return paths


def dense_weights(inputs: int, outputs: int) -> int:
    """The number of weights of a fully connected layer, without biases."""
    return inputs * outputs


def convolution_weights(channels: int, new_channels: int, kernel: int) -> int:
    """The number of weights of a convolution at any image size: k^2 for each pair of channels."""
    return kernel**2 * channels * new_channels
