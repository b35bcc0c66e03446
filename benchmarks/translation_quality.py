"""How close the outputs of translators are to the truth; `benchmarks.quality` calls this for models that translate.

    python -m benchmarks.quality srresnet.bsds_x4 cyclegan.emoji --save

All on items that weren't trained on, against the true pictures, compared with baselines without the model:

- super-resolution: whole pictures (of BSDS500 its 200 test photos), made smaller by Pillow's bicubic filter with
  antialiasing, compared with Pillow's bicubic enlargement; PSNR and SSIM on luma (BT.601, 16 to 235) with 4 pixels cut
  from each side, as the field does;
- pairs, and domains whose true pairs are known: each direction, compared with the unchanged input (`input`) and with
  the input whose colours are matched to the other domain's histogram, channel by channel (`colours`);
- holes: PSNR inside them, compared with the mean colour of the rest (`mean`);
- encoders: reconstructions by the generator, compared with its average picture (`average`).

All pictures are rounded to 8 bits first. `perceptual` is the distance of metrics/perception.py in an installed net,
which is part of the name: that of the model's own data if there is one, else `features.emoji`. Names carry the number
of pictures; `back_` is the second direction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.timing import Row
from gan_core import data
from gan_core.data.files import files_of
from gan_core.data.parts import held_out
from gan_core.errors import BadData
from gan_core.gans.encoder import ImageEncoder
from gan_core.metrics.evaluate import count_text
from gan_core.metrics.feature_net import plain_name
from gan_core.metrics.pairs import CHUNK, CUT, inner, rounded, scaled, tensor_of
from gan_core.metrics.perception import Perception, perception
from gan_core.metrics.streams import chosen_places
from gan_core.models import listing, loading
from gan_core.models.card import Card
from gan_core.models.enlarging import enlarge, factor
from gan_core.models.sampler import Sampler
from gan_core.objectives.fidelity import luma, psnr, ssim
from gan_core.objectives.inpainting import random_holes
from gan_core.objectives.super_resolution import NETS
from gan_core.pictures.decoding import plain

TASKS = ("super_resolution", "paired", "unpaired", "inpainting", "inversion")
PHOTOS = "BSDS500/test/*.jpg"
KINDS = ("psnr", "ssim", "perceptual", "back_")
GAIN = 0.8  # decibels above bicubic, required of models trained on pixels alone

Sides = Mapping[str, Tensor]  # "" is the model's, other names are baselines; (B, C, H, W) in [-1, 1]


@dataclass(frozen=True)
class Closeness:
    """Scores by name."""

    card: Card
    net: str
    metrics: dict[str, float]


def closeness(name: str, net: str = "", samples: int = 10_000, seed: int = 0) -> Closeness:
    """Measures an installed model that translates; raises GanscopeError if it can't."""
    card, sampler = listing.card(name), loading.load(name)
    chosen = net or _net_for(card)
    perceive = perception(chosen)
    measure = _Measure(sampler, card, perceive, plain_name(chosen.removeprefix("features.") + "net"), samples, seed)
    found = {
        "super_resolution": measure.enlarged,
        "paired": measure.translated,
        "unpaired": measure.translated,
        "inpainting": measure.filled,
        "inversion": measure.rebuilt,
    }[card.task]()
    return Closeness(card, chosen, found)


def _net_for(card: Card) -> str:
    own = f"features.{_whole(card.data).partition('_')[0]}"
    own = "features.avatars" if "avatars" in card.data else own
    return own if own in NETS and own in listing.names() else NETS[0]


def _whole(reference: str) -> str:
    """The data set's name, without its part."""
    return reference.removeprefix("train:")


def _whole_colour(images: Tensor) -> Tensor:
    return images


