"""Measures the speed-up of bfloat16 on this machine.

The CPU's name doesn't show it: a CPU with AMX or AVX-512 BF16 runs convolutions about twice as fast in bfloat16, while
one without runs them up to a hundred times slower, and both occur under the same model name on virtual machines.
"""

from __future__ import annotations

import time
from functools import lru_cache
from statistics import median

import torch
from torch import nn

ROUNDS = 5
TIRED = 0.5  # seconds for a single pass in bfloat16, above which no further ones are needed


@lru_cache
def bf16_speedup(device: str = "cpu") -> float:
    """Ratio of the times of a convolution's forward and backward pass, float32 over bfloat16.

    3x3, 64 channels, 4 x 32 x 32 places, channels last, on as many threads as PyTorch has now; medians of ROUNDS. Takes
    about a tenth of a second if bfloat16 is fast, and at most two if it isn't. 2.0 means twice as fast.
    """
    with torch.random.fork_rng(devices=[]):
        layers = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(64, 64, 3, padding=1))
        images = torch.randn(4, 64, 32, 32).to(device).contiguous(memory_format=torch.channels_last)
    layers = layers.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]

    def one(low: bool) -> float:
        begun = time.perf_counter()
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=low):
            made = layers(images)
        made.float().square().mean().backward()
        if device.startswith("cuda"):
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    full, low = [], []
    one(low=False)  # the first pass of each also chooses its kernels
    slow = one(low=True) > TIRED
    for _ in range(1 if slow else ROUNDS):
        full.append(one(low=False))
        low.append(one(low=True))
    return median(full) / median(low)
