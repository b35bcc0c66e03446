"""The variety of a run's samples, which losses and accuracies don't show: they can be balanced after a mode collapse.

    points with known modes   modes/covered: modes with 20 close samples; modes/reached: modes that are the nearest to
                              a fair share of the samples; modes/near: the share of samples that lie close to a mode
    other points              data_reached: the share of real points with a sample nearby (coverage, 2002.09797)
    all points                kl, js (bits) and sliced_wasserstein: how far the samples are from the data's density, and
                              the scores of as many real points (metrics/density.py)
    images                    variety: how far samples lie apart, as a share of how far real images do, and the other
                              signs that `signs` lists
    sound, text and the like  variety, of the descriptions by `gan_core/media`, and its measurements: of molecules
                              molecules/valid, molecules/unique and molecules/novel, shares of one another; judged/NAME:
                              what the data set's `judge` checks exactly, e.g. whether equations are right
    unpaired translation      luminance_kept: the correlation of the brightness of inputs and outputs, of the direction
                              where it is lower
    all                       data/scale and data/offset: the standard deviation and the mean of the data, as networks
                              see them; images lie in [-1, 1]

Images are compared as the shelf's feature net for their data set sees them, else by their pixels. Two distances are
taken, the root mean square of all pairs and the mean to the nearest other, and `variety` is the lower share of the two:
samples of a few sharp modes are far apart on average, but each has a twin. Under a conditional GAN only images of one
class are compared, so that different classes don't count as variety.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from gan_core.data.base import FIELDS
from gan_core.data.catalogue import judge_of, modes_of
from gan_core.data.mixtures import is_known
from gan_core.data.parts import kind_of
from gan_core.errors import GanscopeError
from gan_core.media import Medium, medium_of
from gan_core.media.base import features
from gan_core.metrics import density
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.neighbours import manifold
from gan_core.metrics.points import SAMPLES, coverage
from gan_core.models import listing
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import to_uint8
from gan_core.training import signs
from gan_core.training.trainer import Trainer

logger = logging.getLogger(__name__)

SEED = 0
IMAGES = 128  # samples and real images that are compared
LEAST = 8  # real images, below which variety isn't measured
JUDGED = 256  # samples given to a data set's own judge
LABELLED = 512  # real images that classes are learnt from
KNOWN = 10_000  # training items, at most, whose names are known
MEMORISED = 1024  # training images, at most, that are searched for copies
TRANSLATED = 8  # images whose translation is examined
POINTS = 500  # if no modes are known
PIXELS = 16  # side to which images are shrunk if there is no net for them
NET = "features."  # with a data set's name: the shelf's net for it

Examine = Callable[[], dict[str, float]]
Describe = Callable[[np.ndarray], np.ndarray]  # uint8 images (N, C, H, W) -> features (N, d)


def examiner(trainer: Trainer, reference: str) -> Examine | None:
    """Returns a function that measures samples of the averaged networks, by metric name; None if there are no samples.

    `reference`: the training data. Measuring never changes the training.
    """
    recipe = trainer.recipe
    sampler = Sampler(recipe, trainer.hparams, trainer.spec, trainer.ema.networks)
    look: Examine | None = None
    if recipe.task == "unpaired":
        look = _translations(trainer, sampler)
    elif recipe.task == "points":
        look = _points(trainer, sampler, reference)
    elif medium := medium_of(recipe.task):
        look = _other(trainer, sampler, medium, reference) if recipe.draws else None
    elif recipe.draws:
        look = _images(trainer, sampler, reference)
    if look is None:
        return None
    data = _range(trainer)

    def examine() -> dict[str, float]:
        trainer.ema.refresh()
        found = look()
        found = found and found | data
        # no figures from weights that aren't finite: the losses report them
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


def _range(trainer: Trainer) -> dict[str, float]:
    """The scale and the offset of the data, for pictures and points only."""
    if medium_of(trainer.recipe.task):
        return {}
    fields = trainer.batches.spread(LABELLED)
    shapes = trainer.spec.fields  # the poses of views are no pixels
    shown = [name for name, shape in shapes.items() if len(shape) == 3 or trainer.recipe.task == "points"]
    values = torch.cat([fields[name].flatten().float() for name in shown]).cpu()
    return {"data/scale": float(values.std()), "data/offset": float(values.mean())}


def _translations(trainer: Trainer, sampler: Sampler) -> Examine | None:
    inputs = trainer.batches.held_out()
    directions = {"a_to_b": "a", "b_to_a": "b"}
    if not inputs or not directions.keys() <= sampler.recipe.translations.keys():
        return None

    def look() -> dict[str, float]:
        kept = []
        for direction, domain in directions.items():
            images = inputs[domain][:TRANSLATED]
            with torch.no_grad():
                translated = sampler.recipe.translations[direction](sampler.networks, sampler.hparams, images)
            kept.append(signs.correlation(_brightness(images), _brightness(translated)).mean())
        return {"luminance_kept": float(min(kept))}

    return look


def _brightness(images: Tensor) -> np.ndarray:
    return images.mean(1).flatten(1).cpu().double().numpy()  # (N, C, H, W) -> (N, H * W)


def _images(trainer: Trainer, sampler: Sampler, reference: str) -> Examine | None:
    real = trainer.batches.spread(IMAGES)
    count = len(real["real"])
    if count < LEAST:
        return None
    describe = describer(reference, trainer.spec.fields["real"])
    latents, asked = sampler.latents(count, SEED)
    labels = asked if sampler.recipe.conditional and sampler.recipe.conditions is None else None
    levels = as_bytes(real["real"])
    features = describe(levels)
    apart = _distances(features, real["label"].cpu() if labels is not None else None)
    if not all(apart):  # all real images are the same
        return None
    likeness = signs.Likeness(features.astype(np.float64))
    novelty, looks_like = _memory(trainer, describe), _classes(trainer, describe)
    trivial = signs.statistics(levels)

    def compare() -> dict[str, float]:
        images = as_bytes(sampler.draw(latents, asked))
        made = describe(images).astype(np.float64)
        found = _distances(made, labels)
        seen = {"variety": min(made / real for made, real in zip(found, apart, strict=True))}
        seen |= likeness.measure(made)
        if novelty is not None:
            seen |= novelty.measure(made)
        if looks_like is not None:
            seen |= looks_like.measure(made, None if labels is None else labels.numpy())
        return seen | {"cue": signs.cue(trivial, signs.statistics(images))}

    return compare


def _other(trainer: Trainer, sampler: Sampler, medium: Medium, reference: str) -> Examine | None:
    """The variety of samples that aren't pictures, by their medium's descriptions, and the data set judge's scores."""
    spec = trainer.spec
    real = trainer.batches.spread(medium.shown * 2)
    samples = real[FIELDS[spec.task][0]].cpu().numpy()
    if len(samples) < LEAST:
        return None
    latents, labels = sampler.latents(len(samples), SEED)
    classes = labels if sampler.recipe.conditional and sampler.recipe.conditions is None else None
    apart = _distances(features(medium, samples, spec), real["label"].cpu() if classes is not None else None)
    if not all(apart):
        return None
    judge = judge_of(reference)
    judged = sampler.latents(JUDGED, SEED)

    more = _names(trainer, sampler, medium) if medium.measure and medium.name else dict

    def compare() -> dict[str, float]:
        made = features(medium, sampler.draw(latents, labels).numpy(), spec).astype(np.float64)
        found = {"variety": min(made / real for made, real in zip(_distances(made, classes), apart, strict=True))}
        checked = judge(sampler.draw(*judged).numpy()) if judge else {}
        return found | more() | {f"judged/{name}": value for name, value in checked.items()}

    return compare


