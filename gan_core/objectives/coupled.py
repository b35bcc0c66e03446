"""Two domains without pairs (CoGAN, 1606.07536).

    V = E[log D_1(x_1)] + E[log(1 - D_1(G_1(z)))] + E[log D_2(x_2)] + E[log(1 - D_2(G_2(z)))]         (section 3)

The generators share their first layers and the discriminators their last ones; nothing else couples the domains. The
second domain is made of the data set as the paper makes it of MNIST: the negatives of digits, or their edges. Every
other item of a batch is real in the first domain, the rest in the second, so that no image is seen in both at once.

Differs from the paper: each half of a batch has latents of its own, where the paper draws one z for both domains; an
image of the first domain can be one of the second in another epoch, where the paper halves the training set.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d

from gan_core.hparams import AdversarialHParams
from gan_core.knobs import knob
from gan_core.objectives.adversarial import Adversarial
from gan_core.objectives.base import Batch, StepContext
from gan_core.ranks import current

DOMAINS = ("negative", "edges")


@dataclass(frozen=True)
class CoupledHParams(AdversarialHParams):
    """The knobs of the objective."""

    second_domain: str = knob(
        "negative", choices=DOMAINS, label="Second domain", change="rebuild", group="objective",
        help="What the second domain shows: negatives of the images, or their edges.",
    )  # fmt: skip
    drawn_domain: str = knob(
        "first", choices=("first", "second"), label="Drawn domain", group="objective",
        help="Which of the two images of a latent is drawn as a sample. Does not affect training.",
    )  # fmt: skip


def in_second_domain(images: Tensor, kind: str) -> Tensor:
    """Images (B, C, H, W) in [-1, 1] as `negative` or `edges`: the difference to a dilation by one pixel."""
    if kind == "negative":
        return -images
    return max_pool2d(images, 3, stride=1, padding=1) - images - 1


class Coupled(Adversarial[CoupledHParams]):
    """CoGAN's objective. Networks: `generator(latents, domains)` and `discriminator(images, domains)`, domains int64
    (B,) with values 0 and 1; they replace the labels of a conditional GAN."""

    def __init__(self, hparams: CoupledHParams) -> None:
        super().__init__(hparams, conditional=True)

    def prepare(self, batch: Batch, context: StepContext[CoupledHParams]) -> Batch:
        """Every other item of the whole batch in the second domain; `label` says which."""
        images = batch["real"]
        ranks = current()
        places = ranks.place + ranks.parts * torch.arange(len(images), device=images.device)
        domains = places % 2
        second = in_second_domain(images, context.hparams.second_domain)
        return {"real": torch.where((domains == 1)[:, None, None, None], second, images), "label": domains}
