"""Fits data to the networks: their number of channels, the labels that they were trained on, and enough images."""

from __future__ import annotations

from typing import Any

from gan_core.data.base import OF_PICTURES, DataSet, DataSpec
from gan_core.data.channels import in_channels
from gan_core.data.parts import user_images_of
from gan_core.data.user.labels import matched
from gan_core.errors import BadData
from gan_core.gans import Recipe
from gan_core.models import lending

LEAST = 2  # images; from one a generator can only learn that picture
VARIED = 100  # images from which on samples can be more than copies, with augmentation (2006.10738)


def check_count(data: DataSet) -> None:
    """Raises BadData if the user's images are too few to train on."""
    if user_images_of(data.name) and data.spec.task in OF_PICTURES and len(data) < LEAST:
        raise BadData(
            "At least {least} images are needed to train on, and {varied} or more for varied samples; usable here: "
            "{count}.",
            least=LEAST, varied=VARIED, count=len(data),
        )  # fmt: skip


def suited(data: DataSet, recipe: Recipe, hparams: Any, learnt: DataSpec | None = None) -> DataSet:
    """Fits and checks a data set for networks trained on `learnt` data, or for new ones (None).

    Raises BadData if its classes differ from the learnt ones, it isn't what the recipe needs, or it has too few images;
    BadValue if the recipe can't generate such images or a borrowed network doesn't fit.
    """
    check_count(data)
    if data.spec.task != "points":
        data = in_channels(data, (learnt or lending.widened(recipe, hparams, data.spec)).channels)
    recipe.check_data(data.spec)
    lending.check(recipe, hparams, data.spec)
    return matched(data, _names(learnt, data)) if learnt and recipe.labelled else data


def _names(learnt: DataSpec, data: DataSet) -> tuple[str, ...]:
    """The names of the learnt classes. Before names were stored, folders were sorted as text."""
    if learnt.class_names or not user_images_of(data.name) or learnt.classes != len(data.class_names):
        return learnt.class_names
    return tuple(sorted(data.class_names))
