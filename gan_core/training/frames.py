"""Makes the frames of a run of points: points, D's value everywhere, gradients, the warped grid (`runs/frames.py`).

Only the thread that owns the networks takes frames, between steps. Nothing is drawn from the generators of the
training, networks are in evaluation mode meanwhile and then as before, and no gradient of a weight is touched.

A generated point x moves the generator's loss by its own term, so the arrow at x is the negative gradient of that term.
For the losses of D's logit l alone it is a factor times the slope of l:

    log(1 - D)     D(x) dl/dx            vanishes where D is sure of a fake
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
RENEWED = 3  # frames after which the density is counted anew
CHUNK = 256  # latents that are drawn at once
EDGE = 0.01  # probability of the noise that lies beyond each end of the lattice
LARGEST = 6e4  # that a float16 holds


class Camera:
    """Takes frames of one trainer."""

    def __init__(self, trainer: Trainer, reference: str) -> None:
        assert isinstance(trainer.hparams, AdversarialHParams)
        self._trainer = trainer
        self._half = reach(reference)
        random = torch.Generator().manual_seed(SEED)
        size = trainer.hparams.latent_size
        self._latents = torch.randn(SAMPLES, size, generator=random).to(trainer.device)
        self._drawn = torch.cat([self._latents[:POINTS], lattice(size).to(trainer.device)])  # at once: half the calls
        self._places = torch.from_numpy(centres(self._half, SIDE)).float().to(trainer.device)
        self._real = trainer.batches.first(POINTS)["real"]
        self._density: NDArray = np.zeros((SIDE, SIDE))
        self._age = RENEWED  # frames for which the density has been kept

    def take(self, whole: bool = True) -> NDArray:
        """A record of this moment.

        Half of the work is the generator's density: one that isn't `whole` has that of up to RENEWED frames before.
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
        # in parts that stay in the processor's cache: half the time
        made = torch.cat([generator(part) for part in torch.split(self._latents, CHUNK)])
        return smoothed(counted(made.cpu().numpy(), self._half, SIDE)).inside

    def _pulls(self, points: Tensor, logits: Tensor, slopes: Tensor) -> Tensor:
        """The negative gradient of each point's own share of the generator's loss, (N, 2)."""
        hparams = self._trainer.hparams
        assert isinstance(hparams, AdversarialHParams)
        objective = self._objective
        compares = objective.compares(hparams)
        if not compares and hparams.minibatch == "none":
            # each point by itself: by the chain rule dL/dx = dL/dl dl/dx, without another pass through D
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
    """The record of a run of points before its first step: untrained networks of these settings."""
    return Camera(Trainer(recipes.get("points"), hparams, data.load(reference)), reference).take()


def slopes_at(discriminator: nn.Module, points: Tensor) -> tuple[Tensor, Tensor]:
    """D's logits (N,) at points (N, 2) that require a gradient, and the gradient of each by its point, (N, 2)."""
    logits = discriminator(points)
    (slopes,) = torch.autograd.grad(logits.sum(), points)
    return logits.detach(), slopes


def lattice(latent_size: int) -> Tensor:
    """LATTICE x LATTICE latents (LATTICE^2, latent_size), between whose lines lies equally much of the noise.

    Of one number all of them in a row; of more than two a plane through 0.
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
    """All modules in evaluation mode, and afterwards each as it was."""
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
