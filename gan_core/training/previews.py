"""Previews of a run: samples, generated over real points, translations, or images sorted by predicted class."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_core.data.base import DataSpec, fewer
from gan_core.data.batches import HELD_OUT
from gan_core.media import medium_of
from gan_core.metrics.domains import plane
from gan_core.models.sampler import Sampler
from gan_core.models.showing import sheet
from gan_core.objectives.base import Pool
from gan_core.objectives.supervised import split_logits
from gan_core.pictures.grids import BACKGROUND, grid, png, scatter, stacked, to_uint8
from gan_core.training.trainer import Trainer

SEED = 0
ROWS = 8
POINTS = 1000
MAPPED = 400  # items of each domain whose features are plotted
JUDGED = 128  # real images that a classifier's preview sorts
LINES = 6  # of items whose translation is shown
SIDE = 8  # pictures in a line, at most, if it holds several items
COLUMNS = 16  # classes shown by a classifier's preview, at most
POOLED, POOL_COLUMNS = 50, 10  # images of a pool that are shown, at most, and images per row
POOLED_SIDE = 64  # pixels of each, at most

Draw = Callable[[], Image.Image]


def previewer(trainer: Trainer) -> Callable[[], bytes]:
    """Returns a function that renders a PNG from the averaged networks; rendering never affects training."""
    draw = _drawer(trainer)

    def preview() -> bytes:
        trainer.ema.refresh()
        return png(draw())

    return preview


def pool_previewer(trainer: Trainer) -> Callable[[], bytes] | None:
    """Returns a function that renders a PNG of the replayed past fakes; None for a trainer without such a pool."""
    if not any(len(pool.images) for pool in trainer.objective.pools().values()):
        return None

    def preview() -> bytes:
        shown = [pooled(pool, trainer.step) for pool in trainer.objective.pools().values()]
        return png(grid(np.concatenate(shown), POOL_COLUMNS))

    return preview


def pooled(pool: Pool, step: int) -> np.ndarray:
    """A pool's images, the oldest first, (B, H, W, C) in whole rows, padded with blanks; of a large pool, every nth."""
    filled = int(pool.filled)
    oldest_first = pool.ages(step)[:filled].argsort(descending=True, stable=True)
    if filled > POOLED:
        oldest_first = oldest_first[torch.linspace(0, filled - 1, POOLED).long()]
    images = pool.images[oldest_first]
    if (side := max(images.shape[2:])) > POOLED_SIDE:
        images = interpolate(images, scale_factor=POOLED_SIDE / side, mode="area")
    levels = to_uint8(images)
    places = -(-min(POOLED, len(pool.images)) // POOL_COLUMNS) * POOL_COLUMNS
    blank = np.full((places - len(levels), *levels.shape[1:]), BACKGROUND, np.uint8)
    return np.concatenate([levels, blank])


def _drawer(trainer: Trainer) -> Draw:
    if trainer.recipe.compare:
        return _above_translated(trainer) if trainer.recipe.draws else _translated(trainer)
    if trainer.recipe.task == "adaptation":
        return _feature_map(trainer)
    if not trainer.recipe.draws:
        return _sorted_images(trainer)
    return _samples(trainer)


def _samples(trainer: Trainer) -> Draw:
    """Samples of fixed latents."""
    sampler = Sampler(trainer.recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    if trainer.recipe.task == "points":
        latents = sampler.latents(POINTS, SEED)
        real = trainer.batches.first(POINTS)["real"].cpu().numpy()
        return lambda: scatter(sampler.draw(*latents).numpy(), real)
    if medium := medium_of(trainer.recipe.task):
        latents = sampler.latents(medium.shown, SEED)
        return lambda: sheet(sampler, sampler.draw(*latents))
    rows, columns = (fewer(count, trainer.spec.size) for count in (ROWS, sampler.columns))
    latents = sampler.latents(rows * columns, SEED)
    return lambda: grid(to_uint8(sampler.draw(*latents)), columns)


def _translated(trainer: Trainer) -> Draw:
    """Held-out items, each with the model's output."""
    compare, batch = trainer.recipe.compare, trainer.batches.held_out() or trainer.batches.first(HELD_OUT)
    assert compare is not None

    def draw() -> Image.Image:
        with torch.no_grad():
            return side_by_side(compare(trainer.ema.networks, trainer.hparams, batch))

    return draw


def _above_translated(trainer: Trainer) -> Draw:
    """Samples, and below them the recipe's comparison."""
    above, below = _samples(trainer), _translated(trainer)
    return lambda: stacked(above(), below())


def side_by_side(kinds: Sequence[Tensor]) -> Image.Image:
    """Each item's images (B, C, H, W) of several kinds in a line, small ones enlarged; some items share a line."""
    height = max(kind.shape[2] for kind in kinds)
    alike = [kind.repeat_interleave(height // kind.shape[2], 2).repeat_interleave(height // kind.shape[3], 3)
             for kind in kinds]  # fmt: skip
    columns = len(kinds) * max(1, SIDE // len(kinds))
    cells = torch.stack(alike, 1)[: LINES * columns // len(kinds)].flatten(0, 1)  # (B, kinds, ...) -> (B * kinds, ...)
    return grid(to_uint8(cells), columns)


def _feature_map(trainer: Trainer) -> Draw:
    """The features of both domains in one plane, the first domain in grey."""
    batch = trainer.batches.first(MAPPED)

    def draw() -> Image.Image:
        network = trainer.ema.networks["features"]
        with torch.no_grad():
            features = [network(batch[domain])[0].cpu() for domain in ("a", "b")]
        first, second = plane(*features)
        return scatter(second, first)

    return draw


def _sorted_images(trainer: Trainer) -> Draw:
    images = trainer.batches.first(JUDGED)["real"]
    return lambda: sorted_by(trainer.ema.networks["features"], images, trainer.spec)


def sorted_by(network: nn.Module, images: Tensor, spec: DataSpec) -> Image.Image:
    """Images (B, C, H, W) by the class that a classifier gives, or by the attribute that has the most values."""
    with torch.no_grad():
        _, logits = network(images)
    answers = split_logits(logits, spec.questions)
    finest = max(answers, key=lambda answer: answer.shape[1])  # (B, its answers)
    return by_class(images, finest.argmax(1), min(finest.shape[1], COLUMNS))


def by_class(images: Tensor, predicted: Tensor, classes: int) -> Image.Image:
    """Columns for each class with the images (B, C, H, W) that were assigned to it, at most 2 * ROWS of them.

    One column, or several side by side where the classes are few.
    """
    levels, found = to_uint8(images), predicted.cpu().numpy()
    beside = max(1, ROWS // classes)
    rows = 2 * ROWS // beside
    cells = np.full((classes, rows * beside, *levels.shape[1:]), BACKGROUND, np.uint8)
    for label in range(classes):
        members = levels[found == label][: rows * beside]
        cells[label, : len(members)] = members
    sorted_cells = cells.reshape(classes, rows, beside, *levels.shape[1:]).swapaxes(0, 1)
    # (rows, classes, beside, H, W, C) -> (rows * classes * beside, H, W, C)
    return grid(sorted_cells.reshape(-1, *levels.shape[1:]), classes * beside)
