"""Attributes a discriminator's output to pixels: integrated gradients (1703.01365, equation 1).

    IG_i(x) = (x_i - x'_i) * mean over a in (0, 1) of dD(x' + a (x - x')) / dx_i

x' is a grey picture, D the discriminator's logit. All IG_i add up to D(x) - D(x') (completeness) if the mean is over
the whole path; with `steps` points on it there is an `error`, which should be shown beside every map.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data.base import Progress, silent
from gan_core.errors import BadValue
from gan_core.gans import Recipe

STEPS = 200  # with fewer, the sum can be off by a tenth and more
TOGETHER = 20  # points on the path at once, if the discriminator doesn't compare pictures with each other
GREY = 0.0
POSITIVE, NEGATIVE = (47, 158, 107), (192, 65, 127)  # colours of evidence for real, and against it


@dataclass(frozen=True)
class Attribution:
    """Evidence for a picture being real (positive) and against it, (B, H, W), summed over the colours."""

    maps: Tensor
    logits: Tensor  # (B,): the mean, for discriminators with several
    complete: Tensor  # (B,): ratio of the maps' sum to its exact value: near 1

    @property
    def error(self) -> Tensor:
        """The completeness error (B,): the relative error of the sum; 0 is exact."""
        return (self.complete - 1).abs()


def attribution(
    discriminator: nn.Module,
    images: Tensor,
    labels: Tensor | None = None,
    steps: int = STEPS,
    progress: Progress = silent,
) -> Attribution:
    """Attribution of pictures (B, C, H, W) in [-1, 1], with labels (B,) for a discriminator with classes, or poses
    (B, 2).

    Pictures are processed one at a time, so that those of one batch aren't compared with each other. Raises BadValue
    for fewer than one step.
    """
    if steps < 1:
        raise BadValue("The number of steps must be at least 1, got {steps}.", steps=steps)
    found = []
    for place, image in enumerate(images):
        progress(place / len(images), "Integrating gradients")
        found.append(_one(discriminator, image[None], None if labels is None else labels[place : place + 1], steps))
    progress(1.0, "Integrating gradients")
    maps, logits, complete = zip(*found, strict=True)
    return Attribution(torch.cat(maps), torch.cat(logits), torch.cat(complete))


def _one(discriminator: nn.Module, image: Tensor, labels: Tensor | None, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    def output(images: Tensor) -> Tensor:
        given = [] if labels is None else [labels.expand(len(images), *labels.shape[1:])]
        logits: Tensor = discriminator(images, *given)
        return logits.flatten(1).mean(1) if logits.ndim > 1 else logits  # (B, L) -> (B,)

    device = next(discriminator.parameters()).device
    image = image.to(device)
    labels = None if labels is None else labels.to(device)
    grey = torch.full_like(image, GREY)
    with torch.no_grad():
        logits, plain = output(image), output(grey)
        alone = torch.allclose(output(torch.cat([grey, image])), torch.cat([plain, logits]), atol=1e-4, rtol=1e-3)
    total = torch.zeros_like(image)
    places = (torch.arange(steps, device=device) + 0.5) / steps
    for some in torch.split(places, TOGETHER if alone else 1):
        between = grey.lerp(image, some[:, None, None, None]).requires_grad_()  # (1, C, H, W) -> (S, C, H, W)
        (slopes,) = torch.autograd.grad(output(between).sum(), between)
        total += slopes.sum(0, keepdim=True) / steps
    parts = (image - grey) * total
    whole, wanted = parts.sum((1, 2, 3)), logits - plain
    # nothing to explain: complete
    complete = torch.where((wanted == 0) & (whole == 0), torch.ones_like(wanted), whole / wanted)
    return parts.sum(1).cpu(), logits.cpu(), complete.cpu()


def check_explained(recipe: Recipe) -> None:
    """Raises BadValue for a model whose discriminator judges pictures together with words."""
    if recipe.task == "captions":
        raise BadValue(
            "{recipe} has no attribution maps: its discriminator also reads words. Choose a model that generates "
            "images without words.",
            recipe=recipe.title,
        )


def heat(maps: Tensor) -> np.ndarray:
    """Maps (B, H, W) as pictures, uint8 (B, H, W, 3): POSITIVE, NEGATIVE, and white for 0; each with its own scale.

    Full colour is reached at the 99th percentile, so that a single pixel doesn't make all others pale.
    """
    most = maps.abs().flatten(1).quantile(0.99, dim=1).clamp(min=1e-12)[:, None, None]
    strength = (maps / most).clamp(-1, 1)[..., None]  # (B, H, W, 1)
    positive, negative = (torch.tensor(colour, dtype=maps.dtype) for colour in (POSITIVE, NEGATIVE))
    colours = 255 - strength.abs() * (255 - torch.where(strength > 0, positive, negative))
    levels: np.ndarray = colours.round().to(torch.uint8).numpy()
    return levels
