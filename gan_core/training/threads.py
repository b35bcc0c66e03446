"""How many threads the operations of a run use."""

from __future__ import annotations

import os
from collections.abc import Mapping

from torch import nn

from gan_core.cores import LARGE, cores, threads_for
from gan_core.training import launch

SMALL = 300_000  # weights, up to which perceptrons train on one thread


def cpu_threads(networks: Mapping[str, nn.Module], values: int = LARGE) -> int:
    """Threads for a run's operations on items of `values` numbers each: one for small perceptrons, else as
    `cores.threads_for` says.

    Ranks on one machine share its cores. A run of one process takes no more threads than `OMP_NUM_THREADS` names, as
    PyTorch itself does (torchrun sets that variable for its processes, on any machine).
    """
    weights = [weight for network in networks.values() for weight in network.parameters()]
    small = sum(weight.numel() for weight in weights) < SMALL and all(weight.ndim < 4 for weight in weights)
    if small:
        return 1
    if launch.ranks_here() > 1:
        return max(1, cores() // launch.sharing())
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # the first number is for the outer level
    return min(cores(), int(asked)) if asked.isdecimal() and int(asked) else threads_for(values)
