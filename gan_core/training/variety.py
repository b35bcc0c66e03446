"""The variety of a run's samples, which losses and accuracies can't show: they can be balanced after a mode collapse.

    points with known modes   modes/covered: modes with 20 close samples; modes/reached: modes that are the nearest to
                              a fair share of the samples; modes/near: the share of samples that lie close to a mode
    other points              data_reached: the share of real points with a sample nearby (coverage, 2002.09797)
    all points                kl, js (bits) and sliced_wasserstein: how far the samples are from the data's density, and
                              what as many real points score (metrics/density.py)
    images                    variety: how far samples lie apart, as a share of how far real images do

Images are compared as the shelf's feature net for their data set sees them, else by their pixels. Two distances are
taken, the root mean square of all pairs and the mean to the nearest other, and `variety` is the lower share of the two:
samples of a few sharp modes are far apart on average, but each has a twin. Under a conditional GAN only images of one
class are compared, so that its classes don't stand in for variety.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from gan_core.data.catalogue import modes_of
from gan_core.data.mixtures import is_known
from gan_core.data.parts import whole
from gan_core.errors import GanscopeError
from gan_core.metrics import density
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.neighbours import manifold
from gan_core.metrics.points import SAMPLES, coverage
from gan_core.models import listing
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8
from gan_core.training.trainer import Trainer

logger = logging.getLogger(__name__)

SEED = 0
IMAGES = 128  # samples and real images that are compared
LEAST = 8  # real images below which nothing can be said of their variety
POINTS = 500  # where no modes are known
PIXELS = 16  # side to which images are shrunk where no net knows them
NET = "features."  # with a data set's name: the shelf's net for it

Examine = Callable[[], dict[str, float]]
Describe = Callable[[np.ndarray], np.ndarray]  # uint8 images (N, C, H, W) -> features (N, d)


def examiner(trainer: Trainer, reference: str) -> Examine | None:
    """Looks at samples of the averaged networks, by the metrics' names; None where there are none to look at.

    `reference`: what the run learns from. Looking never changes the training.
    """
    recipe = trainer.recipe
    if recipe.compare or not recipe.draws:
        return None
    sampler = Sampler(recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    look = _points(trainer, sampler, reference) if recipe.task == "points" else _images(trainer, sampler, reference)
    if look is None:
        return None

    def examine() -> dict[str, float]:
        trainer.ema.refresh(trainer.hparams.ema)
        found = look()
        # weights that are spoilt draw no numbers: the losses tell of it
        return found if all(np.isfinite(list(found.values()))) else {}

    return examine


def _points(trainer: Trainer, sampler: Sampler, reference: str) -> Examine:
    latents = sampler.latents(density.SAMPLES, SEED)
    known = density.yardstick(reference) if is_known(reference) else None
    modes = modes_of(reference)
    real = trainer.batches.spread(POINTS)["real"].cpu().numpy()

    def look() -> dict[str, float]:
        samples = sampler.draw(*latents).numpy()
        if not np.isfinite(samples).all():
            return {}
        measured = _distances_to(known, samples) if known else {}
        if modes is None:
            return measured | {"data_reached": manifold(real, samples[:POINTS]).coverage}
        counted = coverage(samples[:SAMPLES], modes)
        return measured | {
            "modes/covered": counted.covered, "modes/reached": counted.reached, "modes/near": counted.quality,
        }  # fmt: skip

    return look


def _distances_to(known: density.Yardstick, samples: np.ndarray) -> dict[str, float]:
    far, floor = known.measure(samples.astype(np.float64)), known.floor
    return {
        "distance/kl": far.kl, "distance/kl_floor": floor.kl, "distance/js": far.js, "distance/js_floor": floor.js,
        "distance/sliced": far.sliced, "distance/sliced_floor": floor.sliced,
    }  # fmt: skip


def _images(trainer: Trainer, sampler: Sampler, reference: str) -> Examine | None:
    real = trainer.batches.spread(IMAGES)
    count = len(real["real"])
    if count < LEAST:
        return None
    describe = describer(reference, trainer.spec.fields["real"])
    latents, labels = sampler.latents(count, SEED)
    apart = _distances(describe(as_bytes(real["real"])), real["label"].cpu() if labels is not None else None)
    if not all(apart):  # real images that are all the same
        return None

    def compare() -> dict[str, float]:
        found = _distances(describe(as_bytes(sampler.draw(latents, labels))), labels)
        return {"variety": min(made / real for made, real in zip(found, apart, strict=True))}

    return compare


def describer(reference: str, shape: tuple[int, ...]) -> Describe:
    """What the fitting net of the shelf sees in images, else their pixels."""
    net = shelved_net(reference, shape)
    if net is None:
        return _pixels
    return lambda images: np.concatenate([features for features, _ in net.predict(images)])


def shelved_net(reference: str, shape: tuple[int, ...]) -> FeatureNet | None:
    """The feature net of the shelf for a data set at this shape; None where there is none."""
    name = NET + whole(reference)
    try:
        net = FeatureNet.from_shelf(name) if name in listing.names() else None
    except GanscopeError as error:  # a damaged model is no reason not to train
        logger.warning("%s isn't used: %s", name, error)
        net = None
    return net if net is not None and net.shape == tuple(shape) else None


def _pixels(images: np.ndarray) -> np.ndarray:
    levels = torch.from_numpy(images).float()
    return adaptive_avg_pool2d(levels, min(PIXELS, *levels.shape[2:])).flatten(1).numpy()  # (N, C, H, W) -> (N, d)


def as_bytes(images: Tensor) -> np.ndarray:
    """Images (N, C, H, W) in [-1, 1], rounded to the 256 levels of a picture file."""
    return np.ascontiguousarray(to_uint8(images).transpose(0, 3, 1, 2))  # (N, H, W, C) -> (N, C, H, W)


def _distances(features: np.ndarray, labels: Tensor | None) -> tuple[float, float]:
    """Of features (N, d): the root mean square distance of all pairs, and the mean to the nearest other.

    With labels (N,) of pairs of one class alone; 0, 0 where there are none.
    """
    features = features.astype(np.float64)
    lengths = np.einsum("nd,nd->n", features, features)
    squares = np.maximum(lengths[:, None] + lengths - 2 * features @ features.T, 0)  # (N, N)
    pairs = ~np.eye(len(features), dtype=bool)
    if labels is not None:
        pairs &= (labels[:, None] == labels).numpy()
    paired = pairs.any(1)
    if not paired.any():
        return 0.0, 0.0
    nearest = np.where(pairs, squares, np.inf)[paired].min(1)
    return float(np.sqrt(squares[pairs].mean())), float(np.sqrt(nearest).mean())
