"""Samples of a model as one picture: a grid, a cloud of points, or the medium's drawing."""

from __future__ import annotations

from PIL import Image
from torch import Tensor

from gan_core.media import medium_of
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import grid, scatter, to_uint8


def sheet(sampler: Sampler, samples: Tensor, columns: int = 0) -> Image.Image:
    """Lays out samples (N, ...) from `sampler`, `columns` of them side by side (0: a suitable number)."""
    if sampler.recipe.task == "points":
        return scatter(samples.numpy(), samples.numpy())
    medium = medium_of(sampler.recipe.task)
    if medium:
        return grid(medium.pictures(samples.numpy(), sampler.spec), columns or medium.columns, gap=4)
    return grid(to_uint8(samples), columns or sampler.columns)


def usual_count(sampler: Sampler, pictures: int) -> int:
    """The number of samples on a sheet: whole rows of at least `pictures` pictures, or the medium's usual number."""
    medium = medium_of(sampler.recipe.task)
    return medium.shown if medium else -(-pictures // sampler.columns) * sampler.columns
