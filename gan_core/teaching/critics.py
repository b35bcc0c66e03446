"""Critics on a line with three limits on their slope: clipping, gradient penalty, spectral norm.

A network with two hidden layers of 64 units learns to tell p, a narrow bell on the right, from q, a wide one on the
left, with the Wasserstein loss. Training takes seconds and torch, so the lesson shows curves stored in `critics.json`;
`python -m gan_core.teaching.critics` recomputes them, and a test trains one again.

    clipping            every weight is cut to [-c, c] after each step          (1701.07875, algorithm 1)
    gradient penalty    + weight E[(|f'(u)| - 1)^2], u between real and fake    (1704.00028, equation 3)
    spectral norm       W / sigma(W), sigma the largest singular value          (1802.05957, equation 8)
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_core.compiler import load_compiler_late
from gan_core.teaching.game import bell

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

KEPT = Path(__file__).with_name("critics.json")
PLACES = np.linspace(-4, 4, 161)
REAL, FAKE = (1.5, 0.4), (-1.0, 0.7)  # centre and spread of p and of q
SEED = 1  # of the initial weights: with others, a strong penalty keeps the critic at the slope -1
UNITS, BATCH, STEPS, RATE = 64, 256, 500, 2e-3
LIMITS: Mapping[str, tuple[float, ...]] = {  # method -> strengths: c, the penalty's weight, none
    "none": (0.0,),
    "clipping": (0.01, 0.03, 0.1, 0.3, 1.0),
    "gradient_penalty": (0.1, 1.0, 10.0),
    "spectral_norm": (0.0,),
}


@dataclass(frozen=True)
class Critic:
    """f at PLACES, 0 in the middle."""

    values: np.ndarray

    @property
    def slopes(self) -> np.ndarray:
        """f' at PLACES."""
        found: np.ndarray = np.gradient(self.values, PLACES)
        return found


def real() -> np.ndarray:
    """p at PLACES."""
    return bell(*REAL, PLACES)


def fake() -> np.ndarray:
    """q at PLACES."""
    return bell(*FAKE, PLACES)


def estimate(critic: Critic) -> float:
    """E_p[f] - E_q[f]; at most the steepest slope times W1."""
    return float(np.sum((real() - fake()) * critic.values) * (PLACES[1] - PLACES[0]))


def wasserstein() -> float:
    """W1(p, q) = integral of |F_p - F_q|."""
    step = PLACES[1] - PLACES[0]
    return float(np.abs(np.cumsum(real() - fake()) * step).sum() * step)


@cache
def kept(way: str, strength: float) -> Critic:
    """The stored critic with this limit."""
    return Critic(np.array(json.loads(KEPT.read_text(encoding="utf-8"))[way][f"{strength:g}"]))


def train(way: str, strength: float, steps: int = STEPS) -> Critic:
    """Trains a critic, deterministically."""
    import torch

    torch.manual_seed(SEED)
    network, random = _network(way), torch.Generator().manual_seed(0)
    load_compiler_late()
    optimiser = torch.optim.Adam(network.parameters(), RATE, betas=(0.0, 0.9))
    for _step in range(steps):
        optimiser.zero_grad()
        _loss(network, way, strength, random).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if way == "clipping":
            clip(network, strength)
    network.train(False)
    with torch.no_grad():
        values = network(torch.from_numpy(PLACES).float()[:, None])[:, 0].numpy().astype(float)
    return Critic(values - values[len(values) // 2])


def _network(way: str) -> nn.Module:
    from torch import nn
    from torch.nn.utils.parametrizations import spectral_norm

    layers: list[nn.Module] = [nn.Linear(1, UNITS), nn.Linear(UNITS, UNITS), nn.Linear(UNITS, 1)]
    if way == "spectral_norm":
        layers = [spectral_norm(layer) for layer in layers]
    return nn.Sequential(layers[0], nn.LeakyReLU(0.2), layers[1], nn.LeakyReLU(0.2), layers[2])


def _loss(network: nn.Module, way: str, strength: float, random: torch.Generator) -> Tensor:
    """E_q[f] - E_p[f] of a batch, with the penalty if requested."""
    import torch

    data, made = (
        centre + spread * torch.randn(BATCH, 1, generator=random) for centre, spread in (REAL, FAKE)
    )  # fmt: skip
    loss: Tensor = network(made).mean() - network(data).mean()
    if way == "gradient_penalty":
        loss = loss + strength * gradient_penalty(
            network, torch.lerp(made, data, torch.rand(BATCH, 1, generator=random))
        )
    return loss


def gradient_penalty(critic: nn.Module, between: Tensor) -> Tensor:
    """E[(|f'(u)| - 1)^2] at points u between real and fake ones."""
    import torch

    between = between.detach().requires_grad_()
    (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    penalty: Tensor = (slope.norm(dim=1) - 1).square().mean()
    return penalty


def clip(critic: nn.Module, limit: float) -> None:
    """Cuts every weight to [-limit, limit]."""
    for weight in critic.parameters():
        weight.data.clamp_(-limit, limit)


def spectral_norm(weights: np.ndarray) -> np.ndarray:
    """W / sigma(W): the layer stretches no input by more than 1."""
    found: np.ndarray = weights / np.linalg.svd(weights, compute_uv=False)[0]
    return found


def lipschitz_bound(layers: list[np.ndarray]) -> float:
    """The product of the layers' largest singular values: no slope of the network is larger."""
    return float(np.prod([np.linalg.svd(weights, compute_uv=False)[0] for weights in layers]))


def clipped_bound(limit: float, units: int = UNITS) -> float:
    """c^3 n^2: no slope of a clipped critic with two hidden layers of n units is larger."""
    return limit**3 * units**2


def penalised_slope(distance: float, weight: float) -> float:
    """1 + W / (2 weight): the slope s of a straight critic that minimises -s W + weight (s - 1)^2."""
    return 1 + distance / (2 * weight)


def main() -> None:
    """Writes all critics of the lesson."""
    made = {
        way: {f"{strength:g}": [round(float(value), 5) for value in train(way, strength).values]
              for strength in strengths}
        for way, strengths in LIMITS.items()
    }  # fmt: skip
    KEPT.write_text(json.dumps(made) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