@dataclass(frozen=True)
class _Measure:
    sampler: Sampler
    card: Card
    perceive: Perception
    net: str
    samples: int
    seed: int

    def enlarged(self) -> dict[str, float]:
        scale = factor(self.sampler)

        def sides() -> Iterator[tuple[Sides, Tensor]]:
            for picture in self._pictures():
                width, height = (side - side % scale for side in picture.size)
                truth = picture.crop((0, 0, width, height))
                small = truth.resize((width // scale, height // scale), Image.Resampling.BICUBIC)
                plainly = small.resize((width, height), Image.Resampling.BICUBIC)
                made = {"": enlarge(self.sampler, small), "bicubic": plainly}
                yield {side: tensor_of(image) for side, image in made.items()}, tensor_of(truth)

        return self._marked(sides(), CUT, luma)

    def _pictures(self) -> Iterator[Image.Image]:
        if _whole(self.card.data) == "bsds500":
            for path in files_of(PHOTOS)[: self.samples]:
                with Image.open(path) as photo:
                    yield plain(photo)
            return
        unseen = data.load(self._unseen(self.card.data), self.card.size).arrays["real"]
        for place in chosen_places(len(unseen), self.samples, self.seed):
            levels = unseen[place].transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
            yield Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)

    def translated(self) -> dict[str, float]:
        reference = self.card.data.removesuffix("_unpaired")
        if reference not in data.sources and _whole(reference) not in data.sources:
            raise BadData("The true pairs of {data} aren't known.", data=self.card.data)
        unseen, training = (data.load(part, self.card.size).arrays for part in (self._unseen(reference), reference))
        places = chosen_places(len(unseen["source"]), self.samples, self.seed)
        found: dict[str, float] = {}
        for direction in self.sampler.recipe.translations:
            ends = ("target", "source") if direction == "b_to_a" else ("source", "target")
            table = colour_table(*(training[end] for end in ends))
            given, truths = (unseen[end][places] for end in ends)

            def sides(
                given: np.ndarray = given, truths: np.ndarray = truths, table: np.ndarray = table,
                direction: str = direction,
            ) -> Iterator[tuple[Sides, Tensor]]:  # fmt: skip
                for start in range(0, len(given), CHUNK):
                    levels = given[start : start + CHUNK]
                    images = scaled(levels)
                    made = {"": self.sampler.translate(images, direction), "input": images}
                    yield made | {"colours": scaled(recoloured(levels, table))}, scaled(truths[start : start + CHUNK])

            prefix = "back_" if found else ""
            found |= {f"{prefix}{kind}": value for kind, value in self._marked(sides()).items()}
        return found

    def filled(self) -> dict[str, float]:
        unseen = data.load(self._unseen(self.card.data), self.card.size).arrays["real"]
        places = chosen_places(len(unseen), self.samples, self.seed)
        generator = torch.Generator().manual_seed(self.seed)
        holes = random_holes(len(places), self.card.size, generator)
        marks: dict[str, list[Tensor]] = {}
        for start in range(0, len(places), CHUNK):
            truth, missing = scaled(unseen[places[start : start + CHUNK]]), holes[start : start + CHUNK]
            known = (~missing).float()
            mean = (truth * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True)
            for side, picture in {
                "": self.sampler.fill(truth, missing),
                "mean": torch.where(missing, mean, truth),
            }.items():
                made = rounded(picture)
                error = (made - truth).square().mean(1, keepdim=True) * missing
                inside = error.sum((1, 2, 3)) / missing.sum((1, 2, 3)).clamp(min=1)
                marks.setdefault(_named("psnr", side), []).append(10 * torch.log10(4 / inside.clamp(min=1e-10)))
                marks.setdefault(_named("perceptual", side), []).append(self._distance(made, truth))
        return self._means(marks)

    def rebuilt(self) -> dict[str, float]:
        unseen = data.load(self._unseen(self.card.data), self.card.size).arrays["real"]
        places = chosen_places(len(unseen), self.samples, self.seed)
        encoder = self.sampler.networks["encoder"]
        assert isinstance(encoder, ImageEncoder)
        average = encoder.generate(torch.zeros(1, *encoder.shape)).clamp(-1, 1)

        def sides() -> Iterator[tuple[Sides, Tensor]]:
            for start in range(0, len(places), CHUNK):
                truth = scaled(unseen[places[start : start + CHUNK]])
                yield {"": self.sampler.translate(truth), "average": average.expand_as(truth)}, truth

        return self._marked(sides())

    def _unseen(self, reference: str) -> str:
        unseen = held_out(reference)
        if not unseen:
            raise BadData("{data} has no part that the model didn't learn from.", data=reference)
        return unseen

    def _marked(
        self, batches: Iterator[tuple[Sides, Tensor]], cut: int = 0, seen: Callable[[Tensor], Tensor] = _whole_colour
    ) -> dict[str, float]:
        marks: dict[str, list[Tensor]] = {}
        for sides, whole in batches:
            truth = inner(whole, cut)
            for side, picture in sides.items():
                made = inner(rounded(picture), cut)
                one, other = seen(made), seen(truth)
                marks.setdefault(_named("psnr", side), []).append(psnr(one, other))
                marks.setdefault(_named("ssim", side), []).append(ssim(one, other))
                marks.setdefault(_named("perceptual", side), []).append(self._distance(made, truth))
        return self._means(marks)

    @torch.no_grad()
    def _distance(self, made: Tensor, truth: Tensor) -> Tensor:
        distance: Tensor = self.perceive(made, truth)
        return distance

    def _means(self, marks: Mapping[str, list[Tensor]]) -> dict[str, float]:
        found = {}
        for kind, parts in marks.items():
            values = torch.cat(parts)
            net = f"_{self.net}" if kind.startswith("perceptual") else ""
            found[f"{kind}{count_text(len(values))}{net}"] = float(values.double().mean())
        return found


def _named(kind: str, side: str) -> str:
    return f"{kind}_{side}" if side else kind


def colour_table(given: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(C, 256): the levels of each channel of images (N, C, H, W), as they would be with the others' histogram."""
    rows = []
    for channel in range(given.shape[1]):
        shares = [np.bincount(images[:, channel].ravel(), minlength=256) for images in (given, wanted)]
        below = [(np.cumsum(share) - share / 2) / share.sum() for share in shares]  # the middle of each level
        rows.append(np.interp(below[0], below[1], np.arange(256)))
    return np.rint(rows).astype(np.uint8)


def recoloured(images: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Images (N, C, H, W) by a table (C, 256)."""
    return np.stack([table[channel][images[:, channel]] for channel in range(images.shape[1])], 1)


def rows(measured: Closeness) -> list[Row]:
    """The measurements; the model's own next to the best baseline."""
    return [_row(kind, value, measured) for kind, value in measured.metrics.items()]


def _row(kind: str, value: float, measured: Closeness) -> Row:
    others = [other for name, other in measured.metrics.items() if name != kind and _of(name) == _of(kind)]
    if _plain(kind) != _of(kind) or not others:
        return Row(kind, f"{value:.4g}")
    if "perceptual" in kind:
        return Row(kind, f"{value:.4g}", f"< {min(others):.4g}", value < min(others))
    pixels_alone = measured.card.task == "super_resolution" and measured.card.hparams["adversarial_weight"] == 0
    asked = max(others) + (GAIN if pixels_alone and kind.startswith("psnr") else 0)
    return Row(kind, f"{value:.4g}", f">= {asked:.4g}", value >= asked)


def _plain(kind: str) -> str:
    """The name without count and net."""
    return kind.rstrip("0123456789k") if "perceptual" not in kind else kind.rpartition("_")[0].rstrip("0123456789k")


def _of(kind: str) -> str:
    """What is scored, without the baseline: `back_ssim_input275` is of `back_ssim`."""
    name = _plain(kind)
    return next(f"{back}{mark}" for back in ("back_", "") for mark in KINDS[:3] if name.startswith(f"{back}{mark}"))
