"""What the discriminator looks at: integrated gradients of its verdict (1703.01365, equation 1).

    IG_i(x) = (x_i - x'_i) * mean over a in (0, 1) of dD(x' + a (x - x')) / dx_i

x' is a grey picture. All IG_i add up to D(x) - D(x') (completeness), which `complete` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadCheckpoint
from gan_core.gans import recipes
from gan_core.models import shelf
from gan_core.models.card import read_card
from gan_core.models.listing import folder_of

STEPS = 32
GREY = 0.0


@dataclass(frozen=True)
class Attribution:
    """What speaks for a picture being real (positive) and against it, (B, H, W), summed over the colours."""

    maps: Tensor
    logits: Tensor  # (B,)
    complete: Tensor  # (B,): what the maps add up to, over what they should: near 1


def attribution(
    discriminator: nn.Module, images: Tensor, labels: Tensor | None = None, steps: int = STEPS
) -> Attribution:
    """Of pictures (B, C, H, W) in [-1, 1], with labels (B,) for a discriminator that knows classes.

    Pictures go through it one at a time, so that those of one batch aren't compared with each other.
    """
    found = [
        _one(discriminator, image[None], None if labels is None else labels[place : place + 1], steps)
        for place, image in enumerate(images)
    ]
    maps, logits, complete = zip(*found, strict=True)
    return Attribution(torch.cat(maps), torch.cat(logits), torch.cat(complete))


def _one(discriminator: nn.Module, image: Tensor, labels: Tensor | None, steps: int) -> tuple[Tensor, Tensor, Tensor]:
    def verdict(images: Tensor) -> Tensor:
        logits: Tensor = discriminator(images) if labels is None else discriminator(images, labels)
        return logits

    device = next(discriminator.parameters()).device
    image = image.to(device)
    labels = None if labels is None else labels.to(device)
    grey = torch.full_like(image, GREY)
    total = torch.zeros_like(image)
    for place in range(steps):
        between = grey.lerp(image, (place + 0.5) / steps).requires_grad_()
        (slope,) = torch.autograd.grad(verdict(between).sum(), between)
        total += slope / steps
    parts = (image - grey) * total
    with torch.no_grad():
        logits, plain = verdict(image), verdict(grey)
    return parts.sum(1).cpu(), logits.cpu(), (parts.sum((1, 2, 3)) / (logits - plain)).cpu()


def discriminator_of(name: str) -> nn.Module:
    """The discriminator of a model of the shelf; raises UnknownName, or BadCheckpoint where its file has none."""
    folder = folder_of(name)
    described = read_card(folder)
    spec = {"fields": described.fields, "classes": len(described.class_names), "class_names": described.class_names}
    return discriminator_from(described.recipe, shelf.state_of(folder, described) | {
        "hparams": described.hparams, "spec": spec,
    })  # fmt: skip


def discriminator_from(recipe_name: str, state: Mapping[str, Any]) -> nn.Module:
    """From a checkpoint's state; in evaluation mode. Raises BadCheckpoint where it has none."""
    recipe = recipes.get(recipe_name)
    weights = state.get("networks", {}).get("discriminator")
    if weights is None:
        raise BadCheckpoint("The file of this model has no discriminator.")
    built = recipe.build(recipe.settings(state["hparams"]), DataSpec.from_state(state["spec"]))
    discriminator = built["discriminator"].eval().requires_grad_(False)
    discriminator.load_state_dict(weights)
    return discriminator
