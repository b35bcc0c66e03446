"""Shared blocks against torch's own layers, and the memory that is kept between steps."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gan_core.layers import LatentStem, WholeImage, verdict_head


@pytest.mark.parametrize("bias", [False, True])
def test_the_stem_is_a_transposed_convolution(bias: bool) -> None:
    stem, theirs = LatentStem(5, 6, 4, bias), nn.ConvTranspose2d(5, 6, 4, bias=bias)
    theirs.load_state_dict(stem.state_dict())
    latents = torch.randn(3, 5)
    features = stem(latents)
    assert features.is_contiguous(memory_format=torch.channels_last)
    assert_close(features, theirs(latents[:, :, None, None]))


@pytest.mark.parametrize("bias", [False, True])
def test_the_head_is_a_convolution_as_large_as_the_image(bias: bool) -> None:
    head, theirs = WholeImage(5, 2, 4, bias), nn.Conv2d(5, 2, 4, bias=bias)
    theirs.load_state_dict(head.state_dict())
    features = torch.randn(3, 5, 4, 4)
    assert_close(head(features), theirs(features).flatten(1))


@pytest.mark.parametrize("size", [0, 4])
@pytest.mark.parametrize("minibatch", ["none", "discrimination", "standard_deviation"])
def test_heads_give_one_logit_each(size: int, minibatch: str) -> None:
    features = torch.randn(6, 5, size, size) if size else torch.randn(6, 5)
    assert verdict_head(5, size, minibatch)(features).shape == (6, 1)


PAGE_FAULTS = """
import resource
import torch
from gan_core.training.allocator import keep_freed_memory
kept = {kept}
if kept and not keep_freed_memory():
    print("unavailable")
    raise SystemExit
def step():
    tensors = [torch.ones(64, 16, 32, 32) for _ in range(8)]
for _ in range(3):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's allocator")
def test_freed_memory_is_taken_again() -> None:
    found = {}
    for kept in (False, True):
        command = [sys.executable, "-c", PAGE_FAULTS.format(kept=kept)]
        found[kept] = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if found[True] == "unavailable":
        pytest.skip("another C library")
    assert int(found[True]) < int(found[False]) / 5
