"""Compares a translator's pictures with the true ones, for tasks whose true pairs are known.

PSNR (dB), SSIM and the perceptual distance of a feature net, means over held-out pairs if the data have such a part;
all pictures are rounded to 8 bits first. The floor is the score without the model: the unchanged input, and for
enlarged pictures Pillow's bicubic enlargement. Enlarged pictures are measured on luma without 4 pixels at each side, as
is customary; all others in all colours (metrics/pictures.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_core.data.base import DataSet, Progress, silent
from gan_core.errors import BadData
from gan_core.metrics import bootstrap
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.figures import BACK_PREFIX, PIXELS, Figure
from gan_core.metrics.streams import chosen_places
from gan_core.models.enlarging import enlarge, factor
from gan_core.models.sampler import Sampler
from gan_core.objectives.fidelity import luma, psnr, ssim
from gan_core.pictures.grids import to_uint8

CHUNK = 16
CUT = 4  # pixels from each side, of enlarged pictures
TASKS = ("paired", "unpaired", "super_resolution")

Triple = tuple[Tensor, Tensor, Tensor]  # the model's output, the result without it, and the truth, (B, C, H, W)


def closeness(
    sampler: Sampler,
    data: DataSet,
    net: FeatureNet,
    samples: int,
    seed: int = 0,
    side: str = "",
    progress: Progress = silent,
) -> tuple[Figure, ...]:
    """PSNR, SSIM and perceptual distance of each direction; raises BadData if no true pairs are known."""
    check_pairs(sampler, data)
    places = chosen_places(len(data), samples, seed)
    perceive = net.perception()
    found: list[Figure] = []
    jobs = _jobs(sampler, data, places)
    for number, (prefix, triples) in enumerate(jobs):
        marks: dict[str, list[np.ndarray]] = {}
        done = 0
        for made, without, truth in triples:
            done += len(truth)
            progress((number + done / len(places)) / len(jobs), "Evaluating pairs")
            for end, pictures in (("", made), ("_floor", without)):
                for kind, values in _marks(pictures, truth, perceive, sampler.recipe.task).items():
                    marks.setdefault(kind + end, []).append(values)
        found += [_figure(prefix, kind, marks, net, side) for kind in ("psnr", "ssim", "perceptual")]
    return tuple(found)


def check_pairs(sampler: Sampler, data: DataSet) -> None:
    """Raises BadData if the truth isn't known, or if images have another size than the model's."""
    task = sampler.recipe.task
    fields = ("real",) if task == "super_resolution" else ("source", "target")
    if task not in TASKS or not set(fields) <= set(data.arrays):
        raise BadData(
            "{data} holds no true pairs for {recipe}, so its pictures can't be compared with the truth.",
            data=data.name, recipe=sampler.recipe.title,
        )  # fmt: skip


def _figure(prefix: str, kind: str, marks: dict[str, list[np.ndarray]], net: FeatureNet, side: str) -> Figure:
    values, floor = (np.concatenate(marks[f"{kind}{end}"]).astype(np.float64) for end in ("", "_floor"))
    of_net = kind == "perceptual"
    return Figure(
        prefix + kind, len(values), net.name if of_net else PIXELS, float(values.mean()), *bootstrap.of_mean(values),
        floor=float(floor.mean()), floor_n=len(floor), side=side, pixels=net.spec.size,
        origin=net.origin if of_net else "",
    )  # fmt: skip


@torch.no_grad()
def _marks(
    pictures: Tensor, truth: Tensor, perceive: Callable[[Tensor, Tensor], Tensor], task: str
) -> dict[str, np.ndarray]:
    enlarged = task == "super_resolution"
    one, other = (inner(rounded(side), CUT if enlarged else 0) for side in (pictures, truth))
    seen = [luma(side) if enlarged else side for side in (one, other)]
    return {
        "psnr": psnr(*seen).numpy(),
        "ssim": ssim(*seen).numpy(),
        "perceptual": perceive(one, other).numpy(),
    }


def _jobs(sampler: Sampler, data: DataSet, places: np.ndarray) -> list[tuple[str, Iterator[Triple]]]:
    """The prefix of each direction's figures, and its pictures."""
    if sampler.recipe.task == "super_resolution":
        return [("", _enlarged(sampler, data.arrays["real"], places))]
    jobs: list[tuple[str, Iterator[Triple]]] = []
    for direction in sampler.recipe.translations:
        ends = ("target", "source") if direction == "b_to_a" else ("source", "target")
        given, truth = (data.arrays[end] for end in ends)
        jobs.append((BACK_PREFIX if jobs else "", _translated(sampler, direction, given, truth, places)))
    return jobs


def _translated(
    sampler: Sampler, direction: str, given: np.ndarray, truth: np.ndarray, places: np.ndarray
) -> Iterator[Triple]:
    for start in range(0, len(places), CHUNK):
        chosen = places[start : start + CHUNK]
        inputs, wanted = scaled(given[chosen]), scaled(truth[chosen])
        yield sampler.translate(inputs, direction), inputs.expand_as(wanted), wanted


def _enlarged(sampler: Sampler, images: np.ndarray, places: np.ndarray) -> Iterator[Triple]:
    scale = factor(sampler)
    for place in places:
        levels = images[place].transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
        truth = Image.fromarray(levels[:, :, 0] if levels.shape[2] == 1 else levels)
        size = (truth.width - truth.width % scale, truth.height - truth.height % scale)
        truth = truth.crop((0, 0, *size))
        small = truth.resize((size[0] // scale, size[1] // scale), Image.Resampling.BICUBIC)
        plainly = small.resize(size, Image.Resampling.BICUBIC)
        yield tensor_of(enlarge(sampler, small)), tensor_of(plainly), tensor_of(truth)


def tensor_of(image: Image.Image) -> Tensor:
    """(1, C, H, W) in [-1, 1]."""
    levels = np.asarray(image)
    return scaled(levels[None, None] if levels.ndim == 2 else levels.transpose(2, 0, 1)[None])


def scaled(levels: np.ndarray) -> Tensor:
    """uint8 (B, C, H, W) -> [-1, 1]."""
    return torch.from_numpy(np.array(levels, np.float32, order="C")) / 127.5 - 1


def rounded(pictures: Tensor) -> Tensor:
    """The pictures rounded as in a file: figures for floats differ from those for 8 bits."""
    return scaled(to_uint8(pictures).transpose(0, 3, 1, 2))  # (B, H, W, C) -> (B, C, H, W)


def inner(images: Tensor, cut: int) -> Tensor:
    """The pictures without their borders; small images are kept whole."""
    if min(images.shape[2:]) < 8 * cut:
        return images
    return images[:, :, cut : images.shape[2] - cut, cut : images.shape[3] - cut]