def _names(trainer: Trainer, sampler: Sampler, medium: Medium) -> Examine:
    """Figures from the names of samples and those of the training data, e.g. the share of new molecules."""
    latents, labels = sampler.latents(medium.examined, SEED)
    known: set[str] = set()

    def look() -> dict[str, float]:
        assert medium.measure
        assert medium.name
        if not known:
            everything = trainer.batches.spread(KNOWN)[FIELDS[trainer.spec.task][0]].cpu().numpy()
            known.update(map(medium.name, everything))
        return medium.measure(sampler.draw(latents, labels).numpy(), known)

    return look


def _memory(trainer: Trainer, describe: Describe) -> signs.Novelty | None:
    """The detector of copies: all training images, if there are few."""
    training = trainer.batches.spread(MEMORISED + 1)["real"]
    if len(training) > MEMORISED:
        return None
    novelty = signs.Novelty(describe(as_bytes(training)).astype(np.float64))
    return novelty if novelty.is_defined else None


def _classes(trainer: Trainer, describe: Describe) -> signs.LooksLike | None:
    """The recogniser of classes; None for data without them."""
    if trainer.spec.classes < 2:
        return None
    known = trainer.batches.spread(LABELLED)
    labels = known["label"].cpu().numpy()
    return signs.LooksLike(describe(as_bytes(known["real"])).astype(np.float64), labels)


def describer(reference: str, shape: tuple[int, ...]) -> Describe:
    """Features of images by the matching net of the shelf, else their pixels."""
    net = shelved_net(reference, shape)
    if net is None:
        return _pixels
    return lambda images: np.concatenate([features for features, _ in net.predict(images)])


def shelved_net(reference: str, shape: tuple[int, ...]) -> FeatureNet | None:
    """The feature net of the shelf for a data set at this shape; None if there is none."""
    name = NET + kind_of(reference)
    try:
        net = FeatureNet.from_shelf(name) if name in listing.names() else None
    except GanscopeError as error:  # a damaged model must not prevent training
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
    """Distances of features (N, d): the root mean square of all pairs, and the mean to the nearest other.

    With labels (N,), only pairs of one class count; 0, 0 if there are none.
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
