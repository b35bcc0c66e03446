"""Held-out items beside a translation model's output: the sample image of its card."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_core import data
from gan_core.data.base import NOT_SHOWN_TO_NETWORKS, DataSet
from gan_core.data.batches import HELD_OUT, to_device
from gan_core.data.parts import held_out
from gan_core.gans import Recipe
from gan_core.metrics.streams import chosen_places
from gan_core.models.sampler import Sampler
from gan_core.training.previews import LINES, SIDE, side_by_side

LARGE = 64  # pixels; half as many larger images are shown


def unseen(recipe: Recipe, name: str, size: int, seed: int = 0) -> dict[str, Tensor]:
    """A batch of held-out items of a data set, chosen by the seed.

    They come from the test split if there is one, else from the last items, which every run holds out. Raises BadData.
    """
    lines = LINES if size <= LARGE else LINES // 2
    count = lines * max(1, SIDE // len(recipe.compared))
    apart = held_out(name)
    found = data.load(apart or name, size)
    batch = {}
    for field, array in found.arrays.items():
        if field not in NOT_SHOWN_TO_NETWORKS:
            places = chosen_places(len(found), count, seed) if apart else _left_out(found, array, count, seed)
            batch[field] = to_device(torch.from_numpy(array[places]), torch.device("cpu"))
    return batch


def _left_out(found: DataSet, array: np.ndarray, count: int, seed: int) -> np.ndarray:
    kept = min(HELD_OUT, len(found) // 4)
    return len(array) - kept + chosen_places(kept, count, seed)


def compared(sampler: Sampler, batch: dict[str, Tensor]) -> Image.Image:
    """Each item beside the model's output, in the order of `recipe.compared`."""
    compare = sampler.recipe.compare
    assert compare is not None
    with torch.no_grad():
        return side_by_side(compare(sampler.networks, sampler.hparams, batch))
