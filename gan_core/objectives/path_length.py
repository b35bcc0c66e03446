"""Path length regularisation (1912.04958, section 3.2): equal steps in w should change every image equally.

    L_path = weight E_w,y [(|J_w^T y| - a)^2],   J_w^T y = grad_w (g(w) . y),   y ~ N(0, I)             (equation 4)

`a` is the running mean of the lengths |J_w^T y|. As in the published code, w is taken per layer (L layers) and both
sides are scaled: |.|^2 is the mean over layers, and y is divided by sqrt(H W). With this scaling, the paper's weight
ln 2 / (r^2 (ln r - ln 2)) (appendix B) is 2 at every resolution r, because L = 2 (log2 r - 1).

It is a lazy phase of the generator with its own, smaller batch; the gradient reaches the mapping network too. Differs
from the paper: `a` starts as a plain mean, so that short runs do not pull the lengths towards 0, and there is no style
mixing.

When to use it: if w will be interpolated, edited or inverted; it costs about a tenth of a step's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

import torch
from torch import Tensor

from gan_core.data.base import DataSpec
from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob, unless
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import Batch, Networks, Phase, StepContext
from gan_core.ranks import batch_mean, normal

DECAY = 0.99  # of the running mean length, per update


@dataclass(frozen=True)
class PathLengthHParams(AdversarialHParams):
    """The knobs of path length regularisation."""

    path_weight: float = knob(
        2.0, 0.0, 100.0, label="Path length weight", group="objective",
        help="Weight of path length regularisation, which makes equal steps in w change the image equally; 0 turns it "
        "off.",
    )  # fmt: skip
    path_every: int = knob(
        8, 1, 64, label="Path length interval", unit="steps", group="objective",
        acts_when=unless(path_weight=0.0),
        help="Lazy regularisation: computes the path length term once every this many steps and multiplies its weight "
        "accordingly.",
    )  # fmt: skip
    path_shrink: int = knob(
        2, 1, 16, label="Path length batch reduction", unit="times", group="objective",
        acts_when=unless(path_weight=0.0),
        help="Divides the batch size for path length regularisation, to save time and memory.",
    )  # fmt: skip


class StyleNetwork(Protocol):
    """The interface that the objective requires of a generator."""

    def mapping(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        """Latents (B, latent_size)[, labels (B,)] -> w (B, w_size)."""

    def repeated(self, w: Tensor) -> Tensor:
        """w (B, w_size) for each of the L layers, (B, L, w_size)."""

    def synthesis(self, ws: Tensor) -> Tensor:
        """Images (B, C, H, W)."""


class PathLength(Adversarial[PathLengthHParams]):
    """The adversarial objective for a style-based generator, with path length regularisation."""

    mean: Tensor
    updates: Tensor

    def setup(self, networks: Networks, spec: DataSpec) -> None:
        super().setup(networks, spec)
        device = next(networks["generator"].parameters()).device
        self.register_buffer("mean", torch.zeros((), device=device))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64, device=device))
        self._measured: Tensor | None = None

    def phases(self, hparams: PathLengthHParams) -> Sequence[Phase]:
        phases = list(super().phases(hparams))
        if hparams.path_weight:
            every = hparams.path_every
            phases.append(
                Phase(
                    name="path_length",
                    role="generator",
                    group="generator",
                    terms=self._path_terms,
                    every=every,
                    exact=True,
                )
            )
        return phases

    def _path_terms(
        self, networks: Networks, batch: Batch, context: StepContext[PathLengthHParams]
    ) -> dict[str, Tensor]:
        hparams = context.hparams
        fresh = context.next_batch(max(1, len(batch["real"]) // hparams.path_shrink))
        latents = context.latents(len(fresh["real"]), hparams.latent_size)
        generator = cast(StyleNetwork, networks["generator"])
        ws = generator.repeated(generator.mapping(latents, self.labels(fresh, context)))
        images = generator.synthesis(ws)
        directions = normal(images.shape, context.generator).to(images.device)
        lengths = path_lengths(ws, images, directions)
        context.observe("path_length", lengths)
        self._measured = batch_mean(lengths.detach())
        return {"path_length": hparams.path_weight * (lengths - self._updated_mean()).square().mean()}

    def _updated_mean(self) -> Tensor:
        """The running mean including this step's lengths."""
        assert self._measured is not None
        share = torch.clamp(1 / (1 + self.updates), min=1 - DECAY)
        return torch.lerp(self.mean, self._measured, share.to(self.mean.dtype))

    def after_step(self, context: StepContext[PathLengthHParams]) -> None:
        super().after_step(context)
        if self._measured is None:
            return
        self.mean.copy_(self._updated_mean())
        self.updates += 1
        self._measured = None


def path_lengths(ws: Tensor, images: Tensor, directions: Tensor) -> Tensor:
    """|J_w^T y| for each image, (B,), differentiable; ws (B, L, w_size), y = directions (B, C, H, W) / sqrt(H W)."""
    height, width = images.shape[2:]
    projected = (images * directions).sum() / (height * width) ** 0.5
    (slopes,) = torch.autograd.grad(projected, ws, create_graph=True)
    return slopes.square().sum(2).mean(1).sqrt()
