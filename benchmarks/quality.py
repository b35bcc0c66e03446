"""Quality of the installed models: samples compared with images that they haven't seen, by the installed nets.

    python -m benchmarks.quality dcgan.digits cgan.mnist    # prints; without names: every one on the shelf
    python -m benchmarks.quality cgan.mnist --save          # writes the numbers into the card, and neighbours.png

Images that they haven't seen are the published test part, or freshly drawn avatars. A set without a test part is
compared itself, and names then end in `_train`. There are as many samples as these images, 10,000 at most.

- `fd`, `precision`, `recall`, `density`, `coverage`: as in `ganscope eval`. `fd..._floor` is the distance of one
  half of the unseen images to the other half: of fewer images, so a little above what a perfect model would get.
- `sure`, `rarest_class`, `commonest_class`, `reached`: see gan_core/metrics/answers.py.
- `nearest`, `copied`: see gan_core/metrics/memorisation.py. `neighbours.png` shows the 8 samples that lie closest to a
  training image, above it.

Models that translate are measured by translation_quality.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from dataclasses import dataclass

import numpy as np
from PIL import Image

from benchmarks import translation_quality
from benchmarks.timing import Row, report
from benchmarks.translation_quality import KINDS, TASKS, Closeness, closeness
from gan_core import data
from gan_core.data.base import DataSet
from gan_core.data.parts import held_out, kind_of
from gan_core.errors import GanscopeError
from gan_core.metrics.answers import class_spread, sureness
from gan_core.metrics.evaluate import QUERIES, Report, count_text, evaluate
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.memorisation import Memorisation, memorisation
from gan_core.metrics.pictures import EIGHT_BITS, LUMA, SSIM, check_comparable
from gan_core.metrics.streams import Stream, chosen_places, of_data, of_model
from gan_core.models import listing, loading
from gan_core.models.card import NEIGHBOURS, Card, write_card
from gan_core.pictures.grids import enlarge, grid, png

SAMPLES = 10_000
PAIRS = 8
WIDTH = 320  # pixels of neighbours.png, at least
SPREAD = (0.5, 1.5)  # times the uniform share, required of each class


@dataclass(frozen=True)
class Quality:
    """Numbers by name, and the samples closest to a training image above those, as a picture."""

    card: Card
    net: str
    metrics: dict[str, float]
    neighbours: Image.Image


def quality(name: str, net_name: str = "", samples: int = SAMPLES, seed: int = 0) -> Quality:
    """Measures a model of the shelf; raises GanscopeError where there is no net for its images."""
    card = listing.card(name)
    net = FeatureNet.from_shelf(net_name or f"features.{kind_of(card.data)}")
    unseen = held_out(card.data)
    reference = data.load(unseen or card.data, card.size)
    stream = of_model(loading.load(name), min(samples, len(reference)), seed, name)
    found = evaluate(stream, reference, net, ("fd", "prdc", "classes"), seed)
    values = {kind: found.values[kind] for kind in found.values if kind.startswith(KEPT)}
    values |= _floor(reference, stream.count, net, seed) | _answers(found, net)
    if not unseen:
        values = {f"{kind}_train": value for kind, value in values.items()}
    training = data.load(card.data, card.size)
    first = _first(stream, QUERIES)
    memorised = memorisation(first, training, seed)
    end = f"{count_text(len(first))}_pixels"
    values |= {f"nearest{end}": memorised.ratio, f"copied{end}": memorised.copied}
    return Quality(card, net.name, values, neighbours(first, training, memorised))


KEPT = ("fd", "precision", "recall", "density", "coverage", "sure", "reached")


def _floor(reference: DataSet, count: int, net: FeatureNet, seed: int) -> dict[str, float]:
    """The Frechet distance of one half of `count` real images to the other half."""
    places = chosen_places(len(reference), count, seed)
    one, other = (
        dataclasses.replace(reference, arrays={"real": reference.arrays["real"][half]})
        for half in (places[: count // 2], places[count // 2 : count // 2 * 2])
    )
    found = evaluate(of_data(one, len(one), seed), other, net, ("fd",), seed)
    return {f"{kind}_floor": value for kind, value in found.values.items()}


def _answers(found: Report, net: FeatureNet) -> dict[str, float]:
    end = f"{count_text(found.samples)}_{net.name}"
    values = {f"sure{end}_real": sureness(found.real_answers)}
    if net.classes:
        values |= class_spread(found.made_answers["class"], found.real_answers["class"], end)
    return values


def _first(stream: Stream, count: int) -> np.ndarray:
    """The first images of a stream, (N, C, H, W)."""
    parts: list[np.ndarray] = []
    for images in stream.batches():
        parts.append(images)
        if sum(map(len, parts)) >= count:
            break
    return np.concatenate(parts)[:count]


def neighbours(samples: np.ndarray, training: DataSet, memorised: Memorisation) -> Image.Image:
    """The PAIRS samples (N, C, H, W) that lie closest to a training image, and below each that image."""
    closest = memorised.distances.argsort(kind="stable")[:PAIRS]
    pairs = np.concatenate([samples[closest], training.arrays["real"][memorised.places[closest]]])
    return enlarge(grid(pairs.transpose(0, 2, 3, 1), len(closest)), WIDTH)  # (N, C, H, W) -> (N, H, W, C)


def save(name: str, measured: Quality | Closeness) -> None:
    """Writes the numbers into the model's card, replacing older ones of the same kind, and a picture next to it."""
    folder = listing.folder_of(name)
    ours = OURS if isinstance(measured, Quality) else KINDS
    if measured.card.metrics:
        check_comparable(measured.card.pictures, EIGHT_BITS, name)
    kept = {kind: value for kind, value in measured.card.metrics.items() if not kind.startswith(ours)}
    if isinstance(measured, Quality):
        (folder / NEIGHBOURS).write_bytes(png(measured.neighbours))
    write_card(folder, dataclasses.replace(measured.card, metrics=kept | measured.metrics, pictures=EIGHT_BITS))


OURS = (*KEPT, "rarest_class", "commonest_class", "nearest", "copied")


def rows(measured: Quality) -> list[Row]:
    return [_row(kind, value) for kind, value in measured.metrics.items()]


def _row(kind: str, value: float) -> Row:
    """A row of the table; only the spread of classes has a bound for every set."""
    low, high = SPREAD
    if kind.endswith("_real") or not kind.startswith(("rarest_class", "commonest_class")):
        return Row(kind, f"{value:.4g}")
    return Row(kind, f"{value:.2f}", f"{low} to {high}", low <= value <= high)


def _measured(name: str, net: str, samples: int, seed: int) -> Quality | Closeness:
    return (closeness if listing.card(name).task in TASKS else quality)(name, net, samples, seed)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="models; default: all on the shelf but nets")
    parser.add_argument("--net", default="", help="a net of the shelf; default: features.DATA")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="at most; default: %(default)s")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", action="store_true", help="on the card, and neighbours.png beside it")
    options = parser.parse_args(arguments)
    cards, _ = listing.survey()
    names = options.names or [name for name, card in cards.items() if card.task in ("images", *TASKS)]
    failed = False
    for name in names:
        try:
            measured = _measured(name, options.net, options.samples, options.seed)
            if options.save:
                save(name, measured)
        except GanscopeError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        found = rows(measured) if isinstance(measured, Quality) else translation_quality.rows(measured)
        report(f"{name} through {measured.net}", found)
        if isinstance(measured, Closeness):
            print(f"{SSIM}\n{LUMA}\nPictures have {EIGHT_BITS}.")
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
