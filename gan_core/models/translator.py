"""Image-to-image models: translation, super-resolution and inpainting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from gan_core.data.base import DataSpec
from gan_core.errors import BadValue
from gan_core.gans import Recipe
from gan_core.pictures.fits import CROP
from gan_core.pictures.grids import to_uint8
from gan_core.pictures.photos import fitted

CHUNK = 16  # images at once, to bound the memory
MOST_PIXELS = 4_000_000  # of all images in a call that are translated at once


class Model(Protocol):
    """The interface that is needed of a `Sampler`."""

    recipe: Recipe
    hparams: Any
    spec: DataSpec
    networks: Mapping[str, nn.Module]


def directions(sampler: Model) -> tuple[str, ...]:
    """The model's image-to-image functions by name; empty for a model that generates from latents."""
    return tuple(sampler.recipe.translations)


def direction_of(sampler: Model, direction: str = "") -> str:
    """The direction of that name, by default the first; raises BadValue for an unknown one."""
    recipe = sampler.recipe
    if not recipe.translations:
        raise BadValue("{recipe} generates images from latents; it doesn't translate images.", recipe=recipe.title)
    name = direction or next(iter(recipe.translations))
    if name not in recipe.translations:
        raise BadValue(
            "{recipe} has no direction '{direction}'. Valid: {valid}.",
            recipe=recipe.title, direction=name, valid=", ".join(recipe.translations),
        )  # fmt: skip
    return name


def translate_picture(
    sampler: Model, picture: np.ndarray, direction: str = "", fit: str = CROP, depth: int = 0
) -> np.ndarray:
    """A picture (H, W, C) of uint8 or uint16, made square by one of fits.FITS at the model's size, translated: uint8
    (S, S, C).

    `depth` is the number of bits of uint16 that are used; 0: as many as the levels need. Raises BadValue like
    `translate`, and BadData for a depth that can't hold every level.
    """
    pixels = fitted(picture, sampler.spec.size, sampler.spec.channels, fit, depth)
    images = torch.from_numpy(pixels)[None].float() / 127.5 - 1  # (C, S, S) -> (1, C, S, S)
    translated: np.ndarray = to_uint8(translate(sampler, images, direction))[0]
    return translated


@torch.no_grad()
def translate(sampler: Model, images: Tensor, direction: str = "") -> Tensor:
    """Images (B, C, H, W) in [-1, 1] by one of the model's `directions` (by default the first), on the CPU.

    Raises BadValue for an unknown direction, and for images whose shape the networks don't accept.
    """
    made = sampler.recipe.translations[direction_of(sampler, direction)]
    _check(sampler, images)
    device = next(next(iter(sampler.networks.values())).parameters()).device
    chunk = max(1, min(CHUNK, MOST_PIXELS // (images.shape[2] * images.shape[3])))
    parts = torch.split(images, chunk)
    return torch.cat([made(sampler.networks, sampler.hparams, part.to(device)).cpu() for part in parts])


def upscale(sampler: Model, image: Tensor) -> Tensor:
    """One image (C, H, W) in [-1, 1] enlarged by the model's factor; raises BadValue if it can't enlarge."""
    if "upscale" not in sampler.recipe.translations:
        raise BadValue("{recipe} is not a super-resolution model.", recipe=sampler.recipe.title)
    return translate(sampler, image[None], "upscale")[0]


@torch.no_grad()
def fill(sampler: Model, images: Tensor, holes: Tensor) -> Tensor:
    """Images (B, C, H, W) in [-1, 1] with the missing parts (`holes`, (B, 1, H, W), true there) generated, on the CPU.

    The rest stays unchanged. Raises BadValue if the model can't fill holes, for another shape, or without any hole.
    """
    made = sampler.recipe.fill
    if made is None:
        raise BadValue("{recipe} doesn't do inpainting.", recipe=sampler.recipe.title)
    _check(sampler, images)
    if holes.shape != (len(images), 1, *images.shape[2:]) or holes.dtype != torch.bool:
        raise BadValue("The mask must be boolean, of shape {shape}.", shape=(len(images), 1, *images.shape[2:]))
    if not holes.any():
        raise BadValue("The mask is empty: paint over the region to fill.")
    device = next(next(iter(sampler.networks.values())).parameters()).device
    inputs = sampler.networks, sampler.hparams, images.to(device), holes.to(device)
    return made(*inputs).cpu()


def _check(sampler: Model, images: Tensor) -> None:
    channels, size = sampler.spec.channels, sampler.spec.size
    if images.ndim != 4 or images.shape[1] != channels or not len(images):
        raise BadValue(
            "Images must have the shape (count, {channels}, height, width), not {shape}.",
            channels=channels, shape=tuple(images.shape),
        )  # fmt: skip
    if images.shape[2] * images.shape[3] > MOST_PIXELS:
        raise BadValue("An image may have at most {most} pixels.", most=MOST_PIXELS)
    if sampler.recipe.task != "super_resolution" and images.shape[2:] != (size, size):
        raise BadValue(
            "{recipe} takes images of {size}x{size} pixels, not {width}x{height}.",
            recipe=sampler.recipe.title, size=size, height=images.shape[2], width=images.shape[3],
        )  # fmt: skip
