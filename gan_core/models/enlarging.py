"""Super-resolution of images of any size, in bounded memory.

A picture is read in tiles, and the result is written in strips of whole rows, so that only the result is held as a
whole. Tiles are as large as the memory allows, and overlap by the network's receptive field unless that is too large:
the result then equals that of the whole picture at once.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gan_core.data.base import Progress, silent
from gan_core.errors import BadValue
from gan_core.models.sampler import Sampler
from gan_core.models.tiles import Span, spans, strips
from gan_core.models.underlay import underlaid
from gan_core.objectives.super_resolution import bicubic
from gan_core.pictures.damage import Damage
from gan_core.pictures.depth import whites
from gan_core.pictures.photos import array_of, image_of, limit_words, megapixels, most_pixels

MOST_MARGIN = 64  # pixels that a tile reads beyond its part, at most; farther ones have little effect
FADE = 16  # pixels to each side over which neighbours are blended if they don't match exactly
LEAST = 64  # least width of a tile without its margins, in pixels
ALPHA_REACH = 3  # reach of bicubic enlargement, in pixels
TILE_BYTES = 320 * 2**20  # approximate memory of the network for one tile
STRIP_BYTES = 96 * 2**20  # for a strip of the result in single precision
PROBE = 16  # pixels of the image for measuring the receptive field
# share of the network, against bicubic enlargement, at which it isn't worse: PSNR by benchmarks/damaged.py
BY_QUALITY = ((30, 0.0), (50, 0.2), (75, 0.5), (90, 0.7), (95, 1.0))  # of a JPEG file
BY_STEPS = ((1.3, 1.0), (1.31, 0.1), (1.5, 0.0))  # at the borders of its blocks
BY_NOISE = ((5.0, 1.0), (8.0, 0.0))  # levels; below, its share of the fine detail counts
DOUBT = ((2.5, 0.0), (4.5, 1.0))  # levels: texture alone has such values too
INTACT = 0.35  # for an intact picture, the strength of a network trained on damaged ones
HARMED = 70, 1.3, 4.5  # quality, steps and noise from which damage is visible
NEAR = (  # layers that don't extend the receptive field of the convolutions; any other may cover the whole picture
    nn.Conv2d, nn.BatchNorm2d, nn.PReLU, nn.LeakyReLU, nn.ReLU, nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.Tanh,
    nn.PixelShuffle, nn.PixelUnshuffle, nn.Identity, nn.Dropout,
)  # fmt: skip

Picture = TypeVar("Picture", Image.Image, np.ndarray)


@dataclass(frozen=True)
class Needs:
    """A network's requirements on tiles."""

    reach: int  # pixels of the input that an output pixel depends on, to each side; MOST_MARGIN + 1 if it is larger
    bytes: float  # approximate memory for each pixel of the input


def enlarge(
    sampler: Sampler, picture: Picture, scale: int = 0, tile: int = 0, progress: Progress = silent, depth: int = 0,
    strength: float = 1.0,
) -> Picture:  # fmt: skip
    """The picture, `scale` times larger (0: the model's own factor); of the same kind, colours and depth.

    Images, or arrays (H, W) or (H, W, C) of uint8 or uint16; C is 1 or 3, or one more with alpha, which is enlarged
    bicubically, and then colours under transparent pixels have no effect (underlay.py). A model of scale 4 enlarges
    twice as well, by its mean over 2x2 pixels. `tile` is the side of a tile in pixels of the input, with its margins; 0
    chooses it. An exception from `progress` ends the work. `depth` is how many bits of uint16 are used (0: as many as
    the levels need); the result's levels lie between the same black and white. `strength` 0 is bicubic enlargement, 1
    the model, and between them lie their blends.

    Raises BadValue if the model can't enlarge, or for a picture that is too large or of another kind, and BadData for a
    depth that can't hold every level.
    """
    if isinstance(picture, Image.Image):
        return image_of(_enlarged(sampler, array_of(picture), scale, tile, progress, depth, strength))
    array = picture[:, :, None] if picture.ndim == 2 else picture
    made = _enlarged(sampler, array, scale, tile, progress, depth, strength)
    return made[:, :, 0] if picture.ndim == 2 else made


