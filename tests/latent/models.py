"""Tiny models with random weights, as they are loaded."""

from __future__ import annotations

import torch

from gan_core.data.base import DataSpec
from gan_core.gans import recipes
from gan_core.knobs import changed
from gan_core.latent.attribute_classifier import AttributeClassifier
from gan_core.latent.explorer import Explorer
from gan_core.layers.style_generator import StyleGenerator
from gan_core.models.sampler import Sampler


def explorer(name: str, size: int = 16, channels: int = 3, **knobs: object) -> Explorer:
    """A recipe at its tiny size, with 3 classes where it knows classes."""
    recipe = recipes.get(name)
    hparams = changed(recipe.tiny, knobs)
    side = recipe.fit_size(size)
    spec = DataSpec({"real": (channels, side, side), "label": ()}, 3)
    networks = {name: network.eval().requires_grad_(False) for name, network in recipe.build(hparams, spec).items()}
    kept = {name: networks[name] for name in recipe.ema_networks}
    made = Explorer(Sampler(recipe, hparams, spec, kept))
    if isinstance(made.generator, StyleGenerator):
        with torch.no_grad():
            made.generator.w_mean.copy_(made.read(made.sample(2_000, 9), "w").mean(0))
            for parameter_name, weight in made.generator.named_parameters():
                if parameter_name.endswith("strength"):  # visible noise
                    weight.fill_(0.3)
    return made


def colour_classifier(model: Explorer) -> AttributeClassifier:
    """Classifies by exactly known features: colour and brighter side, relative to the model's other pictures."""
    usual = model.draw(model.sample(500, 77)).mean(0)

    def logits(images: torch.Tensor) -> torch.Tensor:
        more = images - usual
        left, right = more.mean(1).chunk(2, 2)  # (B, H, W) -> (B, H, W / 2)
        return torch.cat([more.mean((2, 3)), (right.mean((1, 2)) - left.mean((1, 2)))[:, None]], 1)

    return AttributeClassifier({"colour": ("red", "green", "blue"), "right": ("yes",)}, logits)
