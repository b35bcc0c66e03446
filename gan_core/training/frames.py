"""Makes the frames of a run of points: points, D's value everywhere, gradients, the warped grid (`runs/frames.py`).

Only the thread that owns the networks takes frames, between steps. Frames never affect the training: they use separate
random generators, restore each network's mode and leave the gradients of weights alone.

A generated point x moves the generator's loss by its own term, so the arrow at x is the negative gradient of that term.
For the losses of D's logit l alone it is a factor times the slope of l:

    log(1 - D)     D(x) dl/dx            vanishes where D recognises a fake
    -log D         (1 - D(x)) dl/dx      large there

Both follow from the logit and its slope, which every frame holds; `pulls` is the gradient of the run's own loss, also
where that compares points with each other or with the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gan_core import data
from gan_core.data.mixtures import reach
from gan_core.gans import recipes
from gan_core.hparams import AdversarialHParams
from gan_core.metrics.density import SAMPLES, centres, counted, smoothed
from gan_core.objectives.adversarial import Adversarial, DiscriminatorOutput
from gan_core.runs.frames import LATTICE, POINTS, RECORD, SIDE
from gan_core.training.trainer import Trainer

SEED = 0
RENEWED = 3  # frames after which the density is computed again
CHUNK = 256  # latents that are drawn at once
EDGE = 0.01  # probability of noise beyond each end of the lattice
LARGEST = 6e4  # of a float16


class Camera:
    """Takes frames of one trainer."""

    def __init__(self, trainer: Trainer, reference: str) -> None:
        assert isinstance(trainer.hparams, AdversarialHParams)
        self._trainer = trainer
        self._half = reach(reference)
        random = torch.Generator().manual_seed(SEED)
        size = trainer.hparams.latent_size
        self._latents = torch.randn(SAMPLES, size, generator=random).to(trainer.device)
        self._drawn = torch.cat([self._latents[:POINTS], lattice(size).to(trainer.device)])  # half the calls
        self._places = torch.from_numpy(centres(self._half, SIDE)).float().to(trainer.device)
        self._real = trainer.batches.first(POINTS)["real"]
        self._density: NDArray = np.zeros((SIDE, SIDE))
        self._age = RENEWED  # frames since the density was computed

    def take(self, whole: bool = True) -> NDArray:
        """Takes a frame of the present state.

        Half of the work is the generator's density: a frame that isn't `whole` reuses one up to RENEWED frames old.
        """
        trainer = self._trainer
        generator, discriminator = trainer.networks["generator"], trainer.networks["discriminator"]
        record = np.zeros((), RECORD)
        record["step"] = trainer.step
        with evaluating(trainer.networks):
            with torch.no_grad():
                made = generator(self._drawn)
                record["field"] = _half(discriminator(self._places)).reshape(SIDE, SIDE)
            points = made[:POINTS].detach().requires_grad_()
            record["warp"] = _half(made[POINTS:]).reshape(LATTICE, LATTICE, 2)
            logits, slopes = slopes_at(discriminator, points)
            record["points"], record["logits"], record["slopes"] = _half(points), _half(logits), _half(slopes)
            record["pulls"] = _half(self._pulls(points, logits, slopes))
            if whole or self._age + 1 >= RENEWED:
                self._density, self._age = self._counted(generator), -1
        self._age += 1
        record["density"] = self._density
        return record

    @torch.no_grad()
    def _counted(self, generator: nn.Module) -> NDArray:
        # parts that fit in the processor's cache take half the time
        made = torch.cat([generator(part) for part in torch.split(self._latents, CHUNK)])
        return smoothed(counted(made.cpu().numpy(), self._half, SIDE)).inside

    def _pulls(self, points: Tensor, logits: Tensor, slopes: Tensor) -> Tensor:
        """The negative gradient of each point's own share of the generator's loss, (N, 2)."""
        hparams = self._trainer.hparams
        assert isinstance(hparams, AdversarialHParams)
        objective = self._objective
        compares = objective.compares(hparams)
        if not compares and hparams.minibatch == "none":
            # separately for each point: by the chain rule dL/dx = dL/dl dl/dx, without another pass through D
            judged = logits.clone().requires_grad_()
            loss = self._loss(hparams, DiscriminatorOutput(judged), None)
            (by_logit,) = torch.autograd.grad(loss, judged)
            return -len(points) * by_logit[:, None] * slopes  # terms are means
        discriminator = self._trainer.networks["discriminator"]
        real = objective.discriminate(discriminator, self._real, None, hparams.feature_matching) if compares else None
        fake = objective.discriminate(discriminator, points, None, hparams.feature_matching)
        (gradient,) = torch.autograd.grad(self._loss(hparams, fake, real), points)
        return -len(points) * gradient

    @property
    def _objective(self) -> Adversarial:
        objective = self._trainer.objective
        assert isinstance(objective, Adversarial)
        return objective

    def _loss(self, hparams: AdversarialHParams, fake: DiscriminatorOutput, real: DiscriminatorOutput | None) -> Tensor:
        terms = self._objective.generator_loss(hparams, fake, real, self._trainer.context)
        return torch.stack(list(terms.values())).sum()


def first_frame(reference: str, hparams: AdversarialHParams) -> NDArray:
    """The frame of a run of points before its first step: untrained networks with these settings."""
    return Camera(Trainer(recipes.get("points"), hparams, data.load(reference)), reference).take()


def slopes_at(discriminator: nn.Module, points: Tensor) -> tuple[Tensor, Tensor]:
    """D's logits (N,) at points (N, 2) that require a gradient, and each logit's gradient by its point, (N, 2)."""
    logits = discriminator(points)
    (slopes,) = torch.autograd.grad(logits.sum(), points)
    return logits.detach(), slopes


def lattice(latent_size: int) -> Tensor:
    """LATTICE x LATTICE latents (LATTICE^2, latent_size), whose lines are at equally spaced quantiles of the noise.

    Latents of one dimension are a row of them; those of more than two, a plane through 0.
    """
    count = LATTICE**2 if latent_size == 1 else LATTICE
    lines: Tensor = torch.special.ndtri(torch.linspace(EDGE, 1 - EDGE, count))
    if latent_size == 1:
        return lines[:, None]
    latents = torch.zeros(LATTICE**2, latent_size)
    latents[:, :2] = torch.cartesian_prod(lines, lines)
    return latents


@contextmanager
def evaluating(networks: Mapping[str, nn.Module]) -> Iterator[None]:
    """Sets all modules to evaluation mode, and restores each one's mode afterwards."""
    training = [module for network in networks.values() for module in network.modules() if module.training]
    try:
        for module in training:
            module.training = False
        yield
    finally:
        for module in training:
            module.training = True


def _half(values: Tensor) -> NDArray[np.float16]:
    return values.detach().float().clamp(-LARGEST, LARGEST).cpu().numpy().astype(np.float16)
