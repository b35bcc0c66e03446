"""Samples from a trained model, by seed and by class if the model is conditional."""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec, columns_for
from gan_core.errors import BadValue
from gan_core.gans import Recipe
from gan_core.layers.classes import Classes, Name, blended, parse_classes, place_of
from gan_core.media import medium_of
from gan_core.models import translator
from gan_core.runs.records import Checkpoint

CHUNK, CHUNK_PIXELS = 256, 256 * 256**2  # samples drawn at once, and their pixels, to bound the memory
MOST = 100_000
MOST_TRUNCATION = 1.5


class Sampler:
    """A model's averaged networks and their functions; created by `loading`.

    Latents are drawn on the CPU, so that a seed gives the same picture on every device. `checkpoint` is the one that a
    run's networks are from; the run may have continued since.
    """

    def __init__(
        self,
        recipe: Recipe,
        hparams: Any,
        spec: DataSpec,
        networks: Mapping[str, nn.Module],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.recipe = recipe
        self.hparams = hparams
        self.spec = spec
        self.networks = networks
        self.checkpoint = checkpoint

    def __repr__(self) -> str:
        task, shapes = self.recipe.task, ", ".join(f"{name} {shape}" for name, shape in self.spec.fields.items())
        classes = f", {self.spec.classes} classes" if self.recipe.conditional else ""
        return f"Sampler({self.recipe.name}: {task}, {shapes}{classes})"

    @property
    def columns(self) -> int:
        """The natural width of a sample grid: a column for each class if there are few, else 8 pictures."""
        if medium := medium_of(self.recipe.task):
            return medium.columns
        return columns_for(self.spec.classes if self.recipe.conditional else 0)

    def latents(self, count: int, seed: int, label: Classes | None = None) -> tuple[Tensor, Tensor | None]:
        """Latents (count, latent_size) and labels: one class or all in turn (count,), or a blend (count, classes).

        A class is given by its index or name, a blend as shares of classes, such as `{3: 0.5, 8: 0.5}`. A recipe with
        other conditions, such as words, interprets `label` itself.
        """
        if not 1 <= count <= MOST:
            raise BadValue("The number of samples must be between 1 and {most}, got {count}.", most=MOST, count=count)
        if self.recipe.translations:
            raise BadValue(
                "{recipe} translates images; it doesn't generate them from latents.", recipe=self.recipe.title
            )
        if not self.recipe.draws:
            raise BadValue("{recipe} classifies images; it doesn't generate them.", recipe=self.recipe.title)
        if label is not None and not self.recipe.conditional and self.recipe.conditions is None:
            raise BadValue("{recipe} is unconditional, so no class can be chosen.", recipe=self.recipe.title)
        generator = torch.Generator().manual_seed(operator.index(seed))  # also one of NumPy's
        # numbers are made in blocks of 16, and a last, shorter block would differ from that of a larger count
        rows = count + -count % 16
        latents = torch.randn(rows, self.hparams.latent_size, generator=generator)[:count]
        if self.recipe.conditions:
            return latents, self.recipe.conditions(self.spec, self.hparams, count, label)
        return latents, self._labels(count, label) if self.recipe.conditional else None

    def asked_for(self, text: Name | None) -> Classes | None:
        """The `label` that users write as text: a class or a blend (`cat:0.5,dog:0.5`), and of recipes with other
        conditions what these read, such as a sentence or a pose. Raises BadValue.
        """
        if not isinstance(text, str) or self.recipe.conditions or not self.recipe.conditional:
            return text
        return parse_classes(text, self.spec.class_names, self.spec.classes)

    def _labels(self, count: int, label: Classes | None) -> Tensor:
        classes, names = self.spec.classes, self.spec.class_names
        if label is None:
            return torch.arange(count) % classes
        if isinstance(label, Mapping):
            parts = {place_of(one, names, classes): share for one, share in label.items()}
            return blended(parts, classes, count)
        return torch.full((count,), place_of(label, names, classes))

    @torch.no_grad()
    def draw(self, latents: Tensor, labels: Tensor | None, psi: float | None = None) -> Tensor:
        """(B, C, H, W) in [-1, 1], or samples of the task's medium, on the CPU.

        `psi` in [0, 1.5] pulls samples towards the average, for models with truncation; None leaves them unchanged.
        Raises BadValue for an invalid `psi`.
        """
        self.check_truncation(psi)
        device = next(next(iter(self.networks.values())).parameters()).device
        parts = []
        chunk = max(1, min(CHUNK, CHUNK_PIXELS // math.prod(self.spec.shape[-2:])))
        for start in range(0, len(latents), chunk):
            chosen = None if labels is None else labels[start : start + chunk].to(device)
            inputs = self.networks, self.hparams, latents[start : start + chunk].to(device), chosen
            truncate = self.recipe.truncate
            part = self.recipe.draw(*inputs) if psi is None or truncate is None else truncate(*inputs, psi)
            parts.append(part.cpu())
        return torch.cat(parts)

    @torch.no_grad()
    def word_maps(self, latents: Tensor, tokens: Tensor, psi: float | None = None) -> Tensor | None:
        """The attention of each place to each word of tokens (B, T), as (B, T, H, W) on the CPU; `psi` as in `draw`.

        None for models that don't attend to words.
        """
        self.check_truncation(psi)
        if self.recipe.word_maps is None:
            return None
        device = next(next(iter(self.networks.values())).parameters()).device
        scaled = latents if psi is None else psi * latents
        maps = self.recipe.word_maps(self.networks, self.hparams, scaled.to(device), tokens.to(device))
        return None if maps is None else maps.cpu()

    def check_truncation(self, psi: float | None) -> None:
        """Raises BadValue for a truncation out of range, and for a model that can't be truncated."""
        if psi is None:
            return
        if self.recipe.truncate is None:
            raise BadValue("{recipe} doesn't support truncation.", recipe=self.recipe.title)
        if not 0 <= psi <= MOST_TRUNCATION:
            raise BadValue("The truncation must be between 0 and {most}, got {psi}.", most=MOST_TRUNCATION, psi=psi)

    def sample(self, count: int, seed: int = 0, label: Classes | None = None, psi: float | None = None) -> Tensor:
        """`count` samples, (count, C, H, W) in [-1, 1]; raises BadValue for an invalid count, class or truncation."""
        return self.draw(*self.latents(count, seed, label), psi)

    def translate(self, images: Tensor, direction: str = "") -> Tensor:
        """Images (B, C, H, W) in [-1, 1] in one of the recipe's directions; raises BadValue, see translator.py."""
        return translator.translate(self, images, direction)

    def fill(self, images: Tensor, holes: Tensor) -> Tensor:
        """Images (B, C, H, W) in [-1, 1] with their holes (B, 1, H, W) filled; raises BadValue, see translator.py."""
        return translator.fill(self, images, holes)

    def upscale(self, image: Tensor) -> Tensor:
        """One image (C, H, W) in [-1, 1], enlarged; raises BadValue if the model can't."""
        return translator.upscale(self, image)
