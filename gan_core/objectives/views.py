"""The adversarial objective of generators of scenes: both players know where the camera was.

    L_D = E[l_real(D(x, p))] + E[l_fake(D(G(z, p), p))] + penalty                      (2112.07945, section 4.3)

A batch of views x brings its poses p (B, 2), in degrees; generated scenes are seen from the same poses. A discriminator
that is given the pose detects a scene that turns its front to every camera.
"""

from __future__ import annotations

from torch import Tensor

from gan_core.hparams import AdversarialHParams
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import Batch, StepContext


class Views(Adversarial[AdversarialHParams]):
    """Networks: `generator(latents, poses)` and `discriminator(images, poses)`."""

    def __init__(self, hparams: AdversarialHParams) -> None:
        super().__init__(hparams, conditional=True)

    def prepare(self, batch: Batch, context: StepContext[AdversarialHParams]) -> Batch:
        """The pose replaces the label."""
        return {**batch, "label": batch["pose"]}

    def labels(self, batch: Batch, context: StepContext[AdversarialHParams]) -> Tensor | None:
        return batch["pose"]
