"""Sample images of models' cards, by the kind of model."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from gan_core import data
from gan_core.data.batches import HELD_OUT, to_device
from gan_core.data.parts import held_out
from gan_core.gans import Recipe
from gan_core.metrics.examination import examined
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.streams import chosen_places
from gan_core.models import publishing
from gan_core.models.publishing import Shown
from gan_core.models.sampler import Sampler
from gan_core.objectives.matching import retrieval
from gan_core.pictures.grids import png
from gan_core.training.comparing import compared, unseen
from gan_core.training.previews import JUDGED, side_by_side, sorted_by

CHUNK = 200  # pictures at once


def shows(recipe: Recipe, name: str, learnt: str, size: int) -> Callable[[Sampler], Shown]:
    """The function that draws the sample image of a model `name`, trained on the data set `learnt` at `size` pixels."""
    if recipe.task == "supervised":
        return partial(_judging, name, learnt, size)
    if recipe.task == "matching":
        return partial(_matching, learnt, size)
    return partial(_translating, learnt, size) if recipe.translations else publishing.samples


def _translating(learnt: str, size: int, sampler: Sampler) -> Shown:
    """Held-out items, not selected, each with the model's output."""
    return Shown(png(compared(sampler, unseen(sampler.recipe, learnt, size))))


def _matching(learnt: str, size: int, sampler: Sampler) -> Shown:
    """Held-out pictures, each with the match for its sentence among them, and the share of correct matches."""
    shown = data.load(held_out(learnt) or learnt, size)
    images = to_device(torch.from_numpy(shown.arrays["real"]), torch.device("cpu"))
    tokens = torch.from_numpy(shown.arrays["caption"])
    network = sampler.networks["clip"]
    with torch.no_grad():
        vectors = torch.cat([network.of_images(part) for part in torch.split(images, CHUNK)])  # type: ignore[operator]
        found = retrieval(vectors, network.of_words(tokens[:, 0]))  # type: ignore[operator]
    assert sampler.recipe.compare is not None
    batch = {"real": images[:HELD_OUT], "caption": tokens[:HELD_OUT]}
    with torch.no_grad():
        picture = png(side_by_side(sampler.recipe.compare(sampler.networks, sampler.hparams, batch)))
    count = len(vectors) // 100 * 100
    return Shown(picture, {f"found_first{count}": found["top1"], f"found_in_five{count}": found["top5"]})


def _judging(name: str, learnt: str, size: int, sampler: Sampler) -> Shown:
    """Images sorted by a net's predictions, and its scores, if there are held-out images."""
    apart = held_out(learnt)
    shown = data.load(apart or learnt, size)
    chosen = shown.arrays["real"][chosen_places(len(shown), JUDGED, seed=0)]
    images = to_device(torch.from_numpy(chosen), torch.device("cpu"))
    picture = png(sorted_by(sampler.networks["features"], images, sampler.spec))
    return Shown(picture, examined(FeatureNet(name, sampler), shown) if apart else {})