def _enlarged(
    sampler: Sampler, array: np.ndarray, scale: int, tile: int, progress: Progress, depth: int, strength: float
) -> np.ndarray:
    parts = enlarged_rows(sampler, array, scale, tile, progress, depth, strength)
    first = next(parts)
    result = np.empty((array.shape[0] * first.shape[1] // array.shape[1], *first.shape[1:]), array.dtype)
    top = 0
    for rows in chain([first], parts):
        result[top : top + len(rows)] = rows
        top += len(rows)
    return result


def enlarged_rows(
    sampler: Sampler, array: np.ndarray, scale: int = 0, tile: int = 0, progress: Progress = silent, depth: int = 0,
    strength: float = 1.0,
) -> Iterator[np.ndarray]:  # fmt: skip
    """Like `enlarge`, for an array (H, W, C): yields some rows of the result at a time, to be written immediately."""
    native = factor(sampler)
    wanted = scale or native
    if wanted < 2 or native % wanted:
        valid = [str(one) for one in range(2, native + 1) if native % one == 0]
        raise BadValue(
            "{recipe} can't upscale by a factor of {scale}. Valid: {valid}.",
            recipe=sampler.recipe.title, scale=wanted, valid=", ".join(valid),
        )  # fmt: skip
    if not 0 <= strength <= 1:
        raise BadValue("The strength must be between 0 and 1, got {strength}.", strength=strength)
    check(array, wanted)
    white = whites(array, depth)
    shown = underlaid(array) if array.shape[2] in (2, 4) else array
    return _rows(sampler, shown, native, wanted, tile, progress, white, strength)


def _rows(
    sampler: Sampler,
    array: np.ndarray,
    native: int,
    wanted: int,
    tile: int,
    progress: Progress,
    most: np.ndarray,
    strength: float,
) -> Iterator[np.ndarray]:
    rows, columns = tiling(sampler, array.shape, wanted, tile)
    white = torch.from_numpy(most).float()[:, None, None]  # (C,) -> (C, 1, 1)
    done = 0

    def made(row: Span, column: Span) -> Tensor:
        nonlocal done
        progress(done / (len(rows) * len(columns)), "Upscaling")
        done += 1
        levels = torch.from_numpy(array[row.start : row.stop, column.start : column.stop].astype(np.float32))
        images = levels.permute(2, 0, 1)[None] * (2 / white) - 1  # (h, w, C) -> (1, C, h, w)
        if not strength:
            return bicubic(images, wanted)[0]
        enlarged = _tile(sampler, images, native)
        if wanted < native:
            enlarged = avg_pool2d(enlarged, native // wanted)
        return (enlarged if strength == 1 else torch.lerp(bicubic(images, wanted), enlarged, strength))[0]

    with torch.inference_mode():
        for strip in strips(rows, columns, wanted, made):
            levels = strip.add_(1).mul_(white / 2).round_().clamp_(min=0).minimum(white)
            yield levels.permute(1, 2, 0).numpy().astype(array.dtype)  # (C, rows, W) -> (rows, W, C)
    progress(1.0, "Upscaling")


def _tile(sampler: Sampler, images: Tensor, scale: int) -> Tensor:
    """(1, C, h, w) in [-1, 1] with alpha as the last of 2 or 4 channels -> (1, C, scale h, scale w)."""
    count = images.shape[1]
    colours = count - 1 if count in (2, 4) else count
    shown, taken = images[:, :colours], sampler.spec.channels
    device = next(sampler.networks["generator"].parameters()).device
    if taken == 1:
        shown = shown.transpose(0, 1)  # (1, C, h, w) -> (C, 1, h, w)
    elif colours == 1:
        shown = shown.expand(-1, taken, -1, -1)
    upscale = sampler.recipe.translations["upscale"]
    made = upscale(sampler.networks, sampler.hparams, shown.to(device)).cpu()
    if taken == 1:
        made = made.transpose(0, 1)
    elif colours == 1:
        made = made.mean(1, keepdim=True)
    return made if colours == count else torch.cat([made, bicubic(images[:, colours:], scale)], 1)


def factor(sampler: Sampler) -> int:
    """The factor by which the model enlarges pictures; raises BadValue if it doesn't."""
    if "upscale" not in sampler.recipe.translations:
        raise BadValue("{recipe} is not a super-resolution model.", recipe=sampler.recipe.title)
    return int(sampler.hparams.scale)


def check(array: np.ndarray, scale: int) -> None:
    """Raises BadValue for an array that can't be enlarged by this factor."""
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or array.dtype not in (np.uint8, np.uint16) or not array.size:
        raise BadValue(
            "An image must have 8 or 16 bits and the shape (height, width, 1 to 4), not {kind} {shape}.",
            kind=array.dtype, shape=array.shape,
        )  # fmt: skip
    pixels, most = array.shape[0] * array.shape[1], most_pixels(scale)
    if pixels > most:
        raise BadValue(
            "The image has {pixels} megapixels; at most {most} can be upscaled by a factor of {scale}.",
            pixels=megapixels(pixels), most=limit_words(most), scale=scale,
        )  # fmt: skip


def advised(damage: Damage, restores: bool = False) -> float:
    """The strength for a picture, in [0, 1]: with more damage, the network adds less and spoils more.

    `restores`: the network was trained on damaged pictures, so that it removes damage.
    """
    if restores:
        return 1.0 if any(harmed(damage)) else INTACT
    quality = 100 if damage.quality is None else damage.quality
    noise = damage.noise * _on_line(DOUBT, damage.noise)
    clear = max(0.0, 1 - (noise / max(damage.fine, noise, 1e-6)) ** 2)  # share of the fine detail that isn't noise
    found = _on_line(BY_QUALITY, quality), _on_line(BY_STEPS, damage.steps), clear * _on_line(BY_NOISE, damage.noise)
    return round(min(found), 2)


def _on_line(points: Sequence[tuple[float, float]], place: float) -> float:
    """Linear interpolation through points, constant beyond the ends."""
    return float(np.interp(place, [where for where, _height in points], [height for _where, height in points]))


def harmed(damage: Damage) -> tuple[bool, bool]:
    """Whether JPEG artefacts are visible, and whether noise is."""
    quality, steps, noise = HARMED
    return (damage.quality or 100) < quality or damage.steps >= steps, damage.noise >= noise


def tiling(sampler: Sampler, shape: tuple[int, ...], scale: int, tile: int = 0) -> tuple[list[Span], list[Span]]:
    """Rows and columns of tiles for a picture (H, W, C); raises BadValue for a `tile` that is too small."""
    needs = needed(sampler)
    exact = needs.reach <= MOST_MARGIN
    margin, fade = (needs.reach, 0) if exact else (MOST_MARGIN, FADE)
    side = tile or max(LEAST + 2 * margin, int(math.sqrt(TILE_BYTES / needs.bytes)))
    least = 2 * margin + max(1, 4 * fade)
    if side < least:
        raise BadValue("Tiles must be at least {least} pixels wide for this model, got {tile}.", least=least, tile=tile)
    height, width, channels = shape
    rows_at_once = STRIP_BYTES // (4 * channels * width * scale**2)
    core = side - 2 * margin
    tall = min(core, max(LEAST, rows_at_once))
    whole = height <= min(side, rows_at_once)
    rows = spans(height, height if whole else tall, margin, fade)
    return rows, spans(width, width if width <= side else core, margin, fade)


def needed(sampler: Sampler) -> Needs:
    """The generator's receptive field and memory use, measured on a small image."""
    network = copy.deepcopy(sampler.networks["generator"])  # hooks on a copy: the network may be in use elsewhere
    reach, floats = 0.0, 0.0

    def convolved(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal reach
        assert isinstance(layer, nn.Conv2d)
        beyond = max(size * step - step for size, step in zip(layer.kernel_size, layer.dilation, strict=True)) / 2
        reach += beyond * PROBE / inputs[0].shape[3]  # an upper limit for parallel layers

    def held(layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal floats
        floats = max(floats, (inputs[0].numel() + output.numel()) / PROBE**2)

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(convolved)
        if not list(layer.children()):
            layer.register_forward_hook(held)
            if not isinstance(layer, NEAR):
                reach = math.inf
    first = next(network.parameters())
    with torch.inference_mode():
        network(first.new_zeros(1, sampler.spec.channels, PROBE, PROBE))
    return Needs(max(ALPHA_REACH, math.ceil(min(reach, MOST_MARGIN + 1))), 4 * floats)


def blended(one: Sampler, other: Sampler, share: float) -> Sampler:
    """Interpolates the weights of two models with the same networks: `share` in [0, 1] of `other`.

    Raises BadValue for models of different networks (1809.00219, section 3.4).
    """
    if not 0 <= share <= 1:
        raise BadValue("The share must be between 0 and 1, got {share}.", share=share)
    first, second = one.networks["generator"].state_dict(), other.networks["generator"].state_dict()
    alike = {name: weight.shape for name, weight in first.items()} == {n: w.shape for n, w in second.items()}
    if one.recipe.name != other.recipe.name or not alike or factor(one) != factor(other):
        raise BadValue(
            "{one} and {other} can't be interpolated: their networks differ.",
            one=one.recipe.title,
            other=other.recipe.title,
        )
    generator = copy.deepcopy(one.networks["generator"])
    generator.load_state_dict(
        {name: torch.lerp(weight, second[name].to(weight.device), share) if weight.is_floating_point() else weight
         for name, weight in first.items()}
    )  # fmt: skip
    return Sampler(one.recipe, one.hparams, one.spec, {"generator": generator})
