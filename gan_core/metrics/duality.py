"""The duality gap of the minimax game (1811.05512): the sum of both players' possible gains, in nats.

    V(D, G)  = E_p[log D(x)] + E_q[log(1 - D(x))]                                    (1406.2661, equation 1)
    gap      = max_D' V(D', G) - min_G' V(D, G')        >= 0; 0 at an equilibrium   (1811.05512, definition 1)

The first part is exact on the cells of the plane, where p is known and q is estimated (`metrics/density.py`): the best
D' is D*, which gives -log 4 + 2 JS(p, q) with JS in nats.

The second has no closed form. As in the paper, a copy of G is trained against the fixed D for some steps, by -log D,
whose gradient doesn't vanish where D is sure. The lowest of V's values on held-out noise is used. The best G' can't be
worse, so that `gap` is a lower estimate. `most` is an upper bound: it assumes a generator that puts all points into the
cell where D is largest.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gan_core.compiler import load_compiler_late
from gan_core.errors import BadValue
from gan_core.hparams import AdversarialHParams
from gan_core.metrics.density import SAMPLES, Yardstick, centres, js

LOSSES = ("non_saturating", "logistic", "minimax")  # losses whose D is that of V
STEPS = 100  # training steps of the copy
EVERY = 10  # steps between evaluations of V
SEED = 11
LOG4 = math.log(4)


@dataclass(frozen=True)
class DualityGap:
    """The results in nats: V(D, G), V(D*, G), the lowest V(D, G') that was reached, and the lowest possible one."""

    value: float
    best_discriminator: float
    best_generator: float
    lowest: float

    @property
    def gap(self) -> float:
        """A lower estimate of the duality gap; 0 if sampling noise would make it negative."""
        return max(0.0, self.best_discriminator - self.best_generator)

    @property
    def most(self) -> float:
        """An upper bound of it, for points that stay in the plane."""
        return max(0.0, self.best_discriminator - min(self.lowest, self.best_generator))


def check(hparams: AdversarialHParams) -> None:
    """Raises BadValue if V isn't the value of D's game."""
    if hparams.loss not in LOSSES or hparams.relativistic != "none" or hparams.minibatch != "none":
        raise BadValue(
            "The duality gap needs a D that gives each point a probability: one of the losses {valid}, no relativistic "
            "form and no minibatch layer.",
            valid=", ".join(LOSSES),
        )


def duality_gap(
    generator: nn.Module, discriminator: nn.Module, latent_size: int, rate: float, batch_size: int, known: Yardstick
) -> DualityGap:
    """Measures both parts; doesn't change the networks, which must be in evaluation mode, or the global generator.

    `rate`: the learning rate of the copy (Adam). Takes about 0.3 s for networks of the default size.
    """
    random = torch.Generator().manual_seed(SEED)
    device = next(generator.parameters()).device
    held_out = torch.randn(SAMPLES, latent_size, generator=random).to(device)
    copied = copy.deepcopy(generator)
    frozen = copy.deepcopy(discriminator).requires_grad_(False)

    def term(network: nn.Module) -> tuple[float, Tensor]:
        """E[log(1 - D(G(z)))] on held-out noise, and the points."""
        with torch.no_grad():
            points = network(held_out)
            return -float(softplus(frozen(points)).double().mean()), points

    fake, points = term(generator)
    p, q = known.real.flat(), known.density(points.double().cpu().numpy()).flat()
    with torch.no_grad():
        places = torch.from_numpy(centres(known.half, known.side)).float().to(device)
        logits = frozen(places).double().cpu().numpy()
    # hardly any data lie outside of the plane
    real = -float((p[:-1] * np.logaddexp(0, -logits)).sum())
    lowest_fake = -float(np.logaddexp(0, logits).max())
    load_compiler_late()
    optimizer = torch.optim.Adam(copied.parameters(), rate, betas=(0.5, 0.999))
    reached = [fake]
    for step in range(1, STEPS + 1):
        latents = torch.randn(batch_size, latent_size, generator=random).to(device)
        optimizer.zero_grad()
        torch.autograd.backward(softplus(-frozen(copied(latents))).mean())
        optimizer.step()
        if step % EVERY == 0:
            reached.append(term(copied)[0])
    return DualityGap(
        value=real + fake,
        best_discriminator=-LOG4 + 2 * math.log(2) * js(p, q),  # js in bits
        best_generator=real + min(reached),
        lowest=real + lowest_fake,
    )
